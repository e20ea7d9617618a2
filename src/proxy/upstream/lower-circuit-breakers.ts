import { type Refuse, refuseRest } from '../../xds/match/refuse.ts';
import type { Cluster } from '../../xds/resources.ts';
import { readDurationMs } from '../fields.ts';
import type { CircuitBreakers, RetryBudget } from './cluster-config.ts';

/** Envoy's defaults (config.cluster.v3.CircuitBreakers.Thresholds). */
const DEFAULTS: CircuitBreakers = {
  maxConnections: 1024,
  maxPendingRequests: 1024,
  maxRequests: 1024,
  maxRetries: 3,
  retryBudget: undefined,
  trackRemaining: false,
};
/** What Envoy says where nothing limits the number of pools. */
const NO_LIMIT = 4_294_967_295;

type Thresholds = NonNullable<NonNullable<Cluster['circuit_breakers']>['thresholds']>[number];

/** The thresholds of both priorities; the first of each counts. */
export function readCircuitBreakers(
  breakers: Cluster['circuit_breakers'],
  refuse: Refuse,
): { readonly limits: CircuitBreakers; readonly highLimits: CircuitBreakers } {
  const { thresholds = [], ...rest } = breakers ?? {};
  refuseRest(refuse, 'circuit_breakers', rest);
  const read = (high: boolean): CircuitBreakers => {
    const i = thresholds.findIndex(({ priority }) => (priority === 'HIGH') === high);
    const found = thresholds[i];
    return found === undefined
      ? DEFAULTS
      : readThresholds(found, refuse, `circuit_breakers.thresholds[${i}]`);
  };
  return { limits: read(false), highLimits: read(true) };
}

function readThresholds(message: Thresholds, refuse: Refuse, field: string): CircuitBreakers {
  const { max_connections, max_pending_requests, max_requests, max_retries, retry_budget, ...more } = message;
  const { priority: _which, track_remaining = false, max_connection_pools = NO_LIMIT, ...unknown } = more;
  refuseRest(refuse, field, unknown);
  // A pool for each server name a request may ask for has a limit of its own (endpoint-pools.ts); others are few.
  if (max_connection_pools !== NO_LIMIT)
    refuse(`${field}.max_connection_pools`, 'is not supported by this proxy: pools are not many here');
  return {
    maxConnections: max_connections ?? DEFAULTS.maxConnections,
    maxPendingRequests: max_pending_requests ?? DEFAULTS.maxPendingRequests,
    maxRequests: max_requests ?? DEFAULTS.maxRequests,
    maxRetries: max_retries ?? DEFAULTS.maxRetries,
    retryBudget: retry_budget && readBudget(retry_budget, refuse, `${field}.retry_budget`),
    trackRemaining: track_remaining,
  };
}

function readBudget(
  {
    budget_percent,
    min_retry_concurrency = 3,
    budget_interval,
    ...rest
  }: NonNullable<Thresholds['retry_budget']>,
  refuse: Refuse,
  field: string,
): RetryBudget {
  refuseRest(refuse, field, rest);
  return {
    percent: budget_percent === undefined ? 20 : (budget_percent.value ?? 0),
    minConcurrency: min_retry_concurrency,
    intervalMs: readDurationMs(budget_interval, 0, refuse, `${field}.budget_interval`),
  };
}
