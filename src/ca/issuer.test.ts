import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeTestCa } from '../testing/certificates.ts';
import { openssl, opensslMissing, temporaryFolder } from '../testing/openssl.ts';
import { makeKeyAndRequest } from '../wire/identity/csr.ts';
import { certificatesFromPem } from '../wire/identity/trust-bundle.ts';
import { verifyPeer } from '../wire/identity/verify.ts';
import { type Issuer, openIssuer, ROOT_LIFETIME_MS } from './issuer.ts';
import { DEFAULT_LIFETIME, signLeaf } from './sign.ts';
import { makePrivateKeyPem } from './signing-key.ts';
import { makeAuthority } from './trust-bundle.ts';

/** A little ahead: what openssl makes during the test is valid from then on. */
const NOW = Date.now() + 60_000;
const identity = { trustDomain: 'cluster.local', namespace: 'default', serviceAccount: 'reviews' };

describe('a CA that signs itself', () => {
  it('is made at the first start and opened at the next', async () => {
    using folder = temporaryFolder();
    const from = { folder: join(folder.path, 'ca'), createForTrustDomain: 'cluster.local', nowMs: NOW };
    const first = await openIssuer(from);
    const second = await openIssuer(from);
    expect(second.certificate.fingerprint256).toBe(first.certificate.fingerprint256);
    expect(first.roots.map((root) => root.fingerprint256)).toEqual([first.certificate.fingerprint256]);
    expect(first.intermediates).toEqual([]);
    expect(first.notAfterMs).toBe(Math.floor((NOW + ROOT_LIFETIME_MS) / 1000) * 1000);
    expect(statSync(join(from.folder, 'ca-key.pem')).mode & 0o777).toBe(0o600);
    await expectGoodLeaf(first);
  });

  it('is one and the same for processes that start at once', async () => {
    using folder = temporaryFolder();
    const from = { folder: folder.path, createForTrustDomain: 'cluster.local', nowMs: NOW };
    const issuers = await Promise.all(Array.from({ length: 8 }, () => openIssuer(from)));
    expect(new Set(issuers.map((issuer) => issuer.certificate.fingerprint256)).size).toBe(1);
  });

  it('is completed after a crash in the middle of its making', async () => {
    using folder = temporaryFolder();
    const from = { folder: folder.path, createForTrustDomain: 'cluster.local', nowMs: NOW };
    const before = await openIssuer(from);
    rmSync(join(folder.path, 'root-cert.pem'));
    expect((await openIssuer(from)).certificate.fingerprint256).toBe(before.certificate.fingerprint256);
    rmSync(join(folder.path, 'root-cert.pem'));
    rmSync(join(folder.path, 'ca-cert.pem'));
    const key = readFileSync(join(folder.path, 'ca-key.pem'), 'utf8');
    await expectGoodLeaf(await openIssuer(from));
    expect(readFileSync(join(folder.path, 'ca-key.pem'), 'utf8')).toBe(key);
  });

  it('holds a key that cannot be taken out of the process', async () => {
    const { issuer } = await makeTestCa();
    expect(issuer.key.privateKey.extractable).toBe(false);
    expect(JSON.stringify(issuer)).not.toContain('PRIVATE');
  });
});

