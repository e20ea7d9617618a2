import { parseProtoDurationMs } from '../../../lib/duration.ts';
import type { RouteAction } from '../../../xds/resources.ts';
import type { Ending } from '../ending.ts';
import type { Retries } from '../explanation.ts';
import type { Leaf } from './leaf.ts';
import { headerOf } from './request.ts';

type Policy = NonNullable<RouteAction['retry_policy']>;

function policyOf(leaf: Leaf): Policy | undefined {
  return leaf.route.route?.retry_policy ?? leaf.host.retry_policy;
}

/** What a route says of trying again; undefined where it does not. */
export function retriesOf(leaf: Leaf): Retries | undefined {
  const policy = policyOf(leaf);
  if (policy === undefined) return undefined;
  return {
    attempts: policy.num_retries ?? 1,
    retryOn: [policy.retry_on, ...(policy.retriable_status_codes ?? [])].join(','),
    perTryTimeoutMs: parseProtoDurationMs(policy.per_try_timeout ?? '') ?? 0,
  };
}

/** Whether a further try is made on another endpoint, where there is one. */
export function passesOverTried(leaf: Leaf): boolean {
  const predicates = policyOf(leaf)?.retry_host_predicate ?? [];
  return predicates.some(({ name }) => name === 'envoy.retry_host_predicates.previous_hosts');
}

/** gRPC statuses by their condition. */
const GRPC: Readonly<Record<string, string>> = {
  '1': 'cancelled',
  '4': 'deadline-exceeded',
  '8': 'resource-exhausted',
  '13': 'internal',
  '14': 'unavailable',
};

/** Conditions that a try without an answer meets. */
const WITHOUT_ANSWER = {
  connect: ['connect-failure', '5xx', 'gateway-error', 'reset', 'reset-before-request'],
  reset: ['5xx', 'gateway-error', 'reset'],
} as const;

/** Whether the policy tries again after a try that ended so. */
export function wantsRetry(leaf: Leaf, { response, failure }: Ending): boolean {
  const policy = policyOf(leaf);
  if (policy === undefined) return false;
  const on = new Set((policy.retry_on ?? '').split(',').map((word) => word.trim()));
  if (response === undefined)
    return failure !== undefined && WITHOUT_ANSWER[failure].some((condition) => on.has(condition));
  const { status, headers } = response;
  if (on.has('5xx') && status >= 500) return true;
  if (on.has('gateway-error') && status >= 502 && status <= 504) return true;
  if (on.has('retriable-4xx') && status === 409) return true;
  if (on.has('retriable-status-codes') && (policy.retriable_status_codes ?? []).includes(status)) return true;
  return on.has(GRPC[headerOf(headers, 'grpc-status') ?? ''] ?? 'nothing');
}
