// The part of judging a peer (verify.ts) that is about its leaf alone, for chains that OpenSSL has verified already: the
// proxy needs no more.

import type { X509Certificate } from 'node:crypto';
import { type CertificateFields, readCertificateFields } from './certificate-fields.ts';
import { parseSpiffeId, type SpiffeId } from './spiffe.ts';
import type { TrustBundle } from './trust-bundle.ts';

/** What to hold a peer to. */
export interface PeerRules {
  readonly bundle: TrustBundle;
  /** Trust domains that may enter, aliases included. */
  readonly trustDomains: readonly string[];
  /** The role of the peer in the handshake. */
  readonly usage: 'client' | 'server';
  /** Wall time in milliseconds since 1970. */
  readonly nowMs: number;
  /** Intermediates known beside those the peer sent. */
  readonly intermediates?: readonly X509Certificate[];
}

/** Why a peer is refused; stable, for metrics and tests. */
export type PeerRefusal =
  | 'no_certificate'
  | 'chain_too_long'
  | 'malformed'
  | 'weak_key'
  | 'weak_signature'
  | 'not_yet_valid'
  | 'expired'
  | 'leaf_is_ca'
  | 'wrong_usage'
  | 'unknown_critical_extension'
  | 'no_spiffe_id'
  | 'several_uris'
  | 'bad_spiffe_id'
  | 'wrong_trust_domain'
  | 'untrusted';

/** The peer's identity, or why it has none. `reason` is a sentence for a log: it holds names, no secrets. */
export type PeerVerdict =
  | { readonly ok: true; readonly id: SpiffeId; readonly notAfterMs: number }
  | { readonly ok: false; readonly code: PeerRefusal; readonly reason: string };

export const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
export const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';

/** Judges a leaf, in DER. */
export function verifyLeaf(
  leafDer: Uint8Array,
  rules: Pick<PeerRules, 'trustDomains' | 'usage' | 'nowMs'>,
): PeerVerdict {
  let fields: CertificateFields;
  try {
    fields = readCertificateFields(leafDer);
  } catch (error) {
    return refuse(
      'malformed',
      `the certificate is malformed: ${error instanceof Error ? error.message : error}`,
    );
  }
  return refusalOfUse(fields, rules) ?? verifyId(fields, rules.trustDomains);
}

function refusalOfUse(
  fields: CertificateFields,
  rules: Pick<PeerRules, 'usage' | 'nowMs'>,
): PeerVerdict | undefined {
  const { keyUsage, extendedKeyUsage } = fields;
  const wanted = rules.usage === 'client' ? CLIENT_AUTH : SERVER_AUTH;
  if (rules.nowMs < fields.notBeforeMs) {
    return refuse('not_yet_valid', `the certificate is valid from ${iso(fields.notBeforeMs)} on`);
  }
  if (rules.nowMs > fields.notAfterMs) {
    return refuse('expired', `the certificate expired at ${iso(fields.notAfterMs)}`);
  }
  if (fields.isCa || keyUsage?.includes('keyCertSign') || keyUsage?.includes('cRLSign')) {
    return refuse('leaf_is_ca', 'the certificate is that of a CA, which must not speak for a workload');
  }
  if (!keyUsage?.includes('digitalSignature')) {
    return refuse('wrong_usage', 'the key usage of the certificate lacks digitalSignature');
  }
  if (extendedKeyUsage !== undefined && !extendedKeyUsage.includes(wanted)) {
    return refuse('wrong_usage', `the certificate is not for use as a ${rules.usage}`);
  }
  return undefined;
}

function verifyId(fields: CertificateFields, trustDomains: readonly string[]): PeerVerdict {
  const [unknown] = fields.unknownCritical;
  if (unknown !== undefined) {
    return refuse(
      'unknown_critical_extension',
      `the certificate has the unknown critical extension ${unknown}`,
    );
  }
  const [uri, ...more] = fields.uris;
  if (uri === undefined) return refuse('no_spiffe_id', 'the certificate names no SPIFFE id');
  if (more.length > 0)
    return refuse('several_uris', `the certificate names ${more.length + 1} URIs; one is allowed`);
  const parsed = parseSpiffeId(uri);
  if (!parsed.ok) return refuse('bad_spiffe_id', parsed.reason);
  if (parsed.id.path === '')
    return refuse('bad_spiffe_id', 'the SPIFFE id names a trust domain, not a workload');
  if (!trustDomains.includes(parsed.id.trustDomain)) {
    return refuse('wrong_trust_domain', `trust domain ${parsed.id.trustDomain} is not accepted here`);
  }
  return { ok: true, id: parsed.id, notAfterMs: fields.notAfterMs };
}

export function refuse(code: PeerRefusal, reason: string): PeerVerdict {
  return { ok: false, code, reason };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
