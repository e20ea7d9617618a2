// Certificates for tests: a CA in a line, good leaves, and leaves wrong in one way each, for whoever must refuse them.

import { createPrivateKey, createPublicKey, generateKeyPairSync, type X509Certificate } from 'node:crypto';
import {
  buildCertificate,
  type CertificatePlan,
  CLIENT_AUTH,
  SERVER_AUTH,
} from '../ca/certificate-builder.ts';
import { type Issuer, issuerFromPem, makeRoot, makeSerialHex, openIssuer } from '../ca/issuer.ts';
import { DEFAULT_LIFETIME, signLeaf } from '../ca/sign.ts';
import { makePrivateKeyPem, toSigningKey } from '../ca/signing-key.ts';
import { type CertificateAuthority, makeAuthority } from '../ca/trust-bundle.ts';
import { trustBundlePem } from '../wire/identity/trust-bundle.ts';

/** A CA that exists in memory. */
export interface TestCa {
  readonly trustDomain: string;
  readonly issuer: Issuer;
  readonly authority: CertificateAuthority;
  readonly rootsPem: string;
  readonly nowMs: number;
}

/** A leaf with its key. */
export interface TestLeaf {
  readonly certificate: X509Certificate;
  readonly keyPem: string;
  /** Leaf and intermediates. */
  readonly chainPem: string;
}

/** One thing wrong with an otherwise good leaf. */
export type WrongKind = (typeof WRONG_KINDS)[number];
export const WRONG_KINDS = [
  'other_trust_domain',
  'unknown_root',
  'expired',
  'not_yet_valid',
  'ca_leaf',
  'two_uris',
  'no_uri',
  'bad_uri',
  'wrong_usage',
  'no_digital_signature',
] as const;

const HOUR_MS = 3_600_000;

/** A CA of a trust domain; `intermediate` puts one between root and leaves. Takes 2 to 5 ms. */
export async function makeTestCa(
  trustDomain = 'cluster.local',
  options: { readonly nowMs?: number; readonly intermediate?: boolean } = {},
): Promise<TestCa> {
  const { nowMs = Date.now(), intermediate = false } = options;
  const rootKeyPem = makePrivateKeyPem();
  const root = (await makeRoot(createPrivateKey(rootKeyPem), trustDomain, nowMs)).toString();
  const top = issuerFromPem(
    { certPem: root, keyPem: rootKeyPem, chainPem: '', rootPem: root },
    'test',
    nowMs,
  );
  const issuer = intermediate ? await makeIntermediate(top, trustDomain, nowMs) : top;
  const authority = makeAuthority({ trustDomain, signer: issuer });
  return { trustDomain, issuer, authority, rootsPem: trustBundlePem(authority.bundle), nowMs };
}

/** A good leaf of `spiffe://TRUST_DOMAIN/ns/NAMESPACE/sa/SERVICE_ACCOUNT`, valid for an hour, or what `changes` says. */
export async function makeTestLeaf(
  ca: TestCa,
  namespace: string,
  serviceAccount: string,
  changes: Partial<CertificatePlan> = {},
): Promise<TestLeaf> {
  const keyPem = makePrivateKeyPem();
  const plan: CertificatePlan = {
    subject: '',
    publicKeyDer: createPublicKey(keyPem).export({ type: 'spki', format: 'der' }),
    serialHex: makeSerialHex(),
    notBeforeMs: ca.nowMs - 60_000,
    notAfterMs: ca.nowMs + HOUR_MS,
    isCa: false,
    keyUsage: ['digitalSignature', 'keyEncipherment'],
    extendedKeyUsage: [SERVER_AUTH, CLIENT_AUTH],
    uris: [spiffe(ca.trustDomain, namespace, serviceAccount)],
    ...changes,
  };
  const certificate = await buildCertificate(plan, ca.issuer);
  const chainPem = [certificate, ...ca.issuer.intermediates].map((part) => part.toString()).join('');
  return { certificate, keyPem, chainPem };
}

/** The CA whose folder this is, as if somebody had stolen its key. */
export async function openTestCa(keyDir: string, trustDomain = 'cluster.local'): Promise<TestCa> {
  const nowMs = Date.now();
  const issuer = await openIssuer({ folder: keyDir, nowMs });
  const authority = makeAuthority({ trustDomain, signer: issuer });
  return { trustDomain, issuer, authority, rootsPem: trustBundlePem(authority.bundle), nowMs };
}

