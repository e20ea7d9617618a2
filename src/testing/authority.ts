import { openIssuer } from '../ca/issuer.ts';
import { type CertificateAuthority, makeAuthority } from '../ca/trust-bundle.ts';

/** The authority that a CA with this folder begins with; the root is made where there is none. Rejects with CaError. */
export async function openAuthority(
  { trustDomain, keyDir }: { readonly trustDomain: string; readonly keyDir: string },
  nowMs: number,
): Promise<CertificateAuthority> {
  const signer = await openIssuer({ folder: keyDir, createForTrustDomain: trustDomain, nowMs });
  return makeAuthority({ trustDomain, trustDomainAliases: [], signer });
}
