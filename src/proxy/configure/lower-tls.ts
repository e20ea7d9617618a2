/**
 * CommonTlsContext (extensions.transport_sockets.tls.v3) to what a handshake needs: which secrets, which rules for the
 * peer. The TLS library's context is made when it is first needed and again when a secret has changed.
 */
import { createHash, X509Certificate } from 'node:crypto';
import { RE2JS } from 're2js';
import type { Result } from '../../lib/result.ts';
import type { TlsContext, TlsContextOptions, TlsPeer } from '../../wire/connection.ts';
import { verifyLeaf } from '../../wire/identity/verify.ts';
import type * as gen from '../../xds/tls-types.ts';
import type { Secrets } from './secrets.ts';

/** A TLS side, lowered. */
export interface LoweredTls {
  readonly alpn: readonly string[];
  /** SDS names that must have arrived before a handshake can succeed. */
  readonly secretNames: readonly string[];
  /** There is a certificate of our own to show. */
  readonly hasCertificate: boolean;
  /** The peer's chain is held to a trust bundle. */
  readonly validates: boolean;
  ready(): boolean;
  /** The library's context for the secrets of this moment. Throws an Error where they are no certificates. */
  context(): TlsContext;
  /** A sentence where the peer is refused. `required`: a peer without certificate is. */
  judge(peer: TlsPeer, required: boolean): string | undefined;
}

/** What the lowering needs from outside. */
export interface TlsEnvironment {
  readonly secrets: Secrets;
  readonly createContext: (options: TlsContextOptions) => Result<TlsContext, { readonly message: string }>;
  /** Reads a file named by a DataSource. */
  readonly readFile: (path: string) => string;
  /** Wall time. */
  readonly nowMs: () => number;
}

type Refuse = (field: string, message: string) => void;

/** Lowers the context at `field`; `usage` is what the peer is. Refusals go to `refuse`; the result counts only without any. */
export function lowerCommonTls(
  context: gen.CommonTlsContext,
  field: string,
  environment: TlsEnvironment,
  usage: 'client' | 'server',
  refuse: Refuse,
): LoweredTls {
  const {
    tls_params,
    tls_certificates,
    tls_certificate_sds_secret_configs,
    validation_context,
    validation_context_sds_secret_config,
    combined_validation_context,
    alpn_protocols,
    ...rest
  } = context;
  refuseRest(rest, field, refuse);
  const own = certificateSource(
    tls_certificates,
    tls_certificate_sds_secret_configs,
    field,
    environment,
    refuse,
  );
  const combined = combined_validation_context;
  const rules = lowerValidation(
    validation_context ?? combined?.default_validation_context ?? {},
    `${field}.validation_context`,
    environment,
    refuse,
  );
  const bundleName = (validation_context_sds_secret_config ?? combined?.validation_context_sds_secret_config)
    ?.name;
  const versions = lowerParams(tls_params ?? {}, `${field}.tls_params`, refuse);
  const { secrets } = environment;
  const bundle = (): string | undefined =>
    bundleName === undefined ? rules.trustedCaPem : secrets.validation(bundleName)?.trustedCaPem;
  let made: { readonly version: number; readonly context: TlsContext } | undefined;
  return {
    alpn: alpn_protocols ?? [],
    secretNames: [...own.secretNames, ...(bundleName === undefined ? [] : [bundleName])],
    hasCertificate: own.given,
    validates: bundleName !== undefined || rules.trustedCaPem !== undefined,
    ready: () => own.current() !== undefined && (bundleName === undefined || bundle() !== undefined),
    context() {
      if (made?.version === secrets.version) return made.context;
      const ca = bundle();
      const result = environment.createContext({
        certificates: own.current() ?? [],
        ...(ca === undefined ? {} : { trustedCaPem: ca }),
        ...versions,
      });
      if (!result.ok) throw new Error(result.error.message);
      made = { version: secrets.version, context: result.value };
      return made.context;
    },
    judge(peer, required) {
      if (peer.certificate === undefined) return required ? 'the peer showed no certificate' : undefined;
      if (bundle() === undefined) return undefined;
      if (peer.chainError !== '') return `the peer's certificate is not trusted: ${peer.chainError}`;
      return judgeSpiffeId(peer, usage, environment.nowMs()) ?? rules.judgeNames(peer);
    },
  };
}

