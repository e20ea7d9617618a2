import { perMillion } from '../../xds/match/fraction.ts';
import { fieldIn, type Refuse, refuseRest } from '../../xds/match/refuse.ts';
import type { ClusterLoadAssignment, LbEndpoint, LocalityLbEndpoints } from '../../xds/resources.ts';
import { readAddress, readDurationMs } from '../fields.ts';
import { type Lowered, lowering } from '../lowered.ts';
import type {
  CheckTarget,
  EndpointSet,
  EndpointSpec,
  HealthStatus,
  LocalityEndpoints,
} from './endpoint-set.ts';

/** config.core.v3.HealthStatus: TIMEOUT counts as unhealthy, what is not known as healthy. */
const HEALTH: Readonly<Record<string, HealthStatus>> = {
  UNKNOWN: 'healthy',
  HEALTHY: 'healthy',
  DEGRADED: 'degraded',
  DRAINING: 'draining',
  UNHEALTHY: 'unhealthy',
  TIMEOUT: 'unhealthy',
};

/** Priorities count up from 0 without a gap; Envoy takes up to 128. */
const MAX_PRIORITY = 128;

/** A ClusterLoadAssignment, of EDS or inside a cluster. `field` is where it stands, for refusals. */
export function lowerEndpoints(message: ClusterLoadAssignment, field = ''): Lowered<EndpointSet> {
  return lowering((refuse) => readEndpointSet(message, refuse, field));
}

/** As {@link lowerEndpoints}, inside another lowering. */
export function readEndpointSet(message: ClusterLoadAssignment, refuse: Refuse, field: string): EndpointSet {
  const { cluster_name: _name, endpoints = [], policy = {}, ...rest } = message;
  refuseRest(refuse, field, rest);
  const { overprovisioning_factor = 140, drop_overloads = [], ...otherPolicy } = policy;
  const { endpoint_stale_after, weighted_priority_health = false, ...policyRest } = otherPolicy;
  refuseRest(refuse, fieldIn(field, 'policy'), policyRest);
  return {
    localities: endpoints.map((locality, i) =>
      readLocality(locality, refuse, fieldIn(field, `endpoints[${i}]`)),
    ),
    overprovisioningFactor: overprovisioning_factor,
    weightedPriorityHealth: weighted_priority_health,
    staleAfterMs: readDurationMs(
      endpoint_stale_after,
      0,
      refuse,
      fieldIn(field, 'policy.endpoint_stale_after'),
    ),
    drops: drop_overloads.map(({ category, drop_percentage }) => ({
      category: category ?? '',
      perMillion: perMillion(drop_percentage),
    })),
  };
}

function readLocality(message: LocalityLbEndpoints, refuse: Refuse, field: string): LocalityEndpoints {
  const {
    locality = {},
    lb_endpoints = [],
    load_balancing_weight,
    priority = 0,
    metadata: _meta,
    ...more
  } = message;
  const { load_balancer_endpoints, proximity: _proximity, ...rest } = more;
  refuseRest(refuse, field, rest);
  if (priority > MAX_PRIORITY) refuse(fieldIn(field, 'priority'), `is more than ${MAX_PRIORITY}`);
  const endpoints = [...lb_endpoints, ...(load_balancer_endpoints?.lb_endpoints ?? [])];
  return {
    region: locality.region ?? '',
    zone: locality.zone ?? '',
    subZone: locality.sub_zone ?? '',
    priority,
    weight: load_balancing_weight,
    endpoints: endpoints.flatMap(
      (endpoint, i) => readEndpoint(endpoint, refuse, fieldIn(field, `lb_endpoints[${i}]`)) ?? [],
    ),
  };
}

function readEndpoint(message: LbEndpoint, refuse: Refuse, field: string): EndpointSpec | undefined {
  const { endpoint = {}, health_status = 'UNKNOWN', metadata, load_balancing_weight = 1, ...rest } = message;
  refuseRest(refuse, field, rest);
  const { address: where, hostname = '', health_check_config, ...endpointRest } = endpoint;
  refuseRest(refuse, fieldIn(field, 'endpoint'), endpointRest);
  const address = readAddress(where, refuse, fieldIn(field, 'endpoint.address'));
  if (address === undefined) return undefined;
  return {
    address,
    hostname,
    weight: Math.max(1, load_balancing_weight),
    health: HEALTH[health_status] ?? 'healthy',
    metadata: metadata?.filter_metadata ?? {},
    logicalName: undefined,
    check: readCheckTarget(health_check_config, refuse, fieldIn(field, 'endpoint.health_check_config')),
  };
}

function readCheckTarget(
  message: NonNullable<LbEndpoint['endpoint']>['health_check_config'],
  refuse: Refuse,
  field: string,
): CheckTarget | undefined {
  if (message === undefined) return undefined;
  const { port_value = 0, hostname = '', address, disable_active_health_check = false, ...rest } = message;
  refuseRest(refuse, field, rest);
  return {
    port: port_value,
    hostname,
    address: address === undefined ? undefined : readAddress(address, refuse, fieldIn(field, 'address')),
    disabled: disable_active_health_check,
  };
}
