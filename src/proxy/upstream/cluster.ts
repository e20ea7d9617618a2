import type { ClusterConfig } from './cluster-config.ts';

/** A live cluster: its endpoints, pools and balancer. Made and owned by clusters.ts. */
export interface Cluster {
  readonly config: ClusterConfig;
  /** False while it waits for endpoints or secrets: routes to it are not switched on before. */
  ready(): boolean;
}
