// The CA as the rest of the mesh sees it at one moment: who signs, and whom to trust. A rotation publishes a new
// value in steps (trust the next, sign with the next, drop the last); nobody changes one in place.

import { createHash, type X509Certificate } from 'node:crypto';
import { type TrustAnchor, type TrustBundle, trustBundlePem } from '../wire/identity/trust-bundle.ts';
import type { Issuer } from './issuer.ts';

/** An immutable snapshot. */
export interface CertificateAuthority {
  readonly trustDomain: string;
  /** Older names of the trust domain: accepted from peers and for renewal, never issued. */
  readonly trustDomainAliases: readonly string[];
  readonly signer: Issuer;
  readonly bundle: TrustBundle;
  /** Intermediates of everyone who is trusted: a workload that renews shows its leaf alone. */
  readonly intermediates: readonly X509Certificate[];
}

/** Builds a snapshot: `signer` issues, its roots and those of `alsoTrusted` are distributed, without repetition. */
export function makeAuthority(options: {
  readonly trustDomain: string;
  readonly trustDomainAliases?: readonly string[];
  readonly signer: Issuer;
  readonly alsoTrusted?: readonly Issuer[];
}): CertificateAuthority {
  const { trustDomain, trustDomainAliases = [], signer, alsoTrusted = [] } = options;
  const trustDomains = [trustDomain, ...trustDomainAliases];
  const anchors = new Map<string, TrustAnchor>();
  for (const certificate of [signer, ...alsoTrusted].flatMap((issuer) => issuer.roots)) {
    anchors.set(certificate.fingerprint256, { certificate, trustDomains });
  }
  const intermediates = [signer, ...alsoTrusted].flatMap((issuer) => issuer.intermediates);
  const bundle = { anchors: [...anchors.values()] };
  return { trustDomain, trustDomainAliases, signer, bundle, intermediates };
}

/** Fingerprint of what is distributed, order included. */
export function bundleIdOf(authority: CertificateAuthority): string {
  let id = bundleIds.get(authority);
  if (id === undefined) {
    id = createHash('sha256').update(trustBundlePem(authority.bundle)).digest('hex').slice(0, 16);
    bundleIds.set(authority, id);
  }
  return id;
}

const bundleIds = new WeakMap<CertificateAuthority, string>();
