import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cidrContains, parseCidr } from './cidr.ts';
import { formatIpAddress, parseIpAddress, parseIpAddressAsWritten } from './ip-address.ts';

function contains(range: string, address: string): boolean {
  const cidr = parseCidr(range);
  if (cidr === undefined) throw new Error(`no range: ${range}`);
  return cidrContains(cidr, address);
}

describe('ranges', () => {
  it.each([
    ['10.0.0.0/8', '10.255.0.1', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['10.244.3.7/20', '10.244.15.255', true],
    ['10.244.3.7/20', '10.244.16.0', false],
    ['0.0.0.0/0', '1.2.3.4', true],
    ['0.0.0.0/0', '::1', false],
    ['::/0', '1.2.3.4', false],
    ['::/0', 'fe80::1', true],
    ['fd00::/9', 'fd7f::', true],
    ['fd00::/9', 'fd80::', false],
    ['127.0.0.1', '127.0.0.1', true],
    ['127.0.0.1/32', '::ffff:127.0.0.1', true],
    ['::ffff:10.0.0.0/104', '10.9.9.9', true],
  ])('%s holds %s: %s', (range, address, expected) => expect(contains(range, address)).toBe(expected));

  it.each([
    '',
    '10.0.0.0/33',
    '10.0.0/8',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '10.0.0.0/08',
    '::/129',
    '::/-1',
    'a/8',
  ])('%j is none', (text) => expect(parseCidr(text)).toBeUndefined());
});

describe('addresses', () => {
  it('agrees with node:net on what an address is', () => {
    const nearAddress = fc.string({ unit: fc.constantFrom(...'0123456789abcfF:.'), maxLength: 24 });
    const text = fc.oneof(fc.ipV4(), fc.ipV6(), nearAddress);
    fc.assert(
      fc.property(text, (address) => {
        const length = parseIpAddressAsWritten(address)?.length;
        expect(length === undefined ? 0 : length === 4 ? 4 : 6).toBe(isIP(address));
      }),
      { numRuns: 2000 },
    );
  });

  it('reads back what it writes, and writes one text per address', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        expect(parseIpAddressAsWritten(formatIpAddress(bytes))).toEqual(bytes);
      }),
    );
    expect(formatIpAddress(parseIpAddress('2001:DB8:0:0:1:0:0:1') as Uint8Array)).toBe('2001:db8::1:0:0:1');
    expect(formatIpAddress(parseIpAddress('::') as Uint8Array)).toBe('::');
    expect(formatIpAddress(parseIpAddress('::ffff:1.2.3.4') as Uint8Array)).toBe('1.2.3.4');
    expect(parseIpAddress('fe80::1%eth0')).toEqual(parseIpAddress('fe80::1'));
  });
});