/** Reports each field that is left over after the known ones were taken. */
export function refuseRest(rest: object, field: string, refuse: Refuse): void {
  for (const key of Object.keys(rest)) {
    if (key !== '@type') refuse(`${field}.${key}`, 'is not supported by this proxy');
  }
}

interface CertificateSource {
  readonly given: boolean;
  readonly secretNames: readonly string[];
  current(): TlsContextOptions['certificates'] | undefined;
}

function certificateSource(
  inline: gen.CommonTlsContext['tls_certificates'],
  sds: gen.CommonTlsContext['tls_certificate_sds_secret_configs'],
  field: string,
  environment: TlsEnvironment,
  refuse: Refuse,
): CertificateSource {
  const fixed = (inline ?? []).map((certificate, i) =>
    lowerCertificate(certificate, `${field}.tls_certificates[${i}]`, environment, refuse),
  );
  const names = (sds ?? []).map((config) => config.name ?? '');
  return {
    given: fixed.length > 0 || names.length > 0,
    secretNames: names,
    current() {
      const named = names.map((name) => environment.secrets.certificate(name));
      return named.includes(undefined) ? undefined : [...fixed, ...named.filter((c) => c !== undefined)];
    },
  };
}

function lowerCertificate(
  certificate: gen.TlsCertificate,
  field: string,
  environment: TlsEnvironment,
  refuse: Refuse,
): { chainPem: string; privateKeyPem: string } {
  const { certificate_chain, private_key, ...rest } = certificate;
  refuseRest(rest, field, refuse);
  return {
    chainPem: readSource(certificate_chain, `${field}.certificate_chain`, environment, refuse) ?? '',
    privateKeyPem: readSource(private_key, `${field}.private_key`, environment, refuse) ?? '',
  };
}

/** The text of a DataSource: inline, base64 bytes, or a file. */
export function readSource(
  source: gen.DataSource | undefined,
  field: string,
  environment: Pick<TlsEnvironment, 'readFile'>,
  refuse: Refuse,
): string | undefined {
  if (source === undefined) return undefined;
  if (source.inline_string !== undefined) return source.inline_string;
  if (source.inline_bytes !== undefined) return atob(source.inline_bytes);
  if (source.filename === undefined) {
    refuse(field, 'takes inline_string, inline_bytes or filename');
    return undefined;
  }
  try {
    return environment.readFile(source.filename);
  } catch (error) {
    refuse(field, `cannot read ${source.filename}: ${(error as Error).message}`);
    return undefined;
  }
}

interface ValidationRules {
  readonly trustedCaPem: string | undefined;
  judgeNames(peer: TlsPeer): string | undefined;
}

function lowerValidation(
  context: gen.CertificateValidationContext,
  field: string,
  environment: TlsEnvironment,
  refuse: Refuse,
): ValidationRules {
  const {
    trusted_ca,
    match_typed_subject_alt_names,
    match_subject_alt_names,
    verify_certificate_hash,
    verify_certificate_spki,
    trust_chain_verification,
    ...rest
  } = context;
  refuseRest(rest, field, refuse);
  if (trust_chain_verification !== undefined && trust_chain_verification !== 'VERIFY_TRUST_CHAIN')
    refuse(`${field}.trust_chain_verification`, `${trust_chain_verification} is not supported by this proxy`);
  const matchers = [
    ...(match_typed_subject_alt_names ?? []).map((typed, i) => ({
      type: nameType(typed.san_type, `${field}.match_typed_subject_alt_names[${i}].san_type`, refuse),
      test: nameMatcher(typed.matcher ?? {}, `${field}.match_typed_subject_alt_names[${i}].matcher`, refuse),
    })),
    ...(match_subject_alt_names ?? []).map((matcher, i) => ({
      type: '',
      test: nameMatcher(matcher, `${field}.match_subject_alt_names[${i}]`, refuse),
    })),
  ];
  const hashes = (verify_certificate_hash ?? []).map((hash) => hash.replaceAll(':', '').toLowerCase());
  const keys = verify_certificate_spki ?? [];
  return {
    trustedCaPem: readSource(trusted_ca, `${field}.trusted_ca`, environment, refuse),
    judgeNames(peer) {
      // Either list is enough, where both are given (Envoy's rule).
      const isPinned = hashes.includes(hashOf(peer, hashes)) || keys.includes(keyHashOf(peer, keys));
      if (hashes.length + keys.length > 0 && !isPinned)
        return 'its certificate has none of the expected hashes';
      if (matchers.length === 0) return undefined;
      const names = [...peer.uris, ...peer.dnsNames];
      const found = matchers.some(({ type, test }) =>
        (type === 'URI' ? peer.uris : type === 'DNS' ? peer.dnsNames : names).some(test),
      );
      return found
        ? undefined
        : `the peer is ${names.join(', ') || 'nameless'}, which is not who may be there`;
    },
  };
}

