import { X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createTestAuthority, derOf, type TestNames } from '../test-certificates.ts';
import { subjectAltNames } from './subject-alt-names.ts';

const authority = createTestAuthority();
const SPIFFE = 'spiffe://cluster.local/ns/default/sa/reviews';

function certificateWith(names: TestNames): Buffer {
  return derOf(authority.issue(names).chainPem);
}

describe('the names in a certificate', () => {
  it('are its URIs and DNS names, as OpenSSL reads them', () => {
    const certificate = certificateWith({
      uris: [SPIFFE, 'https://a/?b=c,d'],
      dnsNames: ['a.test', '*.b.test'],
    });
    expect(subjectAltNames(certificate)).toEqual({
      uris: [SPIFFE, 'https://a/?b=c,d'],
      dnsNames: ['a.test', '*.b.test'],
    });
    expect(new X509Certificate(certificate).subjectAltName).toContain(`URI:${SPIFFE}`);
  });

  it('are none where there are none', () => {
    expect(subjectAltNames(derOf(authority.rootPem))).toEqual({ uris: [], dnsNames: [] });
    expect(subjectAltNames(new Uint8Array())).toEqual({ uris: [], dnsNames: [] });
  });

  it('are none when one of them is not plain text', () => {
    for (const uri of [`${SPIFFE}\0evil`, `${SPIFFE} x`, `${SPIFFE}\xe9`])
      expect(subjectAltNames(certificateWith({ uris: [uri] }))).toEqual({ uris: [], dnsNames: [] });
  });

  it('never make it throw, whatever the bytes', () => {
    const certificate = certificateWith({ uris: [SPIFFE] });
    fc.assert(
      fc.property(fc.nat(), fc.nat(255), fc.nat(), (place, byte, length) => {
        const broken = Buffer.from(certificate.subarray(0, 1 + (length % certificate.length)));
        broken[place % broken.length] = byte;
        subjectAltNames(broken);
      }),
      { numRuns: 3000 },
    );
    fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => void subjectAltNames(bytes)));
  });
});
