/**
 * CommonTlsContext (extensions.transport_sockets.tls.v3) to what a handshake needs: which secrets, which rules for the
 * peer. The TLS library's context is made when it is first needed and again when a secret has changed.
 */
import type { Result } from '../../lib/result.ts';
import type { TlsContext, TlsContextOptions, TlsPeer } from '../../wire/connection.ts';
import { verifyLeaf } from '../../wire/identity/verify-leaf.ts';
import type * as gen from '../../xds/tls-types.ts';
import { type Refuse, refuseRest } from './data-source.ts';
import { certificateSource, clashOf } from './lower-certificate.ts';
import { lowerParams } from './lower-tls-params.ts';
import { lowerValidation, type ValidationRules, withSecret } from './lower-validation.ts';
import type { Secrets } from './secrets.ts';
import { type Resumption, sessionsOf, type TicketKeys } from './session-tickets.ts';

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
  /** Whether a peer that was not refused was held against anything, and passed. */
  validated(peer: TlsPeer): boolean;
}

/** What the lowering needs from outside. */
export interface TlsEnvironment {
  readonly secrets: Secrets;
  readonly createContext: (options: TlsContextOptions) => Result<TlsContext, { readonly message: string }>;
  /** Reads a file named by a DataSource. */
  readonly readFile: (path: string) => string;
  /** Wall time. */
  readonly nowMs: () => number;
  /** Of the whole proxy; absent: clients cannot resume. */
  readonly tickets?: TicketKeys;
}

/** Lowers the context at `field`; `usage` is what the peer is. Refusals go to `refuse`; the result counts only without any. */
export function lowerCommonTls(
  context: gen.CommonTlsContext,
  field: string,
  environment: TlsEnvironment,
  usage: 'client' | 'server',
  refuse: Refuse,
  resumption: Resumption = 'none',
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
  const beside = validation_context ?? combined?.default_validation_context ?? {};
  const place =
    combined === undefined ? 'validation_context' : 'combined_validation_context.default_validation_context';
  const rules = lowerValidation(beside, `${field}.${place}`, environment, refuse);
  const {
    validation_context_sds_secret_config: combinedName,
    default_validation_context: _beside,
    ...others
  } = combined ?? {};
  refuseRest(others, `${field}.combined_validation_context`, refuse);
  const bundleName = (validation_context_sds_secret_config ?? combinedName)?.name;
  if (bundleName === undefined && rules.named && rules.trustedCaPem === undefined)
    refuse(`${field}.${place}`, 'matches names without trusted_ca: anybody could show them');
  const params = lowerParams(tls_params ?? {}, `${field}.tls_params`, refuse);
  const { secrets, tickets } = environment;
  const currentRules =
    bundleName === undefined
      ? () => rules
      : latest(
          () => secrets.validation(bundleName),
          (fresh) => fresh && lowerValidation(withSecret(beside, fresh), '', environment, () => {}),
        );
  let made: { readonly version: number; readonly epoch: number; readonly context: TlsContext } | undefined;
  return {
    alpn: alpn_protocols ?? [],
    secretNames: [...own.secretNames, ...(bundleName === undefined ? [] : [bundleName])],
    hasCertificate: own.given,
    validates: bundleName !== undefined || rules.trustedCaPem !== undefined || rules.pinned,
    ready: () => own.current() !== undefined && currentRules() !== undefined,
    context() {
      const epoch = tickets?.epoch(environment.nowMs()) ?? 0;
      if (made?.version === secrets.version && made.epoch === epoch) return made.context;
      const { trustedCaPem, crlPem } = currentRules() ?? rules;
      const options: TlsContextOptions = {
        certificates: own.current() ?? [],
        ...(trustedCaPem === undefined ? {} : { trustedCaPem }),
        ...(crlPem === undefined ? {} : { crlPem }),
        ...params,
      };
      const chains = options.certificates.map(({ chainPem }) => chainPem);
      const resumed = sessionsOf(
        resumption,
        [context, secrets.validation(bundleName ?? ''), chains],
        tickets,
        epoch,
      );
      const clash = clashOf(options.certificates);
      if (clash !== undefined) throw new Error(`common_tls_context ${clash}`);
      const result = environment.createContext({ ...options, ...resumed });
      if (!result.ok) throw new Error(result.error.message);
      made = { version: secrets.version, epoch, context: result.value };
      return made.context;
    },
    judge(peer, required) {
      const current = currentRules() ?? rules;
      if (peer.certificate === undefined) return required ? 'the peer showed no certificate' : undefined;
      return current.acceptsUntrusted ? undefined : judgeShown(current, peer);
    },
    validated(peer) {
      const current = currentRules() ?? rules;
      if (peer.certificate === undefined || (current.trustedCaPem === undefined && !current.pinned))
        return false;
      return !current.acceptsUntrusted || judgeShown(current, peer) === undefined;
    },
  };
  function judgeShown(current: ValidationRules, peer: TlsPeer): string | undefined {
    if (current.trustedCaPem === undefined) {
      if (current.named && !current.pinned) return 'names are worth nothing without trusted_ca';
      return current.judgeNames(peer);
    }
    if (peer.chainError !== '') return `the peer's certificate is not trusted: ${peer.chainError}`;
    const refusal = judgeSpiffeId(peer, current.trustDomains, usage, environment.nowMs());
    return refusal ?? current.judgeNames(peer);
  }
}

/** `make` of what `read` gives, made anew when that is another object. */
function latest<T, R>(read: () => T, make: (value: T) => R): () => R {
  let last: { readonly from: T; readonly made: R } | undefined;
  return () => {
    const from = read();
    if (last === undefined || last.from !== from) last = { from, made: make(from) };
    return last.made;
  };
}

/**
 * A peer that shows a SPIFFE id is held to the rules of X.509-SVIDs too: one URI, no CA, the right usage. Where trust domains
 * are named every peer is, and has to be of one of them.
 */
function judgeSpiffeId(
  peer: TlsPeer,
  named: readonly string[] | undefined,
  usage: 'client' | 'server',
  nowMs: number,
): string | undefined {
  const id = peer.uris.find((uri) => uri.startsWith('spiffe://'));
  if (id === undefined && named === undefined) return undefined;
  const trustDomains = named ?? [id!.split('/')[2]!];
  const verdict = verifyLeaf(peer.certificate!, { trustDomains, usage, nowMs });
  return verdict.ok ? undefined : verdict.reason;
}
