import { parseClusterName } from '../../../xds/names.ts';
import type { Cluster, TransportSocket } from '../../../xds/resources.ts';
import type { EnvoyPatch } from '../../resolve/envoy-filter/patch.ts';
import { type EmittedCluster, emittedCluster, sortedByName } from '../emitted.ts';
import { applied, changedEach, notTaken } from './apply.ts';
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
  const change = (cluster: EmittedCluster): EmittedCluster | undefined =>
    removals.some((patch) => isMeant(patch, cluster.object))
      ? undefined
      : applied(cluster, changes, changeCluster);
  return sortedByName(changedEach(clusters, all, change));
}

/** The clusters that patches add; one whose name is taken is not added. */
export function addedClusters(
  all: readonly EnvoyPatch[],
  present: readonly (readonly EmittedCluster[])[],
): readonly EmittedCluster[] {
  const added = all
    .filter(({ applyTo, operation }) => applyTo === 'CLUSTER' && operation === 'ADD')
    .map((patch) => [patch, emittedCluster(patch.value as Cluster, [patch.origin])] as const);
  return notTaken(added, present);
}

function changeCluster(cluster: Cluster, patch: EnvoyPatch): Cluster {
  if (!isMeant(patch, cluster)) return cluster;
  if (patch.operation === 'REPLACE') return patch.value as Cluster;
  const lists = patch.operation === 'MERGE' ? 'join' : 'replace';
  const { transport_socket, ...rest } = patch.value as Cluster;
  const merged = mergeMessages(cluster, rest as EnvoyPatch['value'], lists);
  return transport_socket === undefined ? merged : mergeSocket(merged, transport_socket, lists);
}

/** Where endpoints choose among several sockets, the change is made to the first of its name, or else to none. */
function mergeSocket(cluster: Cluster, change: TransportSocket, lists: 'join' | 'replace'): Cluster {
  const { transport_socket: own, transport_socket_matches: matches = [] } = cluster;
  if (matches.length === 0) {
    const alike = own !== undefined && own.name === change.name;
    return { ...cluster, transport_socket: alike ? mergeMessages(own, { ...change }, lists) : change };
  }
  const at = matches.findIndex(({ transport_socket }) => transport_socket?.name === change.name);
  const transport_socket_matches = matches.map((match, i) =>
    i === at && match.transport_socket !== undefined
      ? { ...match, transport_socket: mergeMessages(match.transport_socket, { ...change }, lists) }
      : match,
  );
  return { ...cluster, transport_socket_matches };
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
  const { subset = '', hostname = '' } = parsed?.direction === 'outbound' ? parsed : {};
  if (wanted.subset && wanted.subset !== subset) return false;
  return !wanted.service || hostsOf(cluster, hostname).includes(wanted.service);
}

/** Inbound clusters are for the services that lead to them, which stand in their metadata. */
function hostsOf({ metadata }: Cluster, hostname: string): readonly string[] {
  if (hostname !== '') return [hostname];
  const { services } = (metadata?.filter_metadata?.['istio'] ?? {}) as {
    readonly services?: readonly { readonly host?: string }[];
  };
  return (services ?? []).flatMap(({ host }) => host ?? []);
}
