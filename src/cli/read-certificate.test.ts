import { describe, expect, it } from 'vitest';
import { readCertificate } from '../control/read-certificate.ts';
import { credentialFor, makeTestAuthority } from './test/engine/test-authority.ts';

describe('a certificate', () => {
  it('is read with its names, its hashes and who signed it', async () => {
    const [authority, other] = await Promise.all([makeTestAuthority(), makeTestAuthority()]);
    const { certificate } = await credentialFor(authority, ['a.example']);
    const read = readCertificate(certificate);
    expect(read?.names).toEqual([
      { type: 'DNS', name: 'echo.weft.test' },
      { type: 'DNS', name: 'a.example' },
    ]);
    expect(read?.hash).toMatch(/^[0-9a-f]{64}$/);
    expect(read?.keyHash).toMatch(/^[\w+/]{43}=$/);
    expect(read?.issuedBy(authority.root.toString())).toBe(true);
    expect(read?.issuedBy(other.root.toString())).toBe(false);
    expect(readCertificate('nothing')).toBeUndefined();
  });
});
