import { formatProtoDuration } from '../../../lib/duration.ts';
import type { TrafficPolicy } from '../../../mesh/traffic-policy.ts';
import type { Cluster } from '../../../xds/resources.ts';

/** No limit, as far as a uint32 goes: Istio's default. */
const UNLIMITED = 4_294_967_295;

/** Limits of a cluster; without a word about them there are none. */
export function circuitBreakers(policy: TrafficPolicy): NonNullable<Cluster['circuit_breakers']> {
  const { pool = {}, retryBudget } = policy;
  return {
    thresholds: [
      {
        max_connections: pool.maxConnections ?? UNLIMITED,
        max_pending_requests: pool.maxPendingRequests ?? UNLIMITED,
        max_requests: pool.maxRequests ?? UNLIMITED,
        max_retries: pool.maxRetries ?? UNLIMITED,
        track_remaining: true,
        ...(retryBudget === undefined
          ? {}
          : {
              retry_budget: {
                budget_percent: { value: retryBudget.percent },
                min_retry_concurrency: retryBudget.minRetryConcurrency,
                ...(retryBudget.intervalMs === undefined
                  ? {}
                  : { budget_interval: formatProtoDuration(retryBudget.intervalMs) }),
              },
            }),
      },
    ],
  };
}
