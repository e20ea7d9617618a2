import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { makeTestCa } from '../../testing/certificates.ts';
import {
  certificatesFromPem,
  joinTrustBundles,
  MAX_CERTIFICATES,
  MAX_PEM_LENGTH,
  PemError,
  trustBundleFromPem,
  trustBundlePem,
} from './trust-bundle.ts';

describe('trust bundles', () => {
  it('read every certificate of a PEM text, and pass over comments and other blocks', async () => {
    const [a, b] = [await makeTestCa(), await makeTestCa('other.example')];
    const { privateKey } = generateKeyPairSync('ed25519');
    const key = privateKey.export({ type: 'pkcs8', format: 'pem' });
    const certificates = certificatesFromPem(`# roots\n${a.rootsPem}${key}\n${b.rootsPem}`);
    expect(certificates.map((root) => root.subject)).toEqual([
      'O=cluster.local\nCN=weft root CA',
      'O=other.example\nCN=weft root CA',
    ]);
  });

  it('are written without repetition', async () => {
    const { rootsPem } = await makeTestCa();
    const bundle = joinTrustBundles(trustBundleFromPem(rootsPem), trustBundleFromPem(rootsPem));
    expect(bundle.anchors).toHaveLength(2);
    expect(trustBundlePem(bundle)).toBe(rootsPem);
  });

  it('refuse what is broken, empty or too much', async () => {
    const { rootsPem } = await makeTestCa();
    expect(() => certificatesFromPem(rootsPem.slice(0, -30))).toThrow(PemError);
    expect(() => certificatesFromPem(rootsPem.replace('MII', 'AAA'))).toThrow(PemError);
    expect(() => certificatesFromPem(rootsPem.repeat(MAX_CERTIFICATES + 1))).toThrow(PemError);
    expect(() => certificatesFromPem(' '.repeat(MAX_PEM_LENGTH + 1))).toThrow(PemError);
    expect(() => trustBundleFromPem('')).toThrow(PemError);
    expect(certificatesFromPem('')).toEqual([]);
  });
});
