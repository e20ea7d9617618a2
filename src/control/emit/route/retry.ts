import { formatProtoDuration } from '../../../lib/duration.ts';
import type { Retries } from '../../../mesh/route.ts';
import { any, type RouteAction } from '../../../xds/resources.ts';

const HOST_SELECTION_ATTEMPTS = 5;
const DEFAULT_RETRY_ON = 'connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes';

/**
 * A retry policy; undefined where nothing is tried again. `hashed`: the endpoint is given, and another one is tried only
 * where that is asked for.
 */
export function retryPolicy(retries: Retries, hashed = false): RouteAction['retry_policy'] {
  if (retries.attempts === 0) return undefined;
  const { conditions, codes } = parseRetryOn(retries.retryOn ?? DEFAULT_RETRY_ON);
  return {
    retry_on: conditions.join(','),
    num_retries: retries.attempts,
    ...(codes.length === 0 ? {} : { retriable_status_codes: codes }),
    ...(retries.perTryTimeoutMs === undefined
      ? {}
      : { per_try_timeout: formatProtoDuration(retries.perTryTimeoutMs) }),
    ...(retries.backoffMs === undefined
      ? {}
      : { retry_back_off: { base_interval: formatProtoDuration(retries.backoffMs) } }),
    ...((retries.ignorePreviousHosts ?? !hashed) ? otherHosts : {}),
    ...(retries.remoteLocalities ? otherPriorities : {}),
  };
}

/** Status codes among the conditions have a list of their own, and need a condition that looks at it. */
function parseRetryOn(text: string): {
  readonly conditions: readonly string[];
  readonly codes: readonly number[];
} {
  const parts = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  const codes = parts.filter((part) => /^\d{3}$/.test(part)).map(Number);
  const conditions = parts.filter((part) => !/^\d{3}$/.test(part));
  if (codes.length > 0 && !conditions.includes('retriable-status-codes'))
    conditions.push('retriable-status-codes');
  return { conditions, codes };
}

const otherHosts = {
  retry_host_predicate: [
    {
      name: 'envoy.retry_host_predicates.previous_hosts',
      typed_config: any('envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate', {}),
    },
  ],
  host_selection_retry_max_attempts: HOST_SELECTION_ATTEMPTS,
};

const otherPriorities = {
  retry_priority: {
    name: 'envoy.retry_priorities.previous_priorities',
    typed_config: any('envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig', {
      update_frequency: 2,
    }),
  },
};
