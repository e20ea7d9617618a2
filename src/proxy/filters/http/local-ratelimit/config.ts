import { perMillion } from '../../../../xds/match/fraction.ts';
import { fieldIn, type Refuse, refuseRest } from '../../../../xds/match/refuse.ts';
import type { AnyMessage, RouteAction, VirtualHost } from '../../../../xds/resources.ts';
import { readChoice, readDurationMs } from '../../../fields.ts';
import { type HeaderOperations, readHeaderOperations } from '../../../stream/header-operations.ts';
import type { MessageContext } from '../../../stream/http-filter.ts';
import {
  type HostPolicies,
  type RateLimitPolicy,
  readRateLimits,
} from '../../../stream/rate-limit-policy.ts';
import { readStatusCode } from '../status-code.ts';
import { TokenBucket } from './token-bucket.ts';

/** extensions.filters.http.local_ratelimit.v3.LocalRateLimit: a bucket of tokens, one for each request. */
export interface LocalRateLimitConfig {
  /** Undefined: nothing is limited here, only where a route has a bucket of its own. */
  readonly bucket: TokenBucket | undefined;
  readonly status: number;
  /** Shares of requests, of a million: that are counted, and that are refused when the bucket is empty. */
  readonly enabled: number;
  readonly enforced: number;
  readonly requestHeaders: HeaderOperations;
  readonly responseHeaders: HeaderOperations;
  /** x-ratelimit-limit, -remaining and -reset on every answer. */
  readonly tellsLimits: boolean;
  readonly grpcStatus: number | undefined;
  /** Buckets for requests that are counted as something; by {@link descriptorKey}. */
  readonly descriptors: ReadonlyMap<string, TokenBucket>;
  /** The bucket above counts too where one of those does. */
  readonly alwaysDefault: boolean;
  readonly stage: number;
  readonly hostPolicies: HostPolicies;
  /** In place of the route's; empty: the route's. */
  readonly policies: readonly RateLimitPolicy[];
  /** `PREFIX.http_local_rate_limit.` */
  readonly statPrefix: string;
}

/** Descriptors with the same entries have the same key. */
export function descriptorKey(
  entries: readonly { readonly key?: string; readonly value?: string }[],
): string {
  return JSON.stringify(entries.map(({ key = '', value = '' }) => [key, value]));
}

export const LOCAL_RATELIMIT_MESSAGE = 'envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit';

/** Envoy refuses faster fills. */
const MIN_FILL_MS = 50;
const RESOURCE_EXHAUSTED = 8;

type Option = NonNullable<VirtualHost['request_headers_to_add']>[number];

/** Fields as they are in the message; numbers of shares are RuntimeFractionalPercent. */
interface Message {
  readonly stat_prefix?: string;
  readonly status?: { readonly code?: string | number };
  readonly token_bucket?: Bucket;
  readonly filter_enabled?: Share;
  readonly filter_enforced?: Share;
  readonly request_headers_to_add_when_not_enforced?: readonly Option[];
  readonly response_headers_to_add?: readonly Option[];
  readonly enable_x_ratelimit_headers?: string;
  readonly rate_limited_as_resource_exhausted?: boolean;
  readonly stage?: number;
  readonly descriptors?: readonly DescriptorMessage[];
  readonly vh_rate_limits?: string;
  readonly always_consume_default_token_bucket?: boolean;
  readonly rate_limits?: RouteAction['rate_limits'];
}

interface DescriptorMessage {
  readonly entries?: readonly { readonly key?: string; readonly value?: string }[];
  readonly token_bucket?: Bucket;
}

interface Bucket {
  readonly max_tokens?: number;
  readonly tokens_per_fill?: number;
  readonly fill_interval?: string;
}

interface Share {
  readonly default_value?: Parameters<typeof perMillion>[0];
}