/** A peer that shows a SPIFFE id is held to the rules of X.509-SVIDs too: one URI, no CA, the right usage. */
function judgeSpiffeId(peer: TlsPeer, usage: 'client' | 'server', nowMs: number): string | undefined {
  const id = peer.uris.find((uri) => uri.startsWith('spiffe://'));
  if (id === undefined) return undefined;
  const trustDomain = id.slice('spiffe://'.length).split('/')[0]!;
  const verdict = verifyLeaf(peer.certificate!, {
    trustDomains: [trustDomain],
    usage,
    nowMs,
  });
  return verdict.ok ? undefined : verdict.reason;
}

/** A name's kind decides who may be trusted with it: one that is not looked at is refused, never matched otherwise. */
function nameType(type: string | undefined, field: string, refuse: Refuse): string {
  if (type !== 'URI' && type !== 'DNS')
    refuse(field, `${type ?? 'SAN_TYPE_UNSPECIFIED'} is not supported by this proxy: only URI, DNS`);
  return type ?? '';
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

/** A StringMatcher (type.matcher.v3) as a function; regular expressions run in linear time. */
function nameMatcher(matcher: gen.StringMatcher, field: string, refuse: Refuse): (name: string) => boolean {
  const { exact, prefix, suffix, contains, safe_regex, ignore_case, ...rest } = matcher;
  refuseRest(rest, field, refuse);
  const fold = (text: string): string => (ignore_case === true ? text.toLowerCase() : text);
  if (exact !== undefined) return (name) => fold(name) === fold(exact);
  if (prefix !== undefined) return (name) => fold(name).startsWith(fold(prefix));
  if (suffix !== undefined) return (name) => fold(name).endsWith(fold(suffix));
  if (contains !== undefined) return (name) => fold(name).includes(fold(contains));
  try {
    const pattern = RE2JS.compile(safe_regex?.regex ?? '');
    return (name) => pattern.matches(name);
  } catch (error) {
    refuse(`${field}.safe_regex`, (error as Error).message);
    return () => false;
  }
}

function lowerParams(params: gen.TlsParameters, field: string, refuse: Refuse): Partial<TlsContextOptions> {
  const {
    tls_minimum_protocol_version,
    tls_maximum_protocol_version,
    cipher_suites,
    ecdh_curves: _curves,
    ...rest
  } = params;
  refuseRest(rest, field, refuse);
  const min = version(tls_minimum_protocol_version, `${field}.tls_minimum_protocol_version`, refuse);
  const max = version(tls_maximum_protocol_version, `${field}.tls_maximum_protocol_version`, refuse);
  return {
    ...(min === undefined ? {} : { minVersion: min }),
    ...(max === undefined ? {} : { maxVersion: max }),
    ...(cipher_suites === undefined ? {} : { ciphers: cipher_suites.join(':') }),
  };
}

function version(name: string | undefined, field: string, refuse: Refuse): 'TLSv1.2' | 'TLSv1.3' | undefined {
  if (name === undefined || name === 'TLS_AUTO') return undefined;
  if (name === 'TLSv1_2') return 'TLSv1.2';
  if (name === 'TLSv1_3') return 'TLSv1.3';
  refuse(field, `${name} is older than TLS 1.2`);
  return undefined;
}
