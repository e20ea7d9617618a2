import type { Cluster } from './cluster.ts';
import type { ClusterConfig } from './cluster-config.ts';
import type { Endpoint } from './endpoint.ts';

/** What /clusters shows of one cluster. */
export interface ClusterDescription {
  readonly name: string;
  readonly config: ClusterConfig;
  readonly ready: boolean;
  readonly endpoints: readonly EndpointDescription[];
}

export interface EndpointDescription {
  readonly address: string;
  readonly hostname: string;
  readonly health: string;
  readonly ejected: boolean;
  /** Envoy's names of what speaks against it, as `/failed_active_hc`; none for a healthy one. */
  readonly flags: readonly string[];
  readonly weight: number;
  readonly priority: number;
  readonly region: string;
  readonly zone: string;
  readonly subZone: string;
  /** Statistics as Envoy names them: cx_active, cx_connect_fail, cx_total, rq_active, rq_error, rq_success, rq_timeout, rq_total. */
  readonly counts: Readonly<Record<string, number>>;
}

export function describeCluster(cluster: Cluster, ready: boolean): ClusterDescription {
  const endpoints = cluster.endpoints.map((endpoint) => {
    const { spec, locality } = endpoint.placement;
    return {
      address: endpoint.address,
      hostname: spec.hostname,
      health: spec.health,
      ejected: endpoint.outlier.ejected,
      flags: healthFlags(endpoint),
      weight: spec.weight,
      priority: locality.priority,
      region: locality.region,
      zone: locality.zone,
      subZone: locality.subZone,
      counts: endpoint.counts,
    };
  });
  return { name: cluster.name, config: cluster.config, ready, endpoints };
}

/** In Envoy's order (HostUtility::healthFlagsToString). */
function healthFlags({ check, outlier, placement }: Endpoint): string[] {
  const { health } = placement.spec;
  const flags: readonly (readonly [boolean, string])[] = [
    [check.failed, '/failed_active_hc'],
    [outlier.ejected, '/failed_outlier_check'],
    [health === 'unhealthy', '/failed_eds_health'],
    [check.degraded, '/degraded_active_hc'],
    [health === 'degraded', '/degraded_eds_health'],
    [check.leaving, '/pending_dynamic_removal'],
    [check.pending, '/pending_active_hc'],
    [check.immediatelyFailed, '/excluded_via_immediate_hc_fail'],
    [check.timedOut, '/active_hc_timeout'],
    [health === 'draining', '/eds_status_draining'],
  ];
  return flags.filter(([set]) => set).map(([, name]) => name);
}
