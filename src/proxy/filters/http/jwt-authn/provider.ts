import { parseProtoDurationMs } from '../../../../lib/duration.ts';
import { fieldIn, type Refuse, refuseRest } from '../../../../xds/match/refuse.ts';
import { compileStringMatcher, type StringTest } from '../../../../xds/match/string-matcher.ts';
import type { StringMatcher } from '../../../../xds/resources.ts';
import { readDurationMs } from '../../../fields.ts';
import type { Runtime } from '../../../runtime.ts';
import { parseKeySet, type VerificationKey } from './key-set.ts';
import { RemoteKeys } from './remote-keys.ts';
import { DEFAULT_LOCATIONS, type TokenLocation } from './token-locations.ts';

/** Envoy's defaults. */
const CLOCK_SKEW_SECONDS = 60;
const CACHE_MS = 600_000;
const FAILED_REFETCH_MS = 1000;
/** Of a fetch that has no time limit of its own. */
const FETCH_MS = 5000;

/** An issuer of tokens: what of them is believed, and what becomes of them. */
export interface Provider {
  readonly name: string;
  /** '' for any. */
  readonly issuer: string;
  /** Any of them; empty for all. Without scheme and trailing slash. */
  readonly audiences: readonly string[];
  readonly subject: StringTest | undefined;
  readonly requiresExpiry: boolean;
  /** Seconds from now to a token's expiry; undefined for any. */
  readonly maxLifetimeSeconds: number | undefined;
  readonly clockSkewSeconds: number;
  readonly keys: readonly VerificationKey[] | RemoteKeys;
  readonly locations: readonly TokenLocation[];
  /** The upstream gets the token too. */
  readonly forward: boolean;
  /** Lower-case name of the header that carries the payload, '' for none. */
  readonly payloadHeader: string;
  readonly padPayload: boolean;
  readonly claimHeaders: readonly { readonly header: string; readonly claim: readonly string[] }[];
  /** Keys in this filter's metadata, '' for none. */
  readonly payloadKey: string;
  readonly headerKey: string;
  /** Claims whose text becomes a list in metadata. */
  readonly spaceDelimited: readonly string[];
  /** The route is chosen again once claims are known. */
  readonly clearsRoute: boolean;
}

/** Fields of JwtProvider that are read. */
interface Message {
  readonly issuer?: string;
  readonly audiences?: readonly string[];
  readonly subjects?: StringMatcher;
  readonly require_expiration?: boolean;
  readonly max_lifetime?: string;
  readonly clock_skew_seconds?: number;
  readonly remote_jwks?: RemoteMessage;
  readonly local_jwks?: {
    readonly inline_string?: string;
    readonly inline_bytes?: string;
    readonly filename?: string;
  };
  readonly forward?: boolean;
  readonly from_headers?: readonly { readonly name?: string; readonly value_prefix?: string }[];
  readonly from_params?: readonly string[];
  readonly from_cookies?: readonly string[];
  readonly forward_payload_header?: string;
  readonly pad_forward_payload_header?: boolean;
  readonly payload_in_metadata?: string;
  readonly header_in_metadata?: string;
  readonly normalize_payload_in_metadata?: { readonly space_delimited_claims?: readonly string[] };
  readonly claim_to_headers?: readonly { readonly header_name?: string; readonly claim_name?: string }[];
}

interface RemoteMessage {
  readonly http_uri?: { readonly uri?: string; readonly cluster?: string; readonly timeout?: string };
  readonly cache_duration?: string;
  readonly async_fetch?: { readonly fast_listener?: boolean; readonly failed_refetch_duration?: string };
  readonly retry_policy?: { readonly num_retries?: number };
}

export function readProvider(
  name: string,
  message: object,
  runtime: Runtime,
  refuse: Refuse,
  field: string,
): Provider {
  const {
    issuer = '',
    audiences = [],
    subjects,
    require_expiration,
    max_lifetime,
    ...keysAndMore
  } = message as Message;
  const { clock_skew_seconds = 0, remote_jwks, local_jwks, ...places } = keysAndMore;
  const { from_headers = [], from_params = [], from_cookies = [], ...outcome } = places;
  return {
    name,
    issuer,
    audiences: audiences.map(bareAudience),
    subject: subjects && compileStringMatcher(subjects, refuse, fieldIn(field, 'subjects')),
    requiresExpiry: require_expiration === true,
    maxLifetimeSeconds:
      max_lifetime === undefined ? undefined : (parseProtoDurationMs(max_lifetime) ?? 0) / 1000,
    clockSkewSeconds: clock_skew_seconds > 0 ? clock_skew_seconds : CLOCK_SKEW_SECONDS,
    keys: readKeys(remote_jwks, local_jwks, runtime, refuse, field),
    locations: readLocations(from_headers, from_params, from_cookies),
    ...readOutcome(outcome, refuse, field),
  };
}

