import { X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  makeLeafSignedBy,
  makeTestCa,
  makeTestLeaf,
  makeWrongLeaf,
  type TestCa,
  type TestLeaf,
  WRONG_KINDS,
  type WrongKind,
} from '../../testing/certificates.ts';
import { openssl, opensslMissing, temporaryFolder } from '../../testing/openssl.ts';
import { certificatesFromPem, joinTrustBundles, trustBundleFromPem } from './trust-bundle.ts';
import { verifyPeer } from './verify.ts';
import { type PeerRefusal, type PeerRules, verifyLeaf } from './verify-leaf.ts';

const NOW = Date.UTC(2026, 5, 1);

const REFUSALS: Readonly<Record<WrongKind, PeerRefusal>> = {
  other_trust_domain: 'wrong_trust_domain',
  unknown_root: 'untrusted',
  expired: 'expired',
  not_yet_valid: 'not_yet_valid',
  ca_leaf: 'leaf_is_ca',
  two_uris: 'several_uris',
  no_uri: 'no_spiffe_id',
  bad_uri: 'bad_spiffe_id',
  wrong_usage: 'wrong_usage',
  no_digital_signature: 'wrong_usage',
};

let direct: TestCa;
let deep: TestCa;

beforeAll(async () => {
  direct = await makeTestCa('cluster.local', { nowMs: NOW });
  deep = await makeTestCa('cluster.local', { nowMs: NOW, intermediate: true });
});

describe('a peer with a good certificate', () => {
  it('is known by its SPIFFE id, as client and as server', async () => {
    const leaf = await makeTestLeaf(direct, 'default', 'reviews');
    for (const usage of ['client', 'server'] as const) {
      expect(verifyPeer(chainOf(leaf), { ...rulesOf(direct), usage })).toEqual({
        ok: true,
        id: { trustDomain: 'cluster.local', path: '/ns/default/sa/reviews' },
        notAfterMs: NOW + 3_600_000,
      });
    }
  });

  it('may come through an intermediate that it sends, or that we know', async () => {
    const leaf = await makeTestLeaf(deep, 'default', 'reviews');
    expect(chainOf(leaf)).toHaveLength(2);
    expect(verifyPeer(chainOf(leaf), rulesOf(deep)).ok).toBe(true);
    expect(verifyPeer(chainOf(leaf).slice(0, 1), rulesOf(deep))).toMatchObject({ code: 'untrusted' });
    const { intermediates } = deep.issuer;
    expect(verifyPeer(chainOf(leaf).slice(0, 1), { ...rulesOf(deep), intermediates }).ok).toBe(true);
  });

  it('may send its chain in any order and with strangers in it', async () => {
    const leaf = await makeTestLeaf(deep, 'default', 'reviews');
    const [own, intermediate] = chainOf(leaf);
    const stranger = direct.issuer.certificate;
    expect(verifyPeer([own!, stranger, intermediate!], rulesOf(deep)).ok).toBe(true);
  });

  it('is judged by its leaf alone where OpenSSL has judged the chain', async () => {
    const leaf = await makeTestLeaf(direct, 'default', 'reviews');
    expect(verifyLeaf(leaf.certificate.raw, rulesOf(direct)).ok).toBe(true);
    expect(verifyLeaf(Buffer.from('no certificate'), rulesOf(direct))).toMatchObject({ code: 'malformed' });
  });
});

describe('a peer is refused', () => {
  it.each(WRONG_KINDS)('when its certificate is wrong: %s', async (kind) => {
    const leaf = await makeWrongLeaf(direct, kind, 'default', 'reviews');
    for (const usage of ['client', 'server'] as const) {
      expect(verifyPeer(chainOf(leaf), { ...rulesOf(direct), usage })).toMatchObject({
        ok: false,
        code: REFUSALS[kind],
      });
    }
  });

  it('without a certificate, and with too many', async () => {
    const { certificate } = await makeTestLeaf(direct, 'default', 'reviews');
    expect(verifyPeer([], rulesOf(direct))).toMatchObject({ code: 'no_certificate' });
    expect(verifyPeer(new Array(9).fill(certificate), rulesOf(direct))).toMatchObject({
      code: 'chain_too_long',
    });
  });

  it('as a server with a certificate for clients only', async () => {
    const leaf = await makeTestLeaf(direct, 'default', 'reviews', {
      extendedKeyUsage: ['1.3.6.1.5.5.7.3.2'],
    });
    expect(verifyPeer(chainOf(leaf), { ...rulesOf(direct), usage: 'client' }).ok).toBe(true);
    expect(verifyPeer(chainOf(leaf), { ...rulesOf(direct), usage: 'server' })).toMatchObject({
      code: 'wrong_usage',
    });
  });

  it('when a workload signed the certificate', async () => {
    const workload = await makeTestLeaf(direct, 'default', 'attacker');
    const forged = await makeLeafSignedBy(workload, direct, 'default', 'reviews');
    expect(chainOf(forged)).toHaveLength(2);
    expect(verifyPeer(chainOf(forged), rulesOf(direct))).toMatchObject({ ok: false });
  });

  it('when a CA of its chain is not allowed a CA below it', async () => {
    const subordinate = await makeTestLeaf(deep, 'default', 'reviews', {
      subject: 'CN=one too many',
      isCa: true,
      keyUsage: ['keyCertSign'],
    });
    const leaf = await makeLeafSignedBy(subordinate, deep, 'default', 'reviews');
    expect(chainOf(leaf)).toHaveLength(3);
    expect(verifyPeer(chainOf(leaf), rulesOf(deep))).toMatchObject({ code: 'wrong_usage' });
  });

  it('when a CA of its chain has expired', async () => {
    const leaf = await makeTestLeaf(deep, 'default', 'reviews', { notAfterMs: NOW + 48 * 3_600_000 });
    const later = { ...rulesOf(deep), nowMs: NOW + 30 * 3_600_000 };
    expect(verifyPeer(chainOf(leaf), later)).toMatchObject({
      code: 'expired',
      reason: expect.stringContaining('CA of the chain'),
    });
  });

  it('under the id of a trust domain itself', async () => {
    const leaf = await makeTestLeaf(direct, 'default', 'reviews', { uris: ['spiffe://cluster.local'] });
    expect(verifyPeer(chainOf(leaf), rulesOf(direct))).toMatchObject({ code: 'bad_spiffe_id' });
  });

  it('on the very second: valid from notBefore to notAfter inclusive', async () => {
    const leaf = await makeTestLeaf(direct, 'default', 'reviews');
    const at = (nowMs: number) => verifyPeer(chainOf(leaf), { ...rulesOf(direct), nowMs }).ok;
    const end = NOW + 3_600_000;
    expect([at(NOW - 60_001), at(NOW - 60_000), at(end), at(end + 1)]).toEqual([false, true, true, false]);
  });
});

