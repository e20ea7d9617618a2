// The roots that a party trusts, and for which trust domains. Several roots stand side by side while one replaces
// another; several trust domains while meshes are joined.

import { X509Certificate } from 'node:crypto';

/** A root with the trust domains it may vouch for. */
export interface TrustAnchor {
  readonly certificate: X509Certificate;
  /** Absent: any trust domain that the verifier allows. */
  readonly trustDomains?: readonly string[];
}

/** The anchors in the order given. */
export interface TrustBundle {
  readonly anchors: readonly TrustAnchor[];
}

/** A text with certificates is malformed; the message says where it is wrong and carries no key. */
export class PemError extends Error {
  readonly code = 'bad_pem';
}

/** More certificates in one text or chain are refused. */
export const MAX_CERTIFICATES = 64;
/** Longest PEM text read, in characters. */
export const MAX_PEM_LENGTH = 1_048_576;

const BLOCK = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** Every certificate of a PEM text, in order; other blocks (a key, comments) are passed over. Throws PemError. */
export function certificatesFromPem(pem: string): readonly X509Certificate[] {
  if (pem.length > MAX_PEM_LENGTH)
    throw new PemError(`the PEM text is longer than ${MAX_PEM_LENGTH} characters`);
  const blocks = pem.match(BLOCK) ?? [];
  if (blocks.length !== pem.split('-----BEGIN CERTIFICATE-----').length - 1) {
    throw new PemError('a certificate in the PEM text has no end');
  }
  if (blocks.length > MAX_CERTIFICATES) throw new PemError(`more than ${MAX_CERTIFICATES} certificates`);
  return blocks.map((block, i) => {
    try {
      return new X509Certificate(block);
    } catch {
      throw new PemError(`certificate ${i + 1} of the PEM text cannot be read`);
    }
  });
}

/** A bundle of all roots in a PEM text, for the given trust domains (absent: any the verifier allows). */
export function trustBundleFromPem(pem: string, trustDomains?: readonly string[]): TrustBundle {
  const certificates = certificatesFromPem(pem);
  if (certificates.length === 0) throw new PemError('the trust bundle holds no certificate');
  return {
    anchors: certificates.map((certificate) => ({ certificate, ...(trustDomains && { trustDomains }) })),
  };
}

/** One bundle of several; anchors stay in order. */
export function joinTrustBundles(...bundles: readonly TrustBundle[]): TrustBundle {
  return { anchors: bundles.flatMap((bundle) => bundle.anchors) };
}

/** PEM of all anchors without repetition, for `ca` of node:tls or `trusted_ca` of xDS. */
export function trustBundlePem(bundle: TrustBundle): string {
  return [...new Set(bundle.anchors.map(({ certificate }) => certificate.toString()))].join('');
}
