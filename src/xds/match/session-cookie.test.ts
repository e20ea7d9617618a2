import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressOfSession, decodeBase64, sessionOf } from './session-cookie.ts';

const NOW = 1_795_286_000_000;

describe('session cookies', () => {
  it('are written as Envoy 1.40 writes them', () => {
    expect(sessionOf('127.0.0.1:18972', 0)).toBe('Cg8xMjcuMC4wLjE6MTg5NzI=');
    expect(sessionOf('127.0.0.1:18971', 1_795_286_980)).toBe('Cg8xMjcuMC4wLjE6MTg5NzEQxM+H2AY=');
  });

  it('are read back, whatever address and time', () => {
    const ascii = fc.string({
      unit: fc.integer({ min: 33, max: 126 }).map((code) => String.fromCharCode(code)),
      minLength: 1,
      maxLength: 300,
    });
    fc.assert(
      fc.property(ascii, fc.integer({ min: 0, max: 2 ** 40 }), (address, seconds) => {
        const expires = seconds === 0 ? 0 : NOW / 1000 + seconds;
        expect(addressOfSession(sessionOf(address, expires), NOW)).toBe(address);
      }),
    );
  });

  it('count to their last second', () => {
    const value = sessionOf('10.0.0.1:80', NOW / 1000);
    expect(addressOfSession(value, NOW + 999)).toBe('10.0.0.1:80');
    expect(addressOfSession(value, NOW + 1000)).toBeUndefined();
  });

  it('may be the bare address, as older versions wrote it', () => {
    expect(addressOfSession(btoa('127.0.0.1:18972'), NOW)).toBe('127.0.0.1:18972');
    // By chance a message without an address, for Envoy too.
    expect(addressOfSession(btoa('10.0.0.1:80'), NOW)).toBeUndefined();
  });

  it('never throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const text = String.fromCharCode(...bytes);
        addressOfSession(btoa(text), NOW);
        addressOfSession(text, NOW);
        expect(decodeBase64(btoa(text))).toBe(text);
      }),
    );
  });
});