describe.skipIf(opensslMissing !== undefined)("the user's own CA, made by openssl", () => {
  it.each([
    ['ECDSA P-256 in PKCS#8', ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'], undefined],
    ['ECDSA P-384 in SEC1', ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384'], ['ec']],
    ['RSA in PKCS#1', ['-newkey', 'rsa:2048'], ['rsa', '-traditional']],
    ['Ed25519', ['-newkey', 'ed25519'], undefined],
  ])('signs as an intermediate: %s', async (_, newKey, convert) => {
    using folder = temporaryFolder();
    makeCacerts(folder.path, newKey, convert);
    const issuer = await openIssuer({ folder: folder.path, nowMs: NOW });
    expect(issuer.intermediates.map((ca) => ca.subject)).toEqual(['O=Example\\, Inc.\nCN=Ünter']);
    await expectGoodLeaf(issuer, folder.path);
  });

  it('may be a root itself', async () => {
    using folder = temporaryFolder();
    makeCacerts(folder.path, ['-newkey', 'rsa:2048'], undefined);
    for (const [from, to] of [
      ['root.key', 'ca-key.pem'],
      ['root-cert.pem', 'ca-cert.pem'],
    ] as const) {
      writeFileSync(join(folder.path, to), readFileSync(join(folder.path, from)));
    }
    rmSync(join(folder.path, 'cert-chain.pem'));
    const issuer = await openIssuer({ folder: folder.path, nowMs: NOW });
    expect(issuer.intermediates).toEqual([]);
    await expectGoodLeaf(issuer, folder.path);
  });

  it.each<[string, (folder: string) => void]>([
    ['ca_files_incomplete', (folder) => rmSync(join(folder, 'ca-key.pem'))],
    ['ca_files_incomplete', (folder) => writeFileSync(join(folder, 'root-cert.pem'), '')],
    ['ca_key_mismatch', (folder) => writeFileSync(join(folder, 'ca-key.pem'), makePrivateKeyPem())],
    ['ca_key_unusable', (folder) => writeFileSync(join(folder, 'ca-key.pem'), 'not a key')],
    ['ca_key_unusable', encryptKey],
    ['ca_chain_broken', replaceRoot],
    ['ca_certificate_unusable', (folder) => truncate(join(folder, 'ca-cert.pem'))],
    ['ca_file_unreadable', replaceByFolder],
  ])('is refused: %s', async (code, spoil) => {
    using folder = temporaryFolder();
    makeCacerts(folder.path, ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'], undefined);
    spoil(folder.path);
    const error = await openIssuer({ folder: folder.path, nowMs: NOW }).catch((e: unknown) => e);
    expect(error).toMatchObject({ name: 'CaError', code });
    expect(String(error)).toContain(folder.path);
  });

  it('is refused once expired, and where it is a leaf', async () => {
    using folder = temporaryFolder();
    makeCacerts(folder.path, ['-newkey', 'rsa:2048'], undefined);
    const nextYear = { folder: folder.path, nowMs: NOW + 400 * 24 * 3_600_000 };
    await expect(openIssuer(nextYear)).rejects.toMatchObject({ code: 'ca_expired' });
    using other = temporaryFolder();
    makeCacerts(other.path, ['-newkey', 'rsa:2048'], undefined, 'CA:FALSE');
    await expect(openIssuer({ folder: other.path, nowMs: NOW })).rejects.toMatchObject({
      code: 'ca_certificate_unusable',
    });
  });
});

/** Signs a leaf and has our verifier and openssl look at it. */
async function expectGoodLeaf(issuer: Issuer, cwd?: string): Promise<void> {
  const authority = makeAuthority({ trustDomain: 'cluster.local', signer: issuer });
  const { csrPem } = makeKeyAndRequest('spiffe://cluster.local/ns/default/sa/reviews');
  const signed = await signLeaf(authority, { csrPem, identity, ttlS: 0 }, DEFAULT_LIFETIME, NOW);
  if (!signed.ok) throw new Error(signed.reason);
  const chain = certificatesFromPem(signed.leaf.chainPem.slice(0, -1).join(''));
  const rules = { trustDomains: ['cluster.local'], usage: 'client', nowMs: NOW } as const;
  expect(verifyPeer(chain, { ...rules, bundle: authority.bundle })).toMatchObject({ ok: true });
  if (opensslMissing !== undefined || cwd === undefined) return;
  writeFileSync(join(cwd, 'leaf.pem'), signed.leaf.chainPem[0] ?? '');
  writeFileSync(join(cwd, 'untrusted.pem'), signed.leaf.chainPem.slice(1, -1).join(''));
  const untrusted = issuer.intermediates.length > 0 ? ['-untrusted', 'untrusted.pem'] : [];
  const roots = ['-CAfile', 'root-cert.pem', ...untrusted];
  const seen = openssl(['verify', '-x509_strict', '-purpose', 'sslserver', ...roots, 'leaf.pem'], { cwd });
  expect(seen.ok, seen.text).toBe(true);
}

/** A root and an intermediate in the layout of Istio's Secret, with a name that is not plain ASCII. */
function makeCacerts(
  cwd: string,
  newKey: readonly string[],
  convert: readonly string[] | undefined,
  constraints = 'CA:TRUE',
): void {
  mkdirSync(cwd, { recursive: true });
  writeFileSync(join(cwd, 'empty.cnf'), '[req]\ndistinguished_name = dn\n[dn]\n');
  const run = (args: readonly string[]) => {
    const done = openssl(args, { cwd });
    expect(done.ok, done.text).toBe(true);
  };
  const make = (...args: string[]) => {
    const use = ['-addext', 'keyUsage=critical,keyCertSign', '-addext', 'subjectKeyIdentifier=hash'];
    run(['req', '-x509', '-nodes', '-utf8', '-days', '300', '-config', 'empty.cnf', ...use, ...args]);
  };
  const root = [
    '-newkey',
    'rsa:2048',
    '-keyout',
    'root.key',
    '-out',
    'root-cert.pem',
    '-subj',
    '/O=Example/CN=Root',
  ];
  make(...root, '-addext', 'basicConstraints=critical,CA:TRUE');
  const signer = ['-CA', 'root-cert.pem', '-CAkey', 'root.key', '-subj', '/O=Example, Inc./CN=Ünter'];
  const files = ['-keyout', 'ca-key.pem', '-out', 'ca-cert.pem'];
  make(...newKey, ...signer, ...files, '-addext', `basicConstraints=critical,${constraints}`);
  if (convert !== undefined) run([...convert, '-in', 'ca-key.pem', '-out', 'ca-key.pem']);
  const chain = ['ca-cert.pem', 'root-cert.pem'].map((name) => readFileSync(join(cwd, name), 'utf8'));
  writeFileSync(join(cwd, 'cert-chain.pem'), chain.join(''));
}

function encryptKey(folder: string): void {
  const args = ['pkcs8', '-topk8', '-in', 'ca-key.pem', '-out', 'encrypted.pem', '-passout', 'pass:secret'];
  expect(openssl(args, { cwd: folder }).ok).toBe(true);
  renameSync(join(folder, 'encrypted.pem'), join(folder, 'ca-key.pem'));
}

function replaceRoot(folder: string): void {
  const args = [
    'req',
    '-x509',
    '-nodes',
    '-newkey',
    'rsa:2048',
    '-subj',
    '/O=Example/CN=Root',
    '-keyout',
    'x.key',
  ];
  expect(openssl([...args, '-out', 'root-cert.pem'], { cwd: folder }).ok).toBe(true);
}

function truncate(path: string): void {
  writeFileSync(path, readFileSync(path, 'utf8').slice(0, 200));
}

function replaceByFolder(folder: string): void {
  rmSync(join(folder, 'ca-cert.pem'));
  mkdirSync(join(folder, 'ca-cert.pem'));
}
