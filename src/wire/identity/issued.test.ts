import { createSecureContext } from 'node:tls';
import { beforeAll, describe, expect, it } from 'vitest';
import { makeTestCa, makeTestLeaf, type TestCa, type TestLeaf } from '../../testing/certificates.ts';
import { makeKeyAndRequest } from './csr.ts';
import { readIssued } from './issued.ts';

const ID = 'spiffe://cluster.local/ns/default/sa/reviews';
let ca: TestCa;
let leaf: TestLeaf;

beforeAll(async () => {
  ca = await makeTestCa('cluster.local', { intermediate: true });
  leaf = await makeTestLeaf(ca, 'default', 'reviews');
});

describe('the answer of the CA', () => {
  it('becomes a chain and roots that TLS takes, whatever its line ends', () => {
    const intermediate = ca.issuer.certificate.toString();
    const certChain = [leaf.certificate.toString().trim(), intermediate.trim(), ca.rootsPem.trim()];
    const issued = readIssued({ certChain }, leaf.keyPem, ID);
    expect(issued).toEqual({
      ok: true,
      identity: {
        chainPem: leaf.chainPem,
        rootsPem: ca.rootsPem,
        notBeforeMs: Date.parse(leaf.certificate.validFrom),
        notAfterMs: Date.parse(leaf.certificate.validTo),
      },
    });
    if (issued.ok)
      createSecureContext({ key: leaf.keyPem, cert: issued.identity.chainPem, ca: issued.identity.rootsPem });
  });

  it('is refused when it is for another key or identity, incomplete, or no PEM', async () => {
    const good = leaf.certificate.toString();
    const other = await makeTestLeaf(ca, 'default', 'ratings');
    expect(
      readIssued({ certChain: [good, ca.rootsPem] }, makeKeyAndRequest(ID).privateKeyPem, ID),
    ).toMatchObject({
      reason: 'the certificate from the CA is for another key than ours',
    });
    expect(readIssued({ certChain: [other.chainPem, ca.rootsPem] }, other.keyPem, ID)).toMatchObject({
      reason: `the certificate from the CA is not for ${ID}`,
    });
    for (const certChain of [
      [],
      [good],
      ['', ca.rootsPem],
      [good, ''],
      ['x', 'y'],
      [good.slice(0, 99), ca.rootsPem],
    ]) {
      expect(readIssued({ certChain }, leaf.keyPem, ID).ok).toBe(false);
    }
  });
});
