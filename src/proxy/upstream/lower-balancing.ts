import { type Refuse, refuseRest } from '../../xds/match/refuse.ts';
import type { Cluster } from '../../xds/resources.ts';
import { readChoice } from '../fields.ts';
import type { Balancing } from './cluster-config.ts';

/** The fields of a cluster that say how an endpoint is picked. */
export type BalancingFields = {
  readonly [K in 'lb_policy' | 'least_request_lb_config' | 'round_robin_lb_config' | 'common_lb_config']:
    | Cluster[K]
    | undefined;
};

/** CLUSTER_PROVIDED is what an original destination cluster says: there is nothing to pick. */
const POLICIES = ['ROUND_ROBIN', 'LEAST_REQUEST', 'RANDOM', 'CLUSTER_PROVIDED'] as const;

export function readBalancing(fields: BalancingFields, refuse: Refuse): Balancing {
  const policy = readChoice(fields.lb_policy, 'ROUND_ROBIN', POLICIES, refuse, 'lb_policy');
  const { choice_count = 2, ...leastRest } = fields.least_request_lb_config ?? {};
  refuseRest(refuse, 'least_request_lb_config', leastRest);
  refuseRest(refuse, 'round_robin_lb_config', fields.round_robin_lb_config ?? {});
  return {
    policy: policy === 'LEAST_REQUEST' ? 'least-request' : policy === 'RANDOM' ? 'random' : 'round-robin',
    choiceCount: Math.max(2, choice_count),
    ...readCommon(fields.common_lb_config, refuse),
  };
}

function readCommon(
  common: Cluster['common_lb_config'],
  refuse: Refuse,
): Pick<Balancing, 'panicThreshold' | 'localityWeighted'> {
  const { healthy_panic_threshold, locality_weighted_lb_config, zone_aware_lb_config, ...more } =
    common ?? {};
  // Both are about how fast a change is seen: here at once, and without touching connections.
  const { update_merge_window: _merge, close_connections_on_host_set_change: _close, ...rest } = more;
  refuseRest(refuse, 'common_lb_config', rest);
  // Zone-aware routing needs a cluster of the proxy's own peers; without one Envoy does not do it either.
  refuseRest(refuse, 'common_lb_config.zone_aware_lb_config', {
    fail_traffic_on_panic: zone_aware_lb_config?.fail_traffic_on_panic,
  });
  return {
    panicThreshold: healthy_panic_threshold === undefined ? 50 : (healthy_panic_threshold.value ?? 0),
    localityWeighted: locality_weighted_lb_config !== undefined,
  };
}
