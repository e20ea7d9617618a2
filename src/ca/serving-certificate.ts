// The certificate of the control plane and of the CA's own port: names instead of a SPIFFE id, so that it can never
// pass for a workload. Its key is made here and stays in memory.

import { generateKeyPairSync } from 'node:crypto';
import { trustBundlePem } from '../wire/identity/trust-bundle.ts';
import { buildCertificate, SERVER_AUTH } from './certificate-builder.ts';
import { BACKDATE_MS, makeSerialHex } from './issuer.ts';
import type { CertificateAuthority } from './trust-bundle.ts';

/** Under which names clients reach a server. */
export interface ServingNames {
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
}

/** Key and chain of a server. `keyPem` is secret. */
export interface ServingCertificate {
  readonly keyPem: string;
  /** The leaf and the intermediates. */
  readonly chainPem: string;
  /** Roots to verify clients with. */
  readonly rootsPem: string;
  readonly notAfterMs: number;
}

/** The names that Istio's agents and weft's own parts dial. */
export const CONTROL_PLANE_NAMES: ServingNames = {
  dnsNames: ['istiod.istio-system.svc', 'istiod.istio-system', 'weft', 'localhost'],
  ipAddresses: ['127.0.0.1', '::1'],
};

/** Lifetime of a server's own certificate, in seconds. */
export const SERVING_TTL_S = 24 * 3600;

/** Both. */
export function joinNames(first: ServingNames, second: ServingNames | undefined): ServingNames {
  return {
    dnsNames: [...first.dnsNames, ...(second?.dnsNames ?? [])],
    ipAddresses: [...first.ipAddresses, ...(second?.ipAddresses ?? [])],
  };
}

/** Issues a serving certificate with a new P-256 key, for `ttlS` seconds at most. */
export async function issueServingCertificate(
  authority: CertificateAuthority,
  names: ServingNames,
  ttlS: number,
  nowMs: number,
): Promise<ServingCertificate> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const notAfterMs = Math.min(nowMs + ttlS * 1000, authority.signer.notAfterMs);
  const plan = {
    subject: `O=${authority.trustDomain}`,
    publicKeyDer: publicKey.export({ type: 'spki', format: 'der' }),
    serialHex: makeSerialHex(),
    notBeforeMs: nowMs - BACKDATE_MS,
    notAfterMs,
    isCa: false,
    keyUsage: ['digitalSignature'] as const,
    extendedKeyUsage: [SERVER_AUTH],
    ...names,
  };
  const certificate = await buildCertificate(plan, authority.signer);
  return {
    keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    chainPem: [certificate, ...authority.signer.intermediates].map((part) => part.toString()).join(''),
    rootsPem: trustBundlePem(authority.bundle),
    notAfterMs,
  };
}
