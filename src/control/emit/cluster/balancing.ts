import { formatProtoDuration } from '../../../lib/duration.ts';
import type { LoadBalancer, TrafficPolicy, Warmup } from '../../../mesh/traffic-policy.ts';
import type { Cluster } from '../../../xds/resources.ts';

type BalancingFields = Pick<
  Cluster,
  | 'lb_policy'
  | 'ring_hash_lb_config'
  | 'maglev_lb_config'
  | 'least_request_lb_config'
  | 'round_robin_lb_config'
  | 'common_lb_config'
>;

/** How an endpoint is chosen; the one with fewer requests of two where nothing is said. */
export function balancing(policy: TrafficPolicy): BalancingFields {
  const { loadBalancer = {}, outlier } = policy;
  return {
    ...picking(loadBalancer),
    common_lb_config: {
      // Istio: with ejection, send to the healthy few rather than to all, unless told otherwise.
      ...(outlier === undefined ? {} : { healthy_panic_threshold: { value: outlier.minHealthPercent ?? 0 } }),
      ...(distributes(loadBalancer) ? { locality_weighted_lb_config: {} } : {}),
      ...zoneAware(loadBalancer),
    },
  };
}

function zoneAware({ locality }: LoadBalancer): NonNullable<Cluster['common_lb_config']> {
  if (locality?.enabled !== true || locality.zoneAwareFrom === undefined) return {};
  const size = locality.zoneAwareFrom;
  return { zone_aware_lb_config: size === 0 ? {} : { min_cluster_size: size } };
}

function distributes({ locality }: LoadBalancer): boolean {
  return locality?.enabled === true && locality.distribute.length > 0;
}

function picking({ simple, hash, warmup }: LoadBalancer): BalancingFields {
  if (hash?.table.type === 'maglev')
    return { lb_policy: 'MAGLEV', maglev_lb_config: { table_size: hash.table.size } };
  if (hash?.table.type === 'ring')
    return { lb_policy: 'RING_HASH', ring_hash_lb_config: { minimum_ring_size: hash.table.minimumSize } };
  if (simple === 'random') return { lb_policy: 'RANDOM' };
  const slow_start_config = warmup === undefined ? undefined : slowStart(warmup);
  if (simple === 'round-robin')
    return {
      lb_policy: 'ROUND_ROBIN',
      ...(slow_start_config && { round_robin_lb_config: { slow_start_config } }),
    };
  return {
    lb_policy: 'LEAST_REQUEST',
    ...(slow_start_config && { least_request_lb_config: { slow_start_config } }),
  };
}

function slowStart(warmup: Warmup) {
  return {
    slow_start_window: formatProtoDuration(warmup.durationMs),
    ...(warmup.minimumPercent === undefined ? {} : { min_weight_percent: { value: warmup.minimumPercent } }),
    ...(warmup.aggression === undefined
      ? {}
      : { aggression: { default_value: warmup.aggression, runtime_key: 'weft.slow_start_aggression' } }),
  };
}
