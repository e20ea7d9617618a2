import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatIpAddress } from '../../lib/ip-address.ts';
import { decodeProxyHeader } from './decode.ts';
import { encodeProxyV1, encodeProxyV2 } from './encode.ts';

const port = fc.integer({ min: 0, max: 65_535 });
// IPv4-mapped IPv6 is IPv4 to whoever writes a header.
const address = (size: 4 | 16) =>
  fc
    .uint8Array({ minLength: size, maxLength: size })
    .map((bytes) => formatIpAddress(size === 16 ? Uint8Array.from([0x20, ...bytes.slice(1)]) : bytes));
const connection = fc.oneof(
  ...([4, 16] as const).map((size) =>
    fc.record({
      source: fc.record({ address: address(size), port }),
      destination: fc.record({ address: address(size), port }),
    }),
  ),
);

describe('a PROXY protocol header', () => {
  it('is read as it was written, whatever follows', () => {
    fc.assert(
      fc.property(connection, fc.uint8Array(), (written, rest) => {
        for (const [version, bytes] of [encodeProxyV1(written), encodeProxyV2(written)].entries()) {
          const read = decodeProxyHeader(Buffer.concat([bytes, rest]));
          expect(read).toEqual({
            kind: 'header',
            version: version + 1,
            connection: written,
            fields: [],
            length: bytes.length,
          });
        }
      }),
    );
  });

  it('asks for more as long as it is not whole', () => {
    fc.assert(
      fc.property(connection, fc.boolean(), fc.nat(200), (written, first, cut) => {
        const bytes = first ? encodeProxyV1(written) : encodeProxyV2(written);
        expect(decodeProxyHeader(bytes.subarray(0, cut % bytes.length)).kind).toBe('need-more');
      }),
    );
  });

  it('is never more than an answer, for any bytes', () => {
    const signature = encodeProxyV2(undefined).subarray(0, 12);
    const start = fc.constantFrom(
      Buffer.alloc(0),
      signature,
      Buffer.from('PROXY '),
      Buffer.from('PROXY TCP4 '),
    );
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 300 }), (before, after) => {
        const bytes = Buffer.concat([before, after]);
        const read = decodeProxyHeader(bytes);
        if (read.kind === 'header') expect(read.length).toBeLessThanOrEqual(bytes.length);
        else expect(['need-more', 'none', 'wrong']).toContain(read.kind);
      }),
    );
  });

  it('may carry fields, be about nobody, or be wrong', () => {
    const written = { source: { address: '1.2.3.4', port: 1 }, destination: { address: '5.6.7.8', port: 2 } };
    const plain = encodeProxyV2(written);
    const withField = Buffer.concat([plain, Buffer.from([0xea, 0, 2, 104, 105])]);
    withField.writeUInt16BE(12 + 5, 14);
    expect(decodeProxyHeader(withField)).toMatchObject({
      fields: [{ type: 0xea, value: Buffer.from('hi') }],
      length: 33,
    });
    withField.writeUInt16BE(12 + 4, 14);
    expect(decodeProxyHeader(withField)).toMatchObject({ kind: 'wrong' });
    expect(decodeProxyHeader(encodeProxyV2(undefined))).toMatchObject({ connection: undefined, length: 16 });
    expect(decodeProxyHeader(Buffer.from('PROXY UNKNOWN a b c d\r\nGET'))).toMatchObject({
      connection: undefined,
      length: 23,
    });
    expect(decodeProxyHeader(Buffer.from('GET / HTTP/1.1'))).toEqual({ kind: 'none' });
    for (const line of [
      'PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n',
      'PROXY TCP4 ::1 ::1 1 2\r\n',
      'PROXY TCP4 1.2.3.4 5.6.7.8 1 65536\r\n',
      'PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n',
      'PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n',
      `PROXY TCP4 ${'1'.repeat(120)}`,
    ])
      expect(decodeProxyHeader(Buffer.from(line)), line).toMatchObject({ kind: 'wrong' });
  });
});
