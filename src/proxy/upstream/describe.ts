import type { Cluster } from './cluster.ts';
import type { ClusterConfig } from './cluster-config.ts';

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