/** A leaf of the CA in a folder, with any name. */
export async function makeLeafOf(keyDir: string, uri: string): Promise<TestLeaf> {
  return makeTestLeaf(await openTestCa(keyDir), '', '', { uris: [uri] });
}

/** A leaf signed with the key of another leaf, which nobody made a CA; or of one that `makeTestLeaf` made one. */
export function makeLeafSignedBy(
  signer: TestLeaf,
  ca: TestCa,
  namespace: string,
  serviceAccount: string,
): Promise<TestLeaf> {
  const key = toSigningKey(createPrivateKey(signer.keyPem), 'test');
  const { certificate } = signer;
  const issuer = { ...ca.issuer, key, certificate, intermediates: [certificate, ...ca.issuer.intermediates] };
  return makeTestLeaf({ ...ca, issuer }, namespace, serviceAccount);
}

/** A leaf for the same workload that is wrong in one way. */
export async function makeWrongLeaf(
  ca: TestCa,
  kind: WrongKind,
  namespace: string,
  serviceAccount: string,
): Promise<TestLeaf> {
  if (kind === 'unknown_root') {
    const stranger = await makeTestCa(ca.trustDomain, { nowMs: ca.nowMs });
    return makeTestLeaf(stranger, namespace, serviceAccount);
  }
  return makeTestLeaf(ca, namespace, serviceAccount, changesFor(kind, ca, namespace, serviceAccount));
}

function changesFor(
  kind: Exclude<WrongKind, 'unknown_root'>,
  ca: TestCa,
  namespace: string,
  serviceAccount: string,
): Partial<CertificatePlan> {
  const { trustDomain, nowMs } = ca;
  const good = spiffe(trustDomain, namespace, serviceAccount);
  switch (kind) {
    case 'other_trust_domain':
      return { uris: [spiffe('other.example', namespace, serviceAccount)] };
    case 'expired':
      return { notBeforeMs: nowMs - 2 * HOUR_MS, notAfterMs: nowMs - HOUR_MS };
    case 'not_yet_valid':
      return { notBeforeMs: nowMs + HOUR_MS, notAfterMs: nowMs + 2 * HOUR_MS };
    case 'ca_leaf':
      return { isCa: true, keyUsage: ['digitalSignature', 'keyCertSign'] };
    case 'two_uris':
      return { uris: [good, spiffe(trustDomain, namespace, 'second')] };
    case 'no_uri':
      return { uris: [], dnsNames: ['workload.example'] };
    case 'bad_uri':
      return { uris: [`https://${trustDomain}/ns/${namespace}/sa/${serviceAccount}`] };
    case 'wrong_usage':
      return { extendedKeyUsage: ['1.3.6.1.5.5.7.3.3'] };
    case 'no_digital_signature':
      return { keyUsage: ['keyAgreement'] };
  }
}

/** What the CA answers to a request for `default/web`: the chain of CreateCertificate. */
export async function answerRequest(ca: TestCa, csrPem: string, ttlS: number): Promise<readonly string[]> {
  const identity = { trustDomain: ca.trustDomain, namespace: 'default', serviceAccount: 'web' };
  const signed = await signLeaf(ca.authority, { csrPem, identity, ttlS }, DEFAULT_LIFETIME, Date.now());
  if (!signed.ok) throw new Error(signed.reason);
  return signed.leaf.chainPem;
}

async function makeIntermediate(top: Issuer, trustDomain: string, nowMs: number): Promise<Issuer> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const plan: CertificatePlan = {
    subject: `O=${trustDomain}, CN=test intermediate CA`,
    publicKeyDer: publicKey.export({ type: 'spki', format: 'der' }),
    serialHex: makeSerialHex(),
    notBeforeMs: nowMs - 60_000,
    notAfterMs: nowMs + 24 * HOUR_MS,
    isCa: true,
    pathLength: 0,
    keyUsage: ['keyCertSign', 'cRLSign'],
    extendedKeyUsage: [],
  };
  const certPem = (await buildCertificate(plan, top)).toString();
  const keyPem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const rootPem = top.certificate.toString();
  return issuerFromPem({ certPem, keyPem, chainPem: certPem + rootPem, rootPem }, 'test', nowMs);
}

function spiffe(trustDomain: string, namespace: string, serviceAccount: string): string {
  return `spiffe://${trustDomain}/ns/${namespace}/sa/${serviceAccount}`;
}
