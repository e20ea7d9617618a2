import { describe, expect, it } from 'vitest';
import { encodeProxyV1, encodeProxyV2 } from './encode.ts';

const four = {
  source: { address: '192.0.2.1', port: 56324 },
  destination: { address: '198.51.100.2', port: 443 },
};
const six = {
  source: { address: '2001:db8::1', port: 1 },
  destination: { address: '2001:db8::2', port: 65535 },
};

describe('the header of version 1', () => {
  it('is a line', () => {
    expect(encodeProxyV1(four).toString()).toBe('PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n');
    expect(encodeProxyV1(six).toString()).toBe('PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n');
    const mixed = { source: four.source, destination: six.destination };
    expect(encodeProxyV1(mixed).toString()).toBe('PROXY UNKNOWN\r\n');
  });
});

describe('the header of version 2', () => {
  it('is binary, with LOCAL for nobody', () => {
    const signature = '0d0a0d0a000d0a515549540a';
    expect(encodeProxyV2(four).toString('hex')).toBe(`${signature}2111000cc0000201c6336402dc0401bb`);
    expect(encodeProxyV2(six).toString('hex')).toBe(
      `${signature}21210024${'20010db8'}${'0'.repeat(23)}1${'20010db8'}${'0'.repeat(23)}20001ffff`,
    );
    expect(encodeProxyV2(undefined).toString('hex')).toBe(`${signature}20000000`);
  });
});
