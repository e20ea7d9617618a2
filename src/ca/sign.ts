// From a request and an authenticated identity to a leaf. The only name in the leaf is the identity that was
// authenticated: what the request says about itself is compared, never copied.

import type { X509Certificate } from 'node:crypto';
import { type WorkloadIdentity, workloadSpiffeId } from '../wire/identity/spiffe.ts';
import { trustBundlePem } from '../wire/identity/trust-bundle.ts';
import { buildCertificate, CLIENT_AUTH, SERVER_AUTH } from './certificate-builder.ts';
import { readCertificateRequest } from './certificate-request.ts';
import { BACKDATE_MS, makeSerialHex } from './issuer.ts';
import type { CertificateAuthority } from './trust-bundle.ts';

/** How long leaves live, in seconds. */
export interface LifetimePolicy {
  /** Where the request names no lifetime. */
  readonly defaultTtlS: number;
  /** A longer wish is cut to this. */
  readonly maxTtlS: number;
}

/** A day for those who do not ask; 90 days at most, as Istio's. */
export const DEFAULT_LIFETIME: LifetimePolicy = { defaultTtlS: 24 * 3600, maxTtlS: 90 * 24 * 3600 };

/** What to sign for whom. `ttlS` of 0 or less means the default. */
export interface LeafOrder {
  readonly csrPem: string;
  readonly identity: WorkloadIdentity;
  readonly ttlS: number;
}

/** An issued leaf with everything its owner needs beside the key. */
export interface IssuedLeaf {
  readonly certificate: X509Certificate;
  readonly spiffeId: string;
  readonly serialHex: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** PEM: the leaf, the intermediates as one block of text when there are any, the trust bundle last. */
  readonly chainPem: readonly string[];
}

export type SignResult =
  | { readonly ok: true; readonly leaf: IssuedLeaf }
  | {
      readonly ok: false;
      readonly code: 'bad_request' | 'weak_key' | 'other_identity' | 'ca_expired';
      readonly reason: string;
    };

/** Signs, or says why not. Takes 2 to 4 ms. */
export async function signLeaf(
  authority: CertificateAuthority,
  order: LeafOrder,
  policy: LifetimePolicy,
  nowMs: number,
): Promise<SignResult> {
  const spiffeId = workloadSpiffeId(order.identity);
  const read = readCertificateRequest(order.csrPem);
  if (!read.ok) return read;
  if (read.request.claimedUris.some((uri) => uri !== spiffeId)) {
    return {
      ok: false,
      code: 'other_identity',
      reason: `the request names another identity than ${spiffeId}`,
    };
  }
  const notAfterMs = endOfLeaf(authority, order.ttlS, policy, nowMs);
  if (notAfterMs <= nowMs)
    return { ok: false, code: 'ca_expired', reason: 'the certificate of the CA has expired' };
  const plan = {
    subject: '',
    publicKeyDer: read.request.publicKeyDer,
    serialHex: makeSerialHex(),
    notBeforeMs: nowMs - BACKDATE_MS,
    notAfterMs,
    isCa: false,
    keyUsage: ['digitalSignature', 'keyEncipherment'] as const,
    extendedKeyUsage: [SERVER_AUTH, CLIENT_AUTH],
    uris: [spiffeId],
  };
  const certificate = await buildCertificate(plan, authority.signer);
  const { serialHex, notBeforeMs } = plan;
  const chainPem = chainOf(certificate, authority);
  return { ok: true, leaf: { certificate, spiffeId, serialHex, notBeforeMs, notAfterMs, chainPem } };
}

/** The order of Istio's API: clients take the last entry for the roots and the rest for their own chain. */
function chainOf(certificate: X509Certificate, authority: CertificateAuthority): readonly string[] {
  const intermediates = authority.signer.intermediates.map((ca) => ca.toString()).join('');
  return [
    certificate.toString(),
    ...(intermediates === '' ? [] : [intermediates]),
    trustBundlePem(authority.bundle),
  ];
}

function endOfLeaf(
  authority: CertificateAuthority,
  ttlS: number,
  policy: LifetimePolicy,
  nowMs: number,
): number {
  const wishedS = ttlS > 0 ? ttlS : policy.defaultTtlS;
  return Math.min(nowMs + Math.min(wishedS, policy.maxTtlS) * 1000, authority.signer.notAfterMs);
}
