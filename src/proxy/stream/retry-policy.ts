import type { RequestFacts } from '../../xds/match/facts.ts';
import { compileHeaderMatchers } from '../../xds/match/header-matcher.ts';
import { fieldIn, type Refuse, refuseRest } from '../../xds/match/refuse.ts';
import { type Json, messageOf, type RouteAction } from '../../xds/resources.ts';
import { readDurationMs } from '../fields.ts';
import { LB_NAMESPACE, type MetadataMatch, metadataMatch } from '../upstream/metadata-match.ts';

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
  /** The endpoint's metadata says `canary`: not taken either. */
  readonly omitCanaries: boolean;
  /** Endpoints with this metadata are not taken either. */
  readonly omitMetadata: MetadataMatch | undefined;
  readonly hostDraws: number;
  /** After so many tries the priorities that were tried get nothing any more; 0: never. */
  readonly priorityUpdateFrequency: number;
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

/** What x-envoy-retry-grpc-on may say; x-envoy-retry-on says all the others. */
export const GRPC_CONDITIONS = [
  'cancelled',
  'deadline-exceeded',
  'internal',
  'resource-exhausted',
  'unavailable',
] as const;

export const HTTP_CONDITIONS = [
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
] as const;

export const RETRY_CONDITIONS = [...HTTP_CONDITIONS, ...GRPC_CONDITIONS] as const;
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

/** The conditions of a comma-separated list; words that are none of `known` go to `unknown`. */
export function parseConditions(
  text: string,
  unknown: (word: string) => void,
  known: readonly RetryCondition[] = RETRY_CONDITIONS,
): Set<RetryCondition> {
  const on = new Set<RetryCondition>();
  for (const word of text.split(',').map((part) => part.trim())) {
    if ((known as readonly string[]).includes(word)) on.add(word as RetryCondition);
    else if (word !== '') unknown(word);
  }
  return on;
}

const HOSTS = 'envoy.extensions.retry.host.';
const PRIORITIES = 'envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig';

type HostMetadata =
  | { readonly filter_metadata?: { readonly [name: string]: { readonly [key: string]: Json } } }
  | undefined;

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
): Pick<
  RetryPolicy,
  'avoidPreviousHosts' | 'omitCanaries' | 'omitMetadata' | 'hostDraws' | 'priorityUpdateFrequency'
> {
  const { retry_host_predicate = [], host_selection_retry_max_attempts = 1, retry_priority, ...rest } = hosts;
  refuseRest(refuse, field, rest);
  let avoidPreviousHosts = false;
  let omitCanaries = false;
  let omitMetadata: MetadataMatch | undefined;
  for (const [i, { name, typed_config }] of retry_host_predicate.entries()) {
    const kind = messageOf(typed_config?.['@type'] ?? '');
    if (
      kind === `${HOSTS}previous_hosts.v3.PreviousHostsPredicate` ||
      (kind === '' && name === PREVIOUS_HOSTS)
    )
      avoidPreviousHosts = true;
    else if (kind === `${HOSTS}omit_canary_hosts.v3.OmitCanaryHostsPredicate`) omitCanaries = true;
    else if (kind === `${HOSTS}omit_host_metadata.v3.OmitHostMetadataConfig`)
      omitMetadata = metadataMatch(
        (typed_config?.['metadata_match'] as HostMetadata)?.filter_metadata?.[LB_NAMESPACE],
      );
    else
      refuse(
        fieldIn(field, `retry_host_predicate[${i}]`),
        `'${kind || name}' is not supported by this proxy`,
      );
  }
  return {
    avoidPreviousHosts,
    omitCanaries,
    omitMetadata,
    hostDraws: host_selection_retry_max_attempts,
    priorityUpdateFrequency: readPriority(retry_priority, refuse, fieldIn(field, 'retry_priority')),
  };
}

/** After how many tries the priorities that were tried get nothing; 0: never. */
function readPriority(message: Message['retry_priority'], refuse: Refuse, field: string): number {
  if (message === undefined) return 0;
  const { '@type': type = '', update_frequency = 0, ...rest } = message.typed_config ?? { '@type': '' };
  refuseRest(refuse, fieldIn(field, 'typed_config'), rest);
  if (messageOf(type) !== PRIORITIES) refuse(field, `'${message.name}' is not supported by this proxy`);
  else if (update_frequency === 0) refuse(fieldIn(field, 'typed_config.update_frequency'), 'is missing');
  return Number(update_frequency);
}
