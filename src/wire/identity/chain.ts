// Finds a path from a leaf to a trust anchor: each certificate signed by the next, each CA valid, allowed to sign,
// and allowed to have so many CAs below it (RFC 5280 section 6.1, without policies and revocation).

import type { KeyObject, X509Certificate } from 'node:crypto';
import { type CertificateFields, readCertificateFields } from './certificate-fields.ts';
import type { TrustAnchor } from './trust-bundle.ts';

/** What a path must end in and satisfy. */
export interface PathRules {
  readonly anchors: readonly TrustAnchor[];
  /** Purpose of the leaf; a CA that lists purposes must list it. */
  readonly extendedKeyUsage: string;
  readonly nowMs: number;
}

/** `untrusted` when no anchor is reached; the others when the only way there is barred by one certificate. */
export type PathRefusal =
  | 'untrusted'
  | 'expired'
  | 'not_yet_valid'
  | 'malformed'
  | 'wrong_usage'
  | 'unknown_critical_extension'
  | 'weak_key'
  | 'weak_signature';

export type PathResult =
  | { readonly ok: true }
  | { readonly ok: false; readonly code: PathRefusal; readonly reason: string };

/** Most CAs above a leaf, the anchor included. */
export const MAX_PATH = 5;
/** Most signature checks for one leaf: cross-signed loops end here. */
export const MAX_SIGNATURE_CHECKS = 32;

const SIGNATURE_ALGORITHMS = new Set([
  '1.2.840.10045.4.3.2', // ECDSA with SHA-256
  '1.2.840.10045.4.3.3',
  '1.2.840.10045.4.3.4',
  '1.2.840.113549.1.1.11', // RSA PKCS#1 with SHA-256
  '1.2.840.113549.1.1.12',
  '1.2.840.113549.1.1.13',
  '1.3.101.112', // Ed25519
]);
const CURVES = new Set(['prime256v1', 'secp384r1', 'secp521r1']);
const MIN_RSA_BITS = 2048;
const OID_NAME_CONSTRAINTS = '2.5.29.30';

/** Whether the leaf leads to an anchor; else the refusal found deepest on the way. The leaf's own use is not judged. */
export function findPath(
  leaf: X509Certificate,
  intermediates: readonly X509Certificate[],
  rules: PathRules,
): PathResult {
  const search: Search = { intermediates, rules, checksLeft: MAX_SIGNATURE_CHECKS, barred: undefined };
  const keyRefusal = refusalOfKey(leaf.publicKey);
  if (keyRefusal !== undefined) return keyRefusal;
  if (climb(leaf, 0, search)) return { ok: true };
  return search.barred ?? refuse('untrusted', 'no root of the trust bundle signed this chain');
}

interface Search {
  readonly intermediates: readonly X509Certificate[];
  readonly rules: PathRules;
  checksLeft: number;
  barred: PathResult | undefined;
}

/** `casBelow` is the number of CAs between this certificate's issuer and the leaf. */
function climb(certificate: X509Certificate, casBelow: number, search: Search): boolean {
  if (casBelow >= MAX_PATH) return false;
  for (const { certificate: anchor } of search.rules.anchors) {
    if (isSignedBy(certificate, anchor, search) && mayIssue(anchor, casBelow, search)) return true;
  }
  for (const issuer of search.intermediates) {
    if (!isSignedBy(certificate, issuer, search) || !mayIssue(issuer, casBelow, search)) continue;
    // A self-issued certificate leads back to itself; its anchor was tried above.
    if (issuer.subject !== issuer.issuer && climb(issuer, casBelow + 1, search)) return true;
  }
  return false;
}

function isSignedBy(certificate: X509Certificate, issuer: X509Certificate, search: Search): boolean {
  if (!certificate.checkIssued(issuer) || search.checksLeft <= 0) return false;
  search.checksLeft--;
  try {
    return certificate.verify(issuer.publicKey) && hasStrongSignature(certificate, search);
  } catch {
    return false;
  }
}

function hasStrongSignature(certificate: X509Certificate, search: Search): boolean {
  const fields = fieldsOf(certificate, search);
  if (fields === undefined) return false;
  if (SIGNATURE_ALGORITHMS.has(fields.signatureAlgorithm)) return true;
  search.barred = refuse(
    'weak_signature',
    `signature algorithm ${fields.signatureAlgorithm} is not accepted`,
  );
  return false;
}

function mayIssue(ca: X509Certificate, casBelow: number, search: Search): boolean {
  const fields = fieldsOf(ca, search);
  if (fields === undefined) return false;
  const refusal = refusalOfCa(fields, casBelow, search.rules) ?? refusalOfKey(ca.publicKey);
  if (refusal !== undefined) search.barred = refusal;
  return refusal === undefined;
}

function refusalOfCa(fields: CertificateFields, casBelow: number, rules: PathRules): PathResult | undefined {
  const { keyUsage, extendedKeyUsage, pathLength, unknownCritical } = fields;
  if (rules.nowMs < fields.notBeforeMs) return refuse('not_yet_valid', 'a CA of the chain is not valid yet');
  if (rules.nowMs > fields.notAfterMs) return refuse('expired', 'a CA of the chain has expired');
  if (!fields.isCa || !(keyUsage?.includes('keyCertSign') ?? true)) {
    return refuse('wrong_usage', 'a certificate of the chain was signed by one that is no CA');
  }
  if (pathLength !== undefined && casBelow > pathLength) {
    return refuse(
      'wrong_usage',
      `a CA of the chain allows ${pathLength} CAs below it, ${casBelow} are there`,
    );
  }
  if (extendedKeyUsage !== undefined && !extendedKeyUsage.includes(rules.extendedKeyUsage)) {
    return refuse('wrong_usage', 'a CA of the chain is limited to other purposes');
  }
  if (unknownCritical.includes(OID_NAME_CONSTRAINTS)) {
    return refuse(
      'unknown_critical_extension',
      'a CA of the chain has name constraints, which weft does not apply',
    );
  }
  if (unknownCritical.length > 0) {
    return refuse(
      'unknown_critical_extension',
      `a CA of the chain has the unknown critical extension ${unknownCritical[0]}`,
    );
  }
  return undefined;
}

function refusalOfKey(key: KeyObject): PathResult | undefined {
  const { modulusLength = 0, namedCurve = '' } = key.asymmetricKeyDetails ?? {};
  const strong =
    key.asymmetricKeyType === 'ed25519' ||
    (key.asymmetricKeyType === 'rsa' && modulusLength >= MIN_RSA_BITS) ||
    (key.asymmetricKeyType === 'ec' && CURVES.has(namedCurve));
  return strong
    ? undefined
    : refuse('weak_key', `a key of type ${key.asymmetricKeyType} in the chain is too weak`);
}

function fieldsOf(certificate: X509Certificate, search: Search): CertificateFields | undefined {
  try {
    return readCertificateFields(certificate.raw);
  } catch {
    search.barred = refuse('malformed', 'a certificate of the chain is malformed');
    return undefined;
  }
}

function refuse(code: PathRefusal, reason: string): Extract<PathResult, { ok: false }> {
  return { ok: false, code, reason };
}
