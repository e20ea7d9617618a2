import { hostMatches } from '../../../mesh/hostname.ts';
import { clusterSni, parseClusterName, parseClusterSni } from '../../../xds/names.ts';
import type { Cluster, FilterChain } from '../../../xds/resources.ts';
import { type BoundServer, passesTlsOn } from '../../resolve/gateway-ports.ts';
import { meshSettings } from '../../resolve/mesh-settings.ts';
import { scopedServices } from '../../resolve/scoped-services.ts';
import { inView } from '../../resolve/views.ts';
import { type Read, step } from '../../resolve/world.ts';
import { clustersOfService } from '../cluster/outbound-cluster.ts';
import { type EmittedCluster, emittedCluster } from '../emitted.ts';
import { MESH_ALL } from '../listener/inbound-chains.ts';
import { tcpFilter } from '../listener/tcp-proxy.ts';

// The door between networks (TLS mode AUTO_PASSTHROUGH): connections within TLS of the mesh go on as they are, to the
// service, port and subset that their server name says (`outbound_.80_.v1_.HOST`). Each has a cluster of that very name,
// which adds no TLS of its own and leads only to those who take the mesh's.

/** Clusters for what is passed on by routers of a view, by its key; none where no server does so. */
export const passedOnClusters = step('passed on clusters', (read, viewKey): readonly EmittedCluster[] => {
  if (!read.of(passesTlsOn, viewKey)) return [];
  return read
    .of(scopedServices, viewKey)
    .list.filter(({ external }) => !external)
    .flatMap(({ hostname }) => read.of(clustersOfService, inView(viewKey, hostname)))
    .map(({ object, provenance }) => emittedCluster(passedOn(object), provenance));
});

function passedOn(cluster: Cluster): Cluster {
  const {
    transport_socket: _tls,
    transport_socket_matches: _matches,
    typed_extension_protocol_options: _http,
    ...rest
  } = cluster;
  const name = passedOnName(cluster.name ?? '');
  return {
    ...rest,
    name,
    ...(rest.eds_cluster_config === undefined
      ? {}
      : { eds_cluster_config: { ...rest.eds_cluster_config, service_name: name } }),
    ...(rest.load_assignment === undefined
      ? {}
      : { load_assignment: { ...rest.load_assignment, cluster_name: name } }),
  };
}

/** `outbound|80|v1|HOST` -> `outbound_.80_.v1_.HOST`. */
export function passedOnName(clusterName: string): string {
  const parsed = parseClusterName(clusterName);
  return parsed?.direction === 'outbound'
    ? clusterSni(parsed.port, parsed.subset, parsed.hostname)
    : clusterName;
}

/** One chain for each cluster of a service that the server's hosts mean. Nobody looks within: no policy holds here. */
export function passedOnChains(read: Read, viewKey: string, { server }: BoundServer): FilterChain[] {
  return read
    .of(passedOnClusters, viewKey)
    .filter(({ name }) => {
      const hostname = parseClusterSni(name)?.hostname ?? '';
      return server.hosts.some(({ host }) => hostMatches(host, hostname));
    })
    .map(({ name }) => ({
      filter_chain_match: { server_names: [name], application_protocols: MESH_ALL },
      filters: [tcpFilter(name, name, read.of(meshSettings, ''))],
    }));
}
