import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { openssl, opensslMissing } from '../../testing/openssl.ts';
import { makeCsr, makeKeyAndRequest } from './csr.ts';

const ID = 'spiffe://cluster.local/ns/default/sa/reviews';

describe('certificate requests', () => {
  it('are what openssl reads and verifies', ({ skip }) => {
    skip(opensslMissing !== undefined, opensslMissing);
    const { csrPem } = makeKeyAndRequest(ID);
    const seen = openssl(['req', '-noout', '-verify', '-text'], { input: csrPem });
    expect(seen.ok, seen.text).toBe(true);
    expect(seen.text).toContain('verify OK');
    expect(seen.text).toContain(`URI:${ID}`);
    expect(seen.text).toMatch(/Subject:\s*\n/);
    expect(seen.text).toContain('ecdsa-with-SHA256');
  });

  it('belong to the key beside them, a new one each time', () => {
    const first = makeKeyAndRequest(ID);
    const second = makeKeyAndRequest(ID);
    expect(first.privateKeyPem).not.toBe(second.privateKeyPem);
    const key = createPrivateKey(first.privateKeyPem);
    expect(key.asymmetricKeyDetails?.namedCurve).toBe('prime256v1');
    const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
    const der = Buffer.from(first.csrPem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
    expect(der.includes(spki)).toBe(true);
  });

  it('hold no private key', () => {
    const { privateKeyPem, csrPem } = makeKeyAndRequest(ID);
    const secret = Buffer.from(
      createPrivateKey(privateKeyPem).export({ format: 'jwk' }).d ?? '',
      'base64url',
    );
    expect(Buffer.from(csrPem.replace(/-----[^-]+-----|\s/g, ''), 'base64').includes(secret)).toBe(false);
  });

  it('are not made for what is no SPIFFE id or for other kinds of keys', () => {
    expect(() => makeKeyAndRequest('https://example.org')).toThrow(RangeError);
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    expect(() => makeCsr(privateKey, publicKey, ID)).toThrow(RangeError);
  });
});
