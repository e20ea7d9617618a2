/** What a peer's certificate is held to: roots, revocation, names, hashes. */
import { createHash, X509Certificate } from 'node:crypto';
import type { TlsPeer } from '../../wire/connection.ts';
import type { CertificateValidationContext } from '../../xds/tls-types.ts';
import { type Refuse, readSource, refuseRest } from './data-source.ts';
import { nameMatcher } from './name-matcher.ts';
import type { ValidationSecret } from './secrets.ts';
import { lowerSpiffeValidator } from './spiffe-validator.ts';

/** What a peer's certificate is held to. */
export interface ValidationRules {
  /** PEM, or `system` for the roots that come with the runtime; undefined: no chain is asked for. */
  readonly trustedCaPem: string | undefined;
  readonly crlPem: string | undefined;
  /** Peers have to be of one of these; undefined: nothing of the kind is asked for. */
  readonly trustDomains: readonly string[] | undefined;
  /** Whatever a certificate is judged to be, who shows it is let in: others look at it. */
  readonly acceptsUntrusted: boolean;
  /** It may be known by a hash; by a name. */
  readonly pinned: boolean;
  readonly named: boolean;
  /** A sentence where its names or hashes are not those that are wanted. */
  judgeNames(peer: TlsPeer): string | undefined;
}

/** The rules of a secret on top of those beside its name. */
export function withSecret(
  beside: CertificateValidationContext,
  { trustedCaPem, rules = {} }: ValidationSecret,
): CertificateValidationContext {
  const merged = mergeValidation(beside, rules);
  return trustedCaPem === '' ? merged : { ...merged, trusted_ca: { inline_string: trustedCaPem } };
}

/** Envoy merges the context that SDS brings into the one beside it: lists are joined, the rest is SDS's. */
function mergeValidation(
  base: CertificateValidationContext,
  over: CertificateValidationContext,
): CertificateValidationContext {
  const lists = [
    'match_typed_subject_alt_names',
    'match_subject_alt_names',
    'verify_certificate_hash',
    'verify_certificate_spki',
  ] as const;
  const joined = lists
    .map((name) => [name, [...(base[name] ?? []), ...(over[name] ?? [])]] as const)
    .filter(([, list]) => list.length > 0);
  return { ...base, ...over, ...Object.fromEntries(joined) };
}

/** Lowers a CertificateValidationContext (extensions.transport_sockets.tls.v3). */
export function lowerValidation(
  context: CertificateValidationContext,
  field: string,
  environment: { readonly readFile: (path: string) => string },
  refuse: Refuse,
): ValidationRules {
  const {
    trusted_ca,
    system_root_certs,
    crl,
    match_typed_subject_alt_names,
    match_subject_alt_names,
    verify_certificate_hash,
    verify_certificate_spki,
    trust_chain_verification,
    custom_validator_config,
    ...rest
  } = context;
  refuseRest(rest, field, refuse);
  if (crl !== undefined && trusted_ca === undefined && system_root_certs === undefined)
    refuse(`${field}.crl`, 'needs trusted_ca');
  const matchers = [
    ...(match_typed_subject_alt_names ?? []).map((typed, i) => ({
      namesOf: nameKind(typed.san_type, `${field}.match_typed_subject_alt_names[${i}].san_type`, refuse),
      test: typedTest(
        typed,
        nameMatcher(typed.matcher ?? {}, `${field}.match_typed_subject_alt_names[${i}].matcher`, refuse),
      ),
    })),
    ...(match_subject_alt_names ?? []).map((matcher, i) => ({
      namesOf: allNames,
      test: nameMatcher(matcher, `${field}.match_subject_alt_names[${i}]`, refuse),
    })),
  ];
  const spiffe =
    custom_validator_config &&
    lowerSpiffeValidator(custom_validator_config, `${field}.custom_validator_config`, environment, refuse);
  const hashes = (verify_certificate_hash ?? []).map((hash) => hash.replaceAll(':', '').toLowerCase());
  const keys = verify_certificate_spki ?? [];
  return {
    trustDomains: spiffe?.trustDomains,
    trustedCaPem:
      spiffe?.trustedCaPem ??
      readSource(trusted_ca, `${field}.trusted_ca`, environment, refuse) ??
      (system_root_certs === undefined ? undefined : 'system'),
    acceptsUntrusted: trust_chain_verification === 'ACCEPT_UNTRUSTED',
    pinned: hashes.length + keys.length > 0,
    named: matchers.length > 0,
    crlPem: readSource(crl, `${field}.crl`, environment, refuse),
    judgeNames(peer) {
      // Either list is enough, where both are given (Envoy's rule).
      const isPinned = hashes.includes(hashOf(peer, hashes)) || keys.includes(keyHashOf(peer, keys));
      if (hashes.length + keys.length > 0 && !isPinned)
        return 'its certificate has none of the expected hashes';
      if (matchers.length === 0) return undefined;
      if (matchers.some(({ namesOf, test }) => namesOf(peer).some(test))) return undefined;
      return `the peer is ${allNames(peer).join(', ') || 'nameless'}, which is not who may be there`;
    },
  };
}

type NamesOf = (peer: TlsPeer) => readonly string[];

const KINDS: Readonly<Record<string, NamesOf>> = {
  URI: ({ uris }) => uris,
  DNS: ({ dnsNames }) => dnsNames,
  EMAIL: ({ emails = [] }) => emails,
  IP_ADDRESS: ({ ipAddresses = [] }) => ipAddresses,
};

const allNames: NamesOf = (peer) => Object.values(KINDS).flatMap((namesOf) => namesOf(peer));

/** A name's kind decides who may be trusted with it: one that is not looked at is refused, never matched otherwise. */
function nameKind(type: string | undefined, field: string, refuse: Refuse): NamesOf {
  const found = KINDS[type ?? ''];
  if (found === undefined)
    refuse(
      field,
      `${type ?? 'SAN_TYPE_UNSPECIFIED'} is not supported by this proxy: only ${Object.keys(KINDS).join(', ')}`,
    );
  return found ?? allNames;
}

type TypedMatcher = NonNullable<CertificateValidationContext['match_typed_subject_alt_names']>[number];

/** An exact DNS name is also meant by a certificate's wildcard for its last labels (RFC 6125 §6.4.3, as Envoy). */
function typedTest(
  { san_type, matcher }: TypedMatcher,
  test: (name: string) => boolean,
): (name: string) => boolean {
  const exact = matcher?.exact?.toLowerCase();
  if (san_type !== 'DNS' || exact === undefined) return test;
  const wildcard = exact.replace(/^[^.]+/, '*');
  return (name) => name.toLowerCase() === exact || (name.startsWith('*.') && name.toLowerCase() === wildcard);
}

/** Base64 of the SHA-256 of the public key; '' where nobody asks. */
function keyHashOf(peer: TlsPeer, asked: readonly string[]): string {
  if (asked.length === 0) return '';
  const der = new X509Certificate(peer.certificate!).publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(der).digest('base64');
}

function hashOf(peer: TlsPeer, asked: readonly string[]): string {
  if (asked.length === 0) return '';
  return new X509Certificate(peer.certificate!).fingerprint256.replaceAll(':', '').toLowerCase();
}