describe('several roots and trust domains', () => {
  it('vouch each for their own only', async () => {
    const other = await makeTestCa('other.example', { nowMs: NOW });
    const bundle = joinTrustBundles(
      trustBundleFromPem(direct.rootsPem, ['cluster.local']),
      trustBundleFromPem(other.rootsPem, ['other.example']),
    );
    const rules = { ...rulesOf(direct), bundle, trustDomains: ['cluster.local', 'other.example'] };
    const ours = await makeTestLeaf(direct, 'a', 'b');
    const theirs = await makeTestLeaf(other, 'a', 'b');
    const pretended = await makeTestLeaf(other, 'a', 'b', { uris: ['spiffe://cluster.local/ns/a/sa/b'] });
    expect(verifyPeer(chainOf(ours), rules).ok).toBe(true);
    expect(verifyPeer(chainOf(theirs), rules).ok).toBe(true);
    expect(verifyPeer(chainOf(pretended), rules)).toMatchObject({ code: 'untrusted' });
    expect(verifyPeer(chainOf(theirs), { ...rules, trustDomains: ['cluster.local'] })).toMatchObject({
      code: 'wrong_trust_domain',
    });
  });

  it('stand side by side while one root replaces another of the same name', async () => {
    const next = await makeTestCa('cluster.local', { nowMs: NOW });
    const bundle = joinTrustBundles(trustBundleFromPem(next.rootsPem), trustBundleFromPem(direct.rootsPem));
    for (const ca of [direct, next]) {
      const leaf = await makeTestLeaf(ca, 'default', 'reviews');
      expect(verifyPeer(chainOf(leaf), { ...rulesOf(ca), bundle }).ok).toBe(true);
    }
  });
});

describe.skipIf(opensslMissing !== undefined)('certificates made by openssl', () => {
  it.each([
    ['weak RSA key', ['-newkey', 'rsa:1024'], 'weak_key'],
    ['SHA-1 signature', ['-newkey', 'rsa:2048', '-sha1'], 'weak_signature'],
    [
      'critical extension',
      ['-newkey', 'rsa:2048', '-addext', '1.2.3.4=critical,DER:0500'],
      'unknown_critical_extension',
    ],
    ['RSA, as it should be', ['-newkey', 'rsa:2048'], undefined],
    ['Ed25519, as it should be', ['-newkey', 'ed25519'], undefined],
  ] as const)('%s', (_, args, code) => {
    using folder = temporaryFolder();
    const { root, leaf } = makeByOpenssl(folder.path, args);
    const rules = { ...rulesOf(direct), bundle: { anchors: [{ certificate: root }] }, nowMs: Date.now() };
    const verdict = verifyPeer([leaf], rules);
    expect(verdict.ok ? undefined : verdict.code).toBe(code);
  });
});

/** A root with an RSA key and a leaf below it with what `args` asks for. */
function makeByOpenssl(
  cwd: string,
  args: readonly string[],
): { root: X509Certificate; leaf: X509Certificate } {
  writeFileSync(join(cwd, 'empty.cnf'), '[req]\ndistinguished_name = dn\n[dn]\n');
  const common = ['req', '-x509', '-nodes', '-days', '1', '-config', 'empty.cnf'];
  const make = (more: readonly string[]) => {
    const made = openssl([...common, ...more], { cwd });
    expect(made.ok, made.text).toBe(true);
  };
  const caUse = ['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=keyCertSign'];
  make(['-newkey', 'rsa:2048', '-keyout', 'root.key', '-out', 'root.pem', '-subj', '/CN=root', ...caUse]);
  const san = [
    '-addext',
    'subjectAltName=URI:spiffe://cluster.local/ns/a/sa/b',
    '-addext',
    'keyUsage=digitalSignature',
  ];
  const signer = ['-CA', 'root.pem', '-CAkey', 'root.key'];
  make([...args, ...signer, '-keyout', 'leaf.key', '-out', 'leaf.pem', '-subj', '/CN=leaf', ...san]);
  const read = (name: string) => new X509Certificate(readFileSync(join(cwd, name)));
  return { root: read('root.pem'), leaf: read('leaf.pem') };
}

function chainOf(leaf: TestLeaf): readonly X509Certificate[] {
  return certificatesFromPem(leaf.chainPem);
}

function rulesOf(ca: TestCa): PeerRules {
  return { bundle: ca.authority.bundle, trustDomains: ['cluster.local'], usage: 'client', nowMs: NOW };
}
