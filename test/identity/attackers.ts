/**
 * Certificates that nobody may enter with, each wrong in one way. All but the strangers' are signed by the mesh's own CA, as
 * if its key had been misused: what a proxy refuses then it refuses by itself.
 */
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildCertificate } from '../../src/ca/certificate-builder.ts';
import { makeSerialHex } from '../../src/ca/issuer.ts';
import { makePrivateKeyPem, toSigningKey } from '../../src/ca/signing-key.ts';
import {
  makeLeafSignedBy,
  makeTestCa,
  makeTestLeaf,
  makeWrongLeaf,
  openTestCa,
  type TestCa,
  WRONG_KINDS,
} from '../../src/testing/certificates.ts';
import { openssl, temporaryFolder } from '../../src/testing/openssl.ts';
import type { Shown } from './call-as.ts';

const HOUR_MS = 3_600_000;
/** Code signing. */
const OTHER_PURPOSE = '1.3.6.1.5.5.7.3.3';

/** What each shows, by what is wrong with it. The identity is that of `default/ACCOUNT` wherever there is one. */
export async function attackers(
  keyDir: string,
  account = 'front',
): Promise<ReadonlyMap<string, Shown | undefined>> {
  const ca = await openTestCa(keyDir);
  const good = await makeTestLeaf(ca, 'default', account);
  const all = new Map<string, Shown | undefined>([['nothing', undefined]]);
  for (const kind of WRONG_KINDS) all.set(kind, await makeWrongLeaf(ca, kind, 'default', account));
  all.set('signed_by_a_workload', await makeLeafSignedBy(good, ca, 'default', account));
  all.set('self_signed', await selfSigned(ca, account));
  // Of the same names as the mesh's own root, with a key of its own.
  all.set('root_of_the_same_name', await makeTestLeaf(await makeTestCa(), 'default', account));
  const dns = { uris: [], dnsNames: [`spiffe://cluster.local/ns/default/sa/${account}`] };
  all.set('id_as_a_dns_name', await makeTestLeaf(ca, 'default', account, dns));
  for (const [name, changes] of Object.entries(INTERMEDIATES))
    all.set(name, await below(ca, changes, account));
  for (const [name, extensions] of Object.entries(CONSTRAINED))
    all.set(name, await below(await caByOpenssl(keyDir, ca, extensions), undefined, account));
  all.set('below_a_path_length_of_0', await below(await caBelow(ca, { pathLength: 0 }), {}, account));
  return all;
}

type Changes = Partial<Parameters<typeof buildCertificate>[0]>;

const INTERMEDIATES: Readonly<Record<string, Changes>> = {
  below_an_expired_ca: { notBeforeMs: Date.now() - 2 * HOUR_MS, notAfterMs: Date.now() - HOUR_MS },
  below_a_ca_that_is_none: { isCa: false },
  below_a_ca_that_may_not_sign: { keyUsage: ['digitalSignature'] },
  below_a_ca_of_another_purpose: { extendedKeyUsage: [OTHER_PURPOSE] },
};

const CONSTRAINED: Readonly<Record<string, string>> = {
  below_a_ca_for_others: 'nameConstraints=critical,permitted;URI:other.example',
  below_a_ca_not_for_this: 'nameConstraints=critical,excluded;URI:cluster.local',
  below_a_ca_with_an_unknown_rule: '1.2.3.4=critical,DER:0500',
};

/** An intermediate as openssl makes it, signed with the stolen key. */
async function caByOpenssl(keyDir: string, ca: TestCa, extension: string): Promise<TestCa> {
  using folder = temporaryFolder();
  const run = (...args: readonly string[]): void => {
    const { ok, text } = openssl(args, { cwd: folder.path });
    if (!ok) throw new Error(`openssl ${args[0]}: ${text}`);
  };
  const at = (name: string): string => join(folder.path, name);
  const basics =
    'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n';
  writeFileSync(at('ext'), `${basics}${extension}\n`);
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'key'];
  run('req', '-new', ...newKey, '-subj', '/CN=limited', '-out', 'csr');
  const signer = ['-CA', join(keyDir, 'ca-cert.pem'), '-CAkey', join(keyDir, 'ca-key.pem')];
  run(
    'x509',
    '-req',
    '-in',
    'csr',
    ...signer,
    '-set_serial',
    '77',
    '-days',
    '1',
    '-extfile',
    'ext',
    '-out',
    'cert',
  );
  const certificate = new X509Certificate(readFileSync(at('cert')));
  const key = toSigningKey(createPrivateKey(readFileSync(at('key'))), 'test');
  return { ...ca, issuer: { ...ca.issuer, key, certificate, intermediates: [certificate] } };
}

/** A leaf below an intermediate that is wrong. */
async function below(ca: TestCa, changes: Changes | undefined, account: string): Promise<Shown> {
  return makeTestLeaf(changes === undefined ? ca : await caBelow(ca, changes), 'default', account);
}

async function caBelow(ca: TestCa, changes: Changes): Promise<TestCa> {
  const keyPem = makePrivateKeyPem();
  const certificate = await buildCertificate(
    {
      subject: `CN=intermediate ${makeSerialHex()}`,
      publicKeyDer: createPublicKey(keyPem).export({ type: 'spki', format: 'der' }),
      serialHex: makeSerialHex(),
      notBeforeMs: ca.nowMs - 60_000,
      notAfterMs: ca.nowMs + HOUR_MS,
      isCa: true,
      keyUsage: ['keyCertSign', 'cRLSign'],
      extendedKeyUsage: [],
      ...changes,
    },
    ca.issuer,
  );
  const key = toSigningKey(createPrivateKey(keyPem), 'test');
  const intermediates = [certificate, ...ca.issuer.intermediates];
  return { ...ca, issuer: { ...ca.issuer, key, certificate, intermediates } };
}

async function selfSigned(ca: TestCa, account: string): Promise<Shown> {
  const keyPem = makePrivateKeyPem();
  const key = toSigningKey(createPrivateKey(keyPem), 'test');
  const certificate = await buildCertificate(
    {
      subject: '',
      publicKeyDer: createPublicKey(keyPem).export({ type: 'spki', format: 'der' }),
      serialHex: makeSerialHex(),
      notBeforeMs: ca.nowMs - 60_000,
      notAfterMs: ca.nowMs + HOUR_MS,
      isCa: false,
      keyUsage: ['digitalSignature'],
      extendedKeyUsage: ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'],
      uris: [`spiffe://${ca.trustDomain}/ns/default/sa/${account}`],
    },
    { key },
  );
  return { chainPem: certificate.toString(), keyPem };
}