export function lowerLocalRateLimit(message: AnyMessage, context: MessageContext): LocalRateLimitConfig {
  const { '@type': _type, ...fields } = message;
  const {
    stat_prefix = '',
    status,
    token_bucket,
    filter_enabled,
    filter_enforced,
    ...more
  } = fields as Message;
  const {
    request_headers_to_add_when_not_enforced,
    response_headers_to_add,
    enable_x_ratelimit_headers,
    rate_limited_as_resource_exhausted,
    ...others
  } = more;
  const { stage = 0, vh_rate_limits, always_consume_default_token_bucket = true, ...most } = others;
  const { descriptors = [], rate_limits, ...rest } = most;
  const { refuse, field } = context;
  refuseRest(refuse, field, rest);
  if (stat_prefix === '') refuse(fieldIn(field, 'stat_prefix'), 'is missing');
  const operations = (options: readonly Option[] | undefined, kind: 'request' | 'response') =>
    readHeaderOperations(options, undefined, kind, refuse, field);
  const code = readStatusCode(status, 429, refuse, fieldIn(field, 'status'));
  return {
    bucket: token_bucket && readBucket(token_bucket, refuse, fieldIn(field, 'token_bucket')),
    // Anything below 400 is 429, as in Envoy.
    status: code < 400 ? 429 : code,
    enabled: perMillion(filter_enabled?.default_value),
    enforced: perMillion(filter_enforced?.default_value),
    requestHeaders: operations(request_headers_to_add_when_not_enforced, 'request'),
    responseHeaders: operations(response_headers_to_add, 'response'),
    tellsLimits: enable_x_ratelimit_headers === 'DRAFT_VERSION_03',
    grpcStatus: rate_limited_as_resource_exhausted ? RESOURCE_EXHAUSTED : undefined,
    descriptors: readDescriptors(descriptors, refuse, field),
    alwaysDefault: always_consume_default_token_bucket,
    stage,
    hostPolicies: readChoice(
      vh_rate_limits,
      'OVERRIDE',
      ['OVERRIDE', 'INCLUDE', 'IGNORE'],
      refuse,
      fieldIn(field, 'vh_rate_limits'),
    ),
    policies: readRateLimits(rate_limits, {}, refuse, field),
    statPrefix: `${stat_prefix}.http_local_rate_limit.`,
  };
}

function readDescriptors(
  messages: readonly DescriptorMessage[],
  refuse: Refuse,
  field: string,
): ReadonlyMap<string, TokenBucket> {
  return new Map(
    messages.map(({ entries = [], token_bucket = {}, ...rest }, i) => {
      const place = fieldIn(field, `descriptors[${i}]`);
      refuseRest(refuse, place, rest);
      // An entry without a value would make a bucket for every value that callers think of.
      for (const [j, { value = '' }] of entries.entries())
        if (value === '') refuse(fieldIn(place, `entries[${j}].value`), 'is missing');
      const bucket = readBucket(token_bucket, refuse, fieldIn(place, 'token_bucket'));
      return [descriptorKey(entries), bucket] as const;
    }),
  );
}

/** A route without a bucket would limit nothing: Envoy refuses it too. */
export function lowerRouteRateLimit(message: AnyMessage, context: MessageContext): LocalRateLimitConfig {
  const config = lowerLocalRateLimit(message, context);
  if (config.bucket === undefined)
    context.refuse(fieldIn(context.field, 'token_bucket'), 'is missing: a route needs one of its own');
  return config;
}

function readBucket(bucket: Bucket, refuse: Refuse, field: string): TokenBucket {
  const { max_tokens = 0, tokens_per_fill = 1, fill_interval, ...rest } = bucket;
  refuseRest(refuse, field, rest);
  const fillMs = readDurationMs(fill_interval, 0, refuse, fieldIn(field, 'fill_interval'));
  if (fillMs < MIN_FILL_MS)
    refuse(fieldIn(field, 'fill_interval'), `is less than ${MIN_FILL_MS} milliseconds`);
  if (max_tokens < 1) refuse(fieldIn(field, 'max_tokens'), 'is less than 1');
  if (tokens_per_fill < 1) refuse(fieldIn(field, 'tokens_per_fill'), 'is less than 1');
  return new TokenBucket(max_tokens, tokens_per_fill / Math.max(fillMs, 1));
}
