import { formatProtoDuration } from '../../../lib/duration.ts';
import { isHttp2, type Protocol } from '../../../mesh/protocol.ts';
import { inboundCluster } from '../../../xds/names.ts';
import type { Cluster } from '../../../xds/resources.ts';
import { type InboundPort, inboundPorts } from '../../resolve/inbound-ports.ts';
import { meshSettings } from '../../resolve/mesh-settings.ts';
import { proxy } from '../../resolve/proxies.ts';
import { step } from '../../resolve/world.ts';
import { type EmittedCluster, emittedCluster } from '../emitted.ts';
import { socketAddress } from '../sources.ts';
import { circuitBreakers } from './circuit-breakers.ts';
import { httpOptions } from './http-options.ts';
import { serviceList } from './metadata.ts';
import { ownSource } from './standing-clusters.ts';

/** Clusters to the application beside a proxy, one for each port that services call; by the proxy's key. */
export const inboundClusters = step('inbound clusters', (read, key): readonly EmittedCluster[] => {
  const timeout = formatProtoDuration(read.of(meshSettings, '').connectTimeoutMs);
  const explicit = read.of(proxy, key).workload?.explicit;
  return read.of(inboundPorts, key).map((port) => {
    const appPort = explicit === undefined ? undefined : (explicit.ports.get(port.number) ?? port.number);
    return emittedCluster(
      clusterOf(port, appPort, timeout),
      port.services.map(({ origin }) => origin),
    );
  });
});

/** `appPort`: where the application listens on a shared host; undefined: where the caller meant to go. */
function clusterOf(port: InboundPort, appPort: number | undefined, connect_timeout: string): Cluster {
  const name = inboundCluster(port.number);
  return {
    name,
    ...(appPort === undefined ? toOriginal : toLocal(name, appPort)),
    connect_timeout,
    circuit_breakers: circuitBreakers({ ports: new Map() }),
    ...httpOptions(spoken(port.protocol), {}),
    metadata: { filter_metadata: { istio: { services: serviceList(port.services) } } },
  };
}

/** Applications get what was sent: HTTP/2 only where it is declared. */
function spoken(protocol: Protocol): Protocol {
  return isHttp2(protocol) || protocol === 'auto' ? protocol : 'tcp';
}

const toOriginal: Partial<Cluster> = {
  type: 'ORIGINAL_DST',
  lb_policy: 'CLUSTER_PROVIDED',
  cleanup_interval: '60s',
  ...ownSource,
};

function toLocal(name: string, port: number): Partial<Cluster> {
  const endpoint = { address: socketAddress('127.0.0.1', port) };
  return {
    type: 'STATIC',
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint }] }] },
  };
}
