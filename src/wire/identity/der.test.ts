import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeTestCa, makeTestLeaf } from '../../testing/certificates.ts';
import { readCertificateFields } from './certificate-fields.ts';
import { DerError, derBoolean, derOidText, derUint, readDer, readDerList } from './der-reader.ts';
import { DER_TAG, der, derOid, derSequence, derSmallInteger } from './der-writer.ts';

const hex = (text: string) => Buffer.from(text, 'hex');

describe('DER', () => {
  it('reads what it wrote, for any content up to three length bytes', () => {
    const content = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.uint8Array({ minLength: 65_530, maxLength: 65_540 }),
    );
    fc.assert(
      fc.property(fc.constantFrom(...Object.values(DER_TAG)), content, (tag, bytes) => {
        const element = readDer(der(tag, bytes));
        expect(element.tag).toBe(tag);
        expect(Buffer.from(element.content).equals(bytes)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it('reads object identifiers as they were written', () => {
    const arc = fc.nat();
    const oid = fc.oneof(
      fc.tuple(fc.constantFrom(0, 1), fc.nat(39), fc.array(arc, { maxLength: 8 })),
      fc.tuple(fc.constant(2), fc.nat(1000), fc.array(arc, { maxLength: 8 })),
    );
    fc.assert(
      fc.property(oid, ([root, second, rest]) => {
        const text = [root, second, ...rest].join('.');
        expect(derOidText(readDer(derOid(text)).content)).toBe(text);
      }),
    );
  });

  it('lists the elements of a sequence', () => {
    const sequence = derSequence(derSmallInteger(5), derOid('1.2.840'));
    expect(readDerList(readDer(sequence).content).map((element) => element.tag)).toEqual([2, 6]);
  });

  it.each([
    ['', 'nothing'],
    ['30', 'no length'],
    ['3003020101ff', 'bytes after the end'],
    ['300402010101', 'content cut off'],
    ['30800000', 'indefinite length'],
    ['308103020101', 'length not the shortest'],
    ['30820003020101', 'length padded with zeros'],
    ['3085000000000302010', 'length of five bytes'],
    ['3f0100', 'tag of several bytes'],
    ['30840fffffff', 'length beyond the input'],
  ])('refuses %s: %s', (bytes) => {
    expect(() => readDerList(readDer(hex(bytes)).content)).toThrow(DerError);
  });

  it('refuses padded, negative and large numbers, sloppy booleans and cut identifiers', () => {
    for (const bytes of ['', '80', 'ff', '0001', '0100000000'])
      expect(() => derUint(hex(bytes))).toThrow(DerError);
    for (const bytes of ['', '01', '0000']) expect(() => derBoolean(hex(bytes))).toThrow(DerError);
    for (const bytes of ['', '2a86', '2a8001']) expect(() => derOidText(hex(bytes))).toThrow(DerError);
    expect([derUint(hex('00')), derUint(hex('7f')), derUint(hex('0080'))]).toEqual([0, 127, 128]);
  });

  it('throws nothing but DerError, whatever comes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        expectDerErrorOrFine(() => readDerList(bytes));
        expectDerErrorOrFine(() => readCertificateFields(bytes));
        expectDerErrorOrFine(() => derOidText(bytes));
      }),
      { numRuns: 500 },
    );
  });
});

describe('certificate fields', () => {
  it('throw nothing but DerError on a certificate with flipped, lost or added bytes', async () => {
    const { certificate } = await makeTestLeaf(await makeTestCa(), 'default', 'reviews');
    const { raw } = certificate;
    const change = fc.record({
      at: fc.nat(raw.length - 1),
      byte: fc.nat(255),
      cut: fc.nat(3),
      add: fc.boolean(),
    });
    fc.assert(
      fc.property(change, ({ at, byte, cut, add }) => {
        const middle = add ? [raw[at] ?? 0, byte] : [byte];
        const changed = Buffer.concat([raw.subarray(0, at), Buffer.from(middle), raw.subarray(at + 1 + cut)]);
        expectDerErrorOrFine(() => readCertificateFields(changed));
      }),
      { numRuns: 1000 },
    );
  });

  it('are those that the certificate was made with', async () => {
    const nowMs = Date.UTC(2049, 11, 31, 23, 30);
    const ca = await makeTestCa('cluster.local', { nowMs, intermediate: true });
    const leaf = await makeTestLeaf(ca, 'default', 'reviews');
    expect(readCertificateFields(leaf.certificate.raw)).toEqual({
      signatureAlgorithm: '1.2.840.10045.4.3.2',
      notBeforeMs: nowMs - 60_000,
      notAfterMs: nowMs + 3_600_000, // in 2050: the other encoding of time
      isCa: false,
      keyUsage: ['digitalSignature', 'keyEncipherment'],
      extendedKeyUsage: ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'],
      uris: ['spiffe://cluster.local/ns/default/sa/reviews'],
      unknownCritical: [],
    });
    expect(readCertificateFields(ca.issuer.certificate.raw)).toMatchObject({
      isCa: true,
      pathLength: 0,
      keyUsage: ['keyCertSign', 'cRLSign'],
    });
  });
});

function expectDerErrorOrFine(act: () => unknown): void {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(DerError);
  }
}
