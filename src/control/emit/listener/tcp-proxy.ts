import type { WeightedDestination } from '../../../mesh/route.ts';
import type { MeshSettings } from '../../../mesh/settings.ts';
import { any, type FilterChain, type TcpProxy } from '../../../xds/resources.ts';
import { destinationCluster, type FindService } from '../route/destination-cluster.ts';
import { accessLogs } from './access-log.ts';
import type { ConnectionOptions } from './connection-options.ts';
import { AT_THE_END, plaintextConnections } from './plaintext-log.ts';

type Filter = NonNullable<FilterChain['filters']>[number];

/** The network filter that passes bytes on to one cluster. */
export function tcpFilter(
  statPrefix: string,
  cluster: string,
  settings: MeshSettings,
  options: ConnectionOptions = {},
): Filter {
  return filter({ stat_prefix: statPrefix, cluster, ...options, ...accessLogs(settings.accessLog) });
}

/** The same towards the application; `countedPort`: who calls is counted as calling this port. */
export function inboundTcpFilter(
  cluster: string,
  settings: MeshSettings,
  countedPort: string | undefined,
): Filter {
  if (countedPort === undefined) return tcpFilter(cluster, cluster, settings);
  const { access_log, ...counting } = plaintextConnections(countedPort);
  const own = (accessLogs(settings.accessLog).access_log ?? []).map((log) => ({ ...log, ...AT_THE_END }));
  return filter({ stat_prefix: cluster, cluster, ...counting, access_log: [...own, ...access_log] });
}

/** The same to several destinations by their weights. */
export function routedTcpFilter(
  statPrefix: string,
  destinations: readonly WeightedDestination[],
  port: number,
  find: FindService,
  settings: MeshSettings,
  options: ConnectionOptions,
): Filter {
  const [only] = destinations;
  if (destinations.length === 1 && only !== undefined)
    return tcpFilter(statPrefix, destinationCluster(only.destination, port, find), settings, options);
  const clusters = destinations
    .filter(({ weight }) => weight > 0)
    .map(({ destination, weight }) => ({ name: destinationCluster(destination, port, find), weight }));
  return filter({
    stat_prefix: statPrefix,
    weighted_clusters: { clusters },
    ...options,
    ...accessLogs(settings.accessLog),
  });
}

function filter(config: TcpProxy): Filter {
  return {
    name: 'envoy.filters.network.tcp_proxy',
    typed_config: any('envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy', config),
  };
}