/** As audiences are compared: `https://example.com/` is `example.com`. */
export function bareAudience(audience: string): string {
  return audience.replace(/^https?:\/\//, '').replace(/\/$/, '');
}

/** In Envoy's order, which decides whose failure is told. */
function readLocations(
  headers: NonNullable<Message['from_headers']>,
  params: readonly string[],
  cookies: readonly string[],
): readonly TokenLocation[] {
  const found: TokenLocation[] = [
    ...headers.map(({ name = '', value_prefix = '' }) => ({
      kind: 'header' as const,
      name: name.toLowerCase(),
      prefix: value_prefix,
    })),
    ...params.map((name) => ({ kind: 'param' as const, name })),
    ...cookies.map((name) => ({ kind: 'cookie' as const, name })),
  ];
  return found.length === 0 ? DEFAULT_LOCATIONS : found;
}

/** What is done with a token that is good. */
function readOutcome(
  message: Omit<
    Message,
    | 'issuer'
    | 'audiences'
    | 'subjects'
    | 'require_expiration'
    | 'max_lifetime'
    | 'clock_skew_seconds'
    | 'remote_jwks'
    | 'local_jwks'
    | 'from_headers'
    | 'from_params'
    | 'from_cookies'
  >,
  refuse: Refuse,
  field: string,
): Pick<
  Provider,
  | 'forward'
  | 'payloadHeader'
  | 'padPayload'
  | 'claimHeaders'
  | 'payloadKey'
  | 'headerKey'
  | 'spaceDelimited'
  | 'clearsRoute'
> {
  const {
    forward = false,
    forward_payload_header = '',
    pad_forward_payload_header = false,
    ...more
  } = message;
  const { payload_in_metadata = '', header_in_metadata = '', claim_to_headers = [], ...others } = more;
  // The cache of verified tokens only saves work, and its size means nothing where there is none.
  const {
    normalize_payload_in_metadata,
    jwt_cache_config: _cache,
    clear_route_cache = false,
    ...rest
  } = others as typeof others & {
    readonly jwt_cache_config?: object;
    readonly clear_route_cache?: boolean;
  };
  refuseRest(refuse, field, rest);
  return {
    forward,
    payloadHeader: forward_payload_header.toLowerCase(),
    padPayload: pad_forward_payload_header,
    claimHeaders: claim_to_headers.map(({ header_name = '', claim_name = '' }) => ({
      header: header_name.toLowerCase(),
      claim: claim_name.split('.'),
    })),
    clearsRoute: clear_route_cache,
    payloadKey: payload_in_metadata,
    headerKey: header_in_metadata,
    spaceDelimited: normalize_payload_in_metadata?.space_delimited_claims ?? [],
  };
}

function readKeys(
  remote: RemoteMessage | undefined,
  local: Message['local_jwks'],
  runtime: Runtime,
  refuse: Refuse,
  field: string,
): Provider['keys'] {
  if (remote !== undefined) return readRemote(remote, runtime, refuse, fieldIn(field, 'remote_jwks'));
  const place = fieldIn(field, 'local_jwks');
  const { inline_string, inline_bytes, filename, ...rest } = local ?? {};
  refuseRest(refuse, place, rest);
  const text =
    filename === undefined
      ? (inline_string ?? (inline_bytes === undefined ? undefined : atob(inline_bytes)))
      : readFile(filename, runtime, refuse, fieldIn(place, 'filename'));
  if (local === undefined) refuse(field, 'has neither remote_jwks nor local_jwks');
  const keys = parseKeySet(text ?? '');
  if (local !== undefined && keys === undefined) refuse(place, 'is no JSON Web Key Set');
  return keys ?? [];
}

function readRemote(remote: RemoteMessage, runtime: Runtime, refuse: Refuse, field: string): RemoteKeys {
  const { http_uri = {}, cache_duration, async_fetch = {}, retry_policy, ...rest } = remote;
  refuseRest(refuse, field, rest);
  // fast_listener: whether a listener waits for keys; here none ever does, requests do.
  const { failed_refetch_duration, fast_listener: _fast, ...unknown } = async_fetch;
  refuseRest(refuse, fieldIn(field, 'async_fetch'), unknown);
  const uri = URL.canParse(http_uri.uri ?? '') ? new URL(http_uri.uri ?? '') : undefined;
  if (uri === undefined) refuse(fieldIn(field, 'http_uri.uri'), `'${http_uri.uri ?? ''}' is no URI`);
  if (!http_uri.cluster) refuse(fieldIn(field, 'http_uri.cluster'), 'is missing');
  const duration = (text: string | undefined, absentMs: number, name: string): number =>
    readDurationMs(text, absentMs, refuse, fieldIn(field, name));
  const config = {
    host: uri?.host ?? '',
    target: `${uri?.pathname ?? '/'}${uri?.search ?? ''}`,
    cluster: http_uri.cluster ?? '',
    timeoutMs: duration(http_uri.timeout, FETCH_MS, 'http_uri.timeout'),
    cacheMs: duration(cache_duration, CACHE_MS, 'cache_duration'),
    failedRefetchMs: duration(
      failed_refetch_duration,
      FAILED_REFETCH_MS,
      'async_fetch.failed_refetch_duration',
    ),
    retries: retry_policy === undefined ? 0 : (retry_policy.num_retries ?? 1),
  };
  return new RemoteKeys(config, (name) => runtime.cluster(name));
}

function readFile(path: string, runtime: Runtime, refuse: Refuse, field: string): string {
  try {
    return runtime.readFile(path);
  } catch (error) {
    refuse(field, `'${path}' cannot be read: ${(error as Error).message}`);
    return '{"keys":[]}';
  }
}
