import type { Cluster } from '../../xds/resources.ts';

/** What a circuit breaker counts in whole numbers; budgets are shares already. */
const counted = [
  'max_connections',
  'max_pending_requests',
  'max_requests',
  'max_retries',
  'max_connection_pools',
] as const;

type Threshold = NonNullable<NonNullable<Cluster['circuit_breakers']>['thresholds']>[number];

/**
 * The cluster for one of `workers`: its circuit breakers hold a worker's share, rounded up, so that all of them together
 * let through what is configured (Envoy counts over all workers in shared memory; processes have none). A share is at
 * least 1, and 0 stays 0.
 */
export function shareLimits(cluster: Cluster, workers: number): Cluster {
  const breakers = cluster.circuit_breakers;
  if (workers <= 1 || breakers === undefined) return cluster;
  const share = (threshold: Threshold): Threshold => {
    const shares = counted.map((field) => [field, threshold[field]] as const);
    const given = shares.filter(([, limit]) => typeof limit === 'number');
    return {
      ...threshold,
      ...Object.fromEntries(given.map(([f, limit]) => [f, Math.ceil(Number(limit) / workers)])),
    };
  };
  return {
    ...cluster,
    circuit_breakers: {
      ...breakers,
      ...(breakers.thresholds === undefined ? {} : { thresholds: breakers.thresholds.map(share) }),
    },
  };
}
