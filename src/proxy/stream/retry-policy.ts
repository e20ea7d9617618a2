import type { RequestFacts } from '../../xds/match/facts.ts';
import { compileHeaderMatchers } from '../../xds/match/header-matcher.ts';
import { fieldIn, type Refuse, refuseRest } from '../../xds/match/refuse.ts';
import type { RouteAction } from '../../xds/resources.ts';
import { readDurationMs } from '../fields.ts';

type Message = NonNullable<RouteAction['retry_policy']>;

/** When and how a request is tried again: config.route.v3.RetryPolicy with Envoy's defaults. Immutable. */
export interface RetryPolicy {
  readonly on: ReadonlySet<RetryCondition>;
  readonly retries: number;
  /** 0: the route's time-out alone. */
  readonly perTryTimeoutMs: number;
  readonly perTryIdleTimeoutMs: number;
  readonly statusCodes: readonly number[];
  readonly baseMs: number;
  readonly maxMs: number;
  /** An endpoint that was tried is not taken again if one of so many draws gives another. */
  readonly avoidPreviousHosts: boolean;
  readonly hostDraws: number;
  /** Response headers with condition retriable-headers; any of them. */
  readonly retriableHeaders: readonly ((response: RequestFacts) => boolean)[];
  /** Only requests with any of these are retried; empty: all. */
  readonly requestHeaders: readonly ((request: RequestFacts) => boolean)[];
  readonly rateLimited: RateLimitedBackOff | undefined;
}

/** Waits as long as the response says; lower-case names of the headers that say it, in order. */
export interface RateLimitedBackOff {
  readonly headers: readonly { readonly name: string; readonly format: 'seconds' | 'unix-timestamp' }[];
  readonly maxMs: number;
}

export const RETRY_CONDITIONS = [
  '5xx',
  'gateway-error',
  'reset',
  'reset-before-request',
  'connect-failure',
  'envoy-ratelimited',
  'retriable-4xx',
  'refused-stream',
  'retriable-status-codes',
  'retriable-headers',
  'http3-post-connect-failure',
  'cancelled',
  'deadline-exceeded',
  'internal',
  'resource-exhausted',
  'unavailable',
] as const;
export type RetryCondition = (typeof RETRY_CONDITIONS)[number];

const PREVIOUS_HOSTS = 'envoy.retry_host_predicates.previous_hosts';
const BASE_MS = 25;

export function readRetryPolicy(message: Message, refuse: Refuse, field: string): RetryPolicy {
  const {
    retry_on = '',
    num_retries = 1,
    per_try_timeout,
    per_try_idle_timeout,
    retriable_status_codes,
    ...more
  } = message;
  const {
    retry_back_off,
    rate_limited_retry_back_off,
    retriable_headers,
    retriable_request_headers,
    ...hosts
  } = more;
  const duration = (text: string | undefined, name: string, absentMs = 0): number =>
    readDurationMs(text, absentMs, refuse, fieldIn(field, name));
  const baseMs = duration(retry_back_off?.base_interval, 'retry_back_off.base_interval', BASE_MS);
  return {
    on: parseConditions(retry_on, (word) =>
      refuse(fieldIn(field, 'retry_on'), `'${word}' is no condition that this proxy knows`),
    ),
    retries: num_retries,
    perTryTimeoutMs: duration(per_try_timeout, 'per_try_timeout'),
    perTryIdleTimeoutMs: duration(per_try_idle_timeout, 'per_try_idle_timeout'),
    statusCodes: retriable_status_codes ?? [],
    baseMs,
    maxMs: duration(retry_back_off?.max_interval, 'retry_back_off.max_interval', baseMs * 10),
    ...readHosts(hosts, refuse, field),
    retriableHeaders: compileHeaderMatchers(retriable_headers, refuse, fieldIn(field, 'retriable_headers')),
    requestHeaders: compileHeaderMatchers(
      retriable_request_headers,
      refuse,
      fieldIn(field, 'retriable_request_headers'),
    ),
    rateLimited: rate_limited_retry_back_off && {
      headers: (rate_limited_retry_back_off.reset_headers ?? []).map(({ name, format }) => ({
        name: (name ?? '').toLowerCase(),
        format: format === 'UNIX_TIMESTAMP' ? 'unix-timestamp' : 'seconds',
      })),
      maxMs: duration(
        rate_limited_retry_back_off.max_interval,
        'rate_limited_retry_back_off.max_interval',
        300_000,
      ),
    },
  };
}

/** The conditions of a comma-separated list; words that are none go to `unknown`. Numbers are Istio's status codes. */
export function parseConditions(text: string, unknown: (word: string) => void): Set<RetryCondition> {
  const on = new Set<RetryCondition>();
  for (const word of text.split(',').map((part) => part.trim())) {
    if ((RETRY_CONDITIONS as readonly string[]).includes(word)) on.add(word as RetryCondition);
    else if (word !== '') unknown(word);
  }
  return on;
}

function readHosts(
  hosts: Pick<
    Message,
    | 'retry_host_predicate'
    | 'host_selection_retry_max_attempts'
    | 'retry_priority'
    | 'retry_options_predicates'
  >,
  refuse: Refuse,
  field: string,
): Pick<RetryPolicy, 'avoidPreviousHosts' | 'hostDraws'> {
  const { retry_host_predicate = [], host_selection_retry_max_attempts = 1, ...rest } = hosts;
  refuseRest(refuse, field, rest);
  for (const [i, { name, typed_config }] of retry_host_predicate.entries())
    if (name !== PREVIOUS_HOSTS && !typed_config?.['@type'].endsWith('.PreviousHostsPredicate'))
      refuse(fieldIn(field, `retry_host_predicate[${i}]`), `'${name}' is not supported by this proxy`);
  return {
    avoidPreviousHosts: retry_host_predicate.length > 0,
    hostDraws: host_selection_retry_max_attempts,
  };
}
