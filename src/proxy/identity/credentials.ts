import type { X509Certificate } from 'node:crypto';
import { certificatesFromPem } from '../../wire/identity/trust-bundle.ts';

/** A certificate with its key and the roots it came with. `privateKeyPem` is secret. */
export interface Credentials {
  /** Leaf first, then intermediates. */
  readonly chainPem: string;
  readonly privateKeyPem: string;
  readonly rootsPem: string;
  readonly receivedAtMs: number;
  readonly notAfterMs: number;
}

/** Sorts the CA's answer (leaf, intermediates, roots: RFC 7468 blocks) into what TLS wants. Throws on a bad answer. */
export function credentialsOf(chain: readonly string[], privateKeyPem: string, nowMs: number): Credentials {
  const certificates = chain.flatMap((pem) => certificatesFromPem(pem));
  const [leaf] = certificates;
  if (leaf === undefined) throw new Error('the CA answered without a certificate');
  const roots = certificates.filter((c) => isSelfIssued(c));
  if (roots.length === 0) throw new Error('the CA answered without a root');
  return {
    chainPem: certificates
      .filter((c) => !isSelfIssued(c))
      .map(String)
      .join(''),
    privateKeyPem,
    rootsPem: roots.map(String).join(''),
    receivedAtMs: nowMs,
    notAfterMs: Date.parse(leaf.validTo),
  };
}

function isSelfIssued(certificate: X509Certificate): boolean {
  return certificate.checkIssued(certificate);
}
