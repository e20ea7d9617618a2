import { type Refuse, refuseRest } from '../../xds/match/refuse.ts';
import type { Cluster } from '../../xds/resources.ts';
import type { CircuitBreakers } from './cluster-config.ts';

/** Envoy's defaults (config.cluster.v3.CircuitBreakers.Thresholds). */
const DEFAULTS: CircuitBreakers = {
  maxConnections: 1024,
  maxPendingRequests: 1024,
  maxRequests: 1024,
  maxRetries: 3,
  retryBudget: undefined,
};

/** The thresholds of default priority. Those of high priority are for routes that nobody can have here. */
export function readCircuitBreakers(breakers: Cluster['circuit_breakers'], refuse: Refuse): CircuitBreakers {
  const { thresholds = [], ...rest } = breakers ?? {};
  refuseRest(refuse, 'circuit_breakers', rest);
  const i = thresholds.findIndex(({ priority }) => priority === undefined || priority === 'DEFAULT');
  const found = thresholds[i];
  if (found === undefined) return DEFAULTS;
  const { max_connections, max_pending_requests, max_requests, max_retries, retry_budget, ...more } = found;
  const { priority: _default, track_remaining: _track, max_connection_pools: _pools, ...unknown } = more;
  refuseRest(refuse, `circuit_breakers.thresholds[${i}]`, unknown);
  return {
    maxConnections: max_connections ?? DEFAULTS.maxConnections,
    maxPendingRequests: max_pending_requests ?? DEFAULTS.maxPendingRequests,
    maxRequests: max_requests ?? DEFAULTS.maxRequests,
    maxRetries: max_retries ?? DEFAULTS.maxRetries,
    retryBudget: retry_budget && {
      percent: retry_budget.budget_percent?.value ?? 20,
      minConcurrency: retry_budget.min_retry_concurrency ?? 3,
    },
  };
}
