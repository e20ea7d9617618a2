import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { renewAtMs, renewalRetryDelayMs } from './renewal.ts';

const uniform = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });

describe('renewal', () => {
  it('falls between 40 and 50 percent of the lifetime', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), uniform, (receivedAtMs, spanMs, chance) => {
        const at = renewAtMs({ receivedAtMs, notAfterMs: receivedAtMs + spanMs }, () => chance);
        expect(at).toBeGreaterThanOrEqual(receivedAtMs + spanMs * 0.4 - 1);
        expect(at).toBeLessThanOrEqual(receivedAtMs + spanMs * 0.5 + 1);
      }),
    );
  });

  it('is due at once for a certificate that came expired', () => {
    expect(renewAtMs({ receivedAtMs: 1000, notAfterMs: 10 }, () => 0.5)).toBe(1000);
  });

  it('is tried again after growing pauses, up to a minute', () => {
    const pauses = [1, 2, 3, 8, 9, 5000].map((attempt) => renewalRetryDelayMs(attempt, () => 0.999999));
    expect(pauses.map(Math.round)).toEqual([500, 1000, 2000, 60_000, 60_000, 60_000]);
    expect(renewalRetryDelayMs(1, () => 0)).toBe(250);
  });
});
