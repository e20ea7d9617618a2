import { formatProtoDuration } from '../../lib/duration.ts';
import { meshSettings } from '../resolve/mesh-settings.ts';
import { step } from '../resolve/world.ts';
import { outboundClusters } from './cluster/outbound-cluster.ts';
import { blackHoleCluster } from './cluster/standing-clusters.ts';
import { type EmittedCluster, sortedByName } from './emitted.ts';
import { passedOnClusters } from './gateway/auto-passthrough.ts';

/** All clusters of routers of a view, by its key: those of every service, since any rule may lead to any. */
export const routerClusters = step('router clusters', (read, viewKey): readonly EmittedCluster[] => {
  const timeout = formatProtoDuration(read.of(meshSettings, '').connectTimeoutMs);
  return sortedByName([
    ...read.of(outboundClusters, viewKey),
    ...read.of(passedOnClusters, viewKey),
    blackHoleCluster(timeout),
  ]);
});
