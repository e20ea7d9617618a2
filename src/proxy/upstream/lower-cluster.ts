import type { Cluster } from '../../xds/resources.ts';
import type { Lowered } from '../lowered.ts';
import type { ClusterConfig } from './cluster-config.ts';
import type { LowerUpstreamTls } from './upstream-tls.ts';

/** A Cluster of CDS or of the bootstrap. Refusals name fields from the cluster on (`lb_policy`). */
export function lowerCluster(_message: Cluster, _lowerUpstreamTls: LowerUpstreamTls): Lowered<ClusterConfig> {
  throw new Error('not written yet');
}
