import { parseClusterName } from '../../../xds/names.ts';
import type { Cluster } from '../../../xds/resources.ts';
import type { EnvoyPatch } from '../../resolve/envoy-filters.ts';
import { type EmittedCluster, emittedCluster, sortedByName } from '../emitted.ts';
import { applied } from './apply.ts';
import { mergeMessages } from './merge.ts';

/** The clusters of a proxy with its patches; the same list where none is about clusters. */
export function patchedClusters(
  clusters: readonly EmittedCluster[],
  all: readonly EnvoyPatch[],
): readonly EmittedCluster[] {
  const changed = changedClusters(clusters, all);
  const added = addedClusters(all, [changed]);
  return added.length === 0 ? changed : sortedByName([...changed, ...added]);
}

/** The clusters as patches change them, without those that patches remove; the same list where none is about clusters. */
export function changedClusters(
  clusters: readonly EmittedCluster[],
  all: readonly EnvoyPatch[],
): readonly EmittedCluster[] {
  const patches = all.filter(({ applyTo, operation }) => applyTo === 'CLUSTER' && operation !== 'ADD');
  if (patches.length === 0) return clusters;
  const removals = patches.filter(({ operation }) => operation === 'REMOVE');
  const changes = patches.filter(({ operation }) => operation !== 'REMOVE');
  return sortedByName(
    clusters
      .filter(({ object }) => !removals.some((patch) => isMeant(patch, object)))
      .map((cluster) => applied(cluster, changes, changeCluster)),
  );
}

/** The clusters that patches add; one whose name is taken is not added. */
export function addedClusters(
  all: readonly EnvoyPatch[],
  present: readonly (readonly EmittedCluster[])[],
): readonly EmittedCluster[] {
  return all
    .filter(({ applyTo, operation }) => applyTo === 'CLUSTER' && operation === 'ADD')
    .map(({ value, origin }) => emittedCluster(value as Cluster, [origin]))
    .filter(({ name }) => !present.some((list) => list.some((cluster) => cluster.name === name)));
}

function changeCluster(cluster: Cluster, patch: EnvoyPatch): Cluster {
  if (!isMeant(patch, cluster)) return cluster;
  if (patch.operation === 'REPLACE') return patch.value as Cluster;
  return mergeMessages(cluster, patch.value, patch.operation === 'MERGE' ? 'join' : 'replace');
}

function isMeant({ match }: EnvoyPatch, cluster: Cluster): boolean {
  const { name = '' } = cluster;
  const parsed = parseClusterName(name);
  const inbound = parsed?.direction === 'inbound' || name.startsWith('Inbound');
  if (match.context === 'SIDECAR_INBOUND' && !inbound) return false;
  if (match.context === 'SIDECAR_OUTBOUND' && inbound) return false;
  const wanted = match.cluster;
  if (wanted === undefined) return true;
  if (wanted.name) return wanted.name === name;
  if (wanted.portNumber && wanted.portNumber !== parsed?.port) return false;
  if (!wanted.service && !wanted.subset) return true;
  if (parsed?.direction !== 'outbound') return false;
  return (
    (!wanted.service || wanted.service === parsed.hostname) &&
    (!wanted.subset || wanted.subset === parsed.subset)
  );
}
