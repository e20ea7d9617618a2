// One signing CA: its key, its certificate, the way up to its roots. Opened from a folder in the layout of Istio's
// Secret `cacerts` (ca-cert.pem, ca-key.pem, cert-chain.pem, root-cert.pem): the user's own root or intermediate, or
// one that signs itself, made at the first start in the same layout.

import { createPublicKey, type KeyObject, randomBytes, type X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { readCertificateFields } from '../wire/identity/certificate-fields.ts';
import { findPath } from '../wire/identity/chain.ts';
import { isTrustDomain } from '../wire/identity/spiffe.ts';
import { certificatesFromPem } from '../wire/identity/trust-bundle.ts';
import { CaError } from './ca-error.ts';
import { buildCertificate, CLIENT_AUTH } from './certificate-builder.ts';
import { readOrCreate, readStored } from './key-store.ts';
import { makePrivateKeyPem, readPrivateKey, type SigningKey, toSigningKey } from './signing-key.ts';

/** A CA ready to sign. */
export interface Issuer {
  readonly key: SigningKey;
  /** Its own certificate. */
  readonly certificate: X509Certificate;
  /** What a leaf shows beside itself: from this CA upwards, without the roots. Empty when the CA is a root. */
  readonly intermediates: readonly X509Certificate[];
  /** The roots its leaves are verified with. */
  readonly roots: readonly X509Certificate[];
  /** End of the CA certificate, wall time; no leaf outlives it. */
  readonly notAfterMs: number;
}

/** Where an issuer comes from. */
export interface IssuerFolder {
  /** Folder in `cacerts` layout. */
  readonly folder: string;
  readonly nowMs: number;
  /** The trust domain of a root to make where the folder holds no CA; absent: an empty folder is an error. */
  readonly createForTrustDomain?: string;
}

/** Lifetime of a root that weft makes: ten years, as Istio's. */
export const ROOT_LIFETIME_MS = 10 * 365 * 24 * 3600 * 1000;
/** Certificates start this much in the past, for peers whose clock is behind. */
export const BACKDATE_MS = 60_000;

/** Opens the CA of a folder, or makes a root there. Throws CaError with a sentence about the file at fault. */
export async function openIssuer(from: IssuerFolder): Promise<Issuer> {
  const { folder, nowMs, createForTrustDomain } = from;
  if (createForTrustDomain !== undefined) await createRoot(folder, createForTrustDomain, nowMs);
  const [certPem, keyPem, chainPem, rootPem] = await Promise.all([
    readStored(join(folder, 'ca-cert.pem'), 0o644),
    // A mounted Secret has its own permissions, often 0644 behind a folder only the pod has.
    readStored(join(folder, 'ca-key.pem'), createForTrustDomain === undefined ? 0o644 : 0o600),
    readStored(join(folder, 'cert-chain.pem'), 0o644),
    readStored(join(folder, 'root-cert.pem'), 0o644),
  ]);
  if (certPem === undefined || keyPem === undefined || rootPem === undefined) {
    throw new CaError('ca_files_incomplete', `${folder} must hold ca-cert.pem, ca-key.pem and root-cert.pem`);
  }
  return issuerFromPem({ certPem, keyPem, chainPem: chainPem ?? '', rootPem }, folder, nowMs);
}

/** The texts of the four files. `keyPem` is secret. */
export interface IssuerPem {
  readonly certPem: string;
  readonly keyPem: string;
  readonly chainPem: string;
  readonly rootPem: string;
}

/** An issuer from texts; `from` names their place in errors. Throws CaError. */
export function issuerFromPem(pem: IssuerPem, from: string, nowMs: number): Issuer {
  const [certificate] = readCertificates(pem.certPem, `${from}/ca-cert.pem`);
  const roots = readCertificates(pem.rootPem, `${from}/root-cert.pem`);
  const chain = readCertificates(pem.chainPem, `${from}/cert-chain.pem`);
  if (certificate === undefined || roots.length === 0) {
    throw new CaError(
      'ca_files_incomplete',
      `${from}: ca-cert.pem and root-cert.pem each need a certificate`,
    );
  }
  const key = readPrivateKey(pem.keyPem, `${from}/ca-key.pem`);
  if (!certificate.checkPrivateKey(key)) {
    throw new CaError('ca_key_mismatch', `${from}: ca-key.pem is not the key of ca-cert.pem`);
  }
  const notAfterMs = checkCaCertificate(certificate, from, nowMs);
  checkPathToRoot(certificate, chain, roots, from, nowMs);
  return {
    key: toSigningKey(key, `${from}/ca-key.pem`),
    certificate,
    intermediates: withoutRoots([certificate, ...chain], roots),
    roots: ownRootFirst(certificate, chain, roots, nowMs),
    notAfterMs,
  };
}

/** Workloads take the first root of a bundle for that of their next certificate. */
function ownRootFirst(
  certificate: X509Certificate,
  chain: readonly X509Certificate[],
  roots: readonly X509Certificate[],
  nowMs: number,
): readonly X509Certificate[] {
  const own = roots.find(
    (root) =>
      findPath(certificate, chain, {
        anchors: [{ certificate: root }],
        extendedKeyUsage: CLIENT_AUTH,
        nowMs,
      }).ok,
  );
  return own === undefined ? roots : [own, ...roots.filter((root) => root !== own)];
}

/** The texts of a new root that signs itself, for a trust domain. */
export async function makeRootPem(trustDomain: string, nowMs: number): Promise<IssuerPem> {
  const keyPem = makePrivateKeyPem();
  const certPem = (await makeRoot(readPrivateKey(keyPem, 'the new key'), trustDomain, nowMs)).toString();
  return { certPem, keyPem, chainPem: '', rootPem: certPem };
}

async function createRoot(folder: string, trustDomain: string, nowMs: number): Promise<void> {
  if (!isTrustDomain(trustDomain)) throw new RangeError(`${JSON.stringify(trustDomain)} is no trust domain`);
  if ((await readStored(join(folder, 'root-cert.pem'), 0o644)) !== undefined) return;
  const keyPem = await readOrCreate(join(folder, 'ca-key.pem'), 0o600, makePrivateKeyPem);
  const certPem = await readOrCreate(join(folder, 'ca-cert.pem'), 0o644, async () =>
    (await makeRoot(readPrivateKey(keyPem, folder), trustDomain, nowMs)).toString(),
  );
  // Last: a crash before this leaves a folder that the next start completes.
  await readOrCreate(join(folder, 'root-cert.pem'), 0o644, () => certPem);
}

/** A self-signed root for a trust domain, which it names as SPIFFE wants of signing certificates. */
export async function makeRoot(key: KeyObject, trustDomain: string, nowMs: number): Promise<X509Certificate> {
  const signingKey = toSigningKey(key, 'the key of the root');
  const plan = {
    subject: `O=${trustDomain}, CN=weft root CA`,
    publicKeyDer: createPublicKey(key).export({ type: 'spki', format: 'der' }),
    serialHex: makeSerialHex(),
    notBeforeMs: nowMs - BACKDATE_MS,
    notAfterMs: nowMs + ROOT_LIFETIME_MS,
    isCa: true,
    keyUsage: ['keyCertSign', 'cRLSign'] as const,
    extendedKeyUsage: [],
    uris: [`spiffe://${trustDomain}`],
  };
  return buildCertificate(plan, { key: signingKey });
}

/** A random serial number of 16 bytes, positive as RFC 5280 4.1.2.2 wants. */
export function makeSerialHex(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString('hex');
}

function checkCaCertificate(certificate: X509Certificate, from: string, nowMs: number): number {
  const fields = readCertificateFields(certificate.raw);
  if (!fields.isCa || !fields.keyUsage?.includes('keyCertSign')) {
    throw new CaError('ca_certificate_unusable', `${from}: ca-cert.pem is not allowed to sign certificates`);
  }
  if (nowMs > fields.notAfterMs) {
    throw new CaError(
      'ca_expired',
      `${from}: ca-cert.pem expired at ${new Date(fields.notAfterMs).toISOString()}`,
    );
  }
  return fields.notAfterMs;
}

function checkPathToRoot(
  certificate: X509Certificate,
  chain: readonly X509Certificate[],
  roots: readonly X509Certificate[],
  from: string,
  nowMs: number,
): void {
  const rules = {
    anchors: roots.map((root) => ({ certificate: root })),
    extendedKeyUsage: CLIENT_AUTH,
    nowMs,
  };
  const path = findPath(certificate, chain, rules);
  if (!path.ok) {
    throw new CaError(
      'ca_chain_broken',
      `${from}: ca-cert.pem does not lead to root-cert.pem: ${path.reason}`,
    );
  }
}

function withoutRoots(
  certificates: readonly X509Certificate[],
  roots: readonly X509Certificate[],
): readonly X509Certificate[] {
  const seen = new Set(roots.map((root) => root.fingerprint256));
  return certificates.filter((certificate) => {
    const isNew = !seen.has(certificate.fingerprint256);
    seen.add(certificate.fingerprint256);
    return isNew;
  });
}

function readCertificates(pem: string, from: string): readonly X509Certificate[] {
  try {
    return certificatesFromPem(pem);
  } catch (error) {
    throw new CaError(
      'ca_certificate_unusable',
      `${from}: ${error instanceof Error ? error.message : error}`,
    );
  }
}
