import { formatProtoDuration } from '../../../lib/duration.ts';
import { isHttp2, type Protocol } from '../../../mesh/protocol.ts';
import { inboundCluster } from '../../../xds/names.ts';
import type { Cluster } from '../../../xds/resources.ts';
import { type InboundPort, inboundPorts } from '../../resolve/inbound-ports.ts';
import { proxy } from '../../resolve/proxies.ts';
import type { ApplicationPlace } from '../../resolve/sidecar-ingress.ts';
import { settingsOfProxy } from '../../resolve/view-settings.ts';
import { step } from '../../resolve/world.ts';
import { type EmittedCluster, emittedCluster } from '../emitted.ts';
import { socketAddress } from '../sources.ts';
import { circuitBreakers } from './circuit-breakers.ts';
import { httpOptions } from './http-options.ts';
import { serviceList } from './metadata.ts';
import { ownSource } from './standing-clusters.ts';

/** Clusters to the application beside a proxy, one for each port that services call; by the proxy's key. */
export const inboundClusters = step('inbound clusters', (read, key): readonly EmittedCluster[] => {
  const { connectTimeoutMs, inbound, headers } = settingsOfProxy(read, key);
  const timeout = formatProtoDuration(connectTimeoutMs);
  const { workload, ips } = read.of(proxy, key);
  const explicit = workload?.explicit;
  return read.of(inboundPorts, key).map((port) => {
    const target =
      explicit === undefined
        ? (ownPlace(port, ips) ??
          (inbound === 'localhost' ? { address: '127.0.0.1', port: port.number } : undefined))
        : { address: '127.0.0.1', port: explicit.ports.get(port.number) ?? port.number };
    return emittedCluster(
      clusterOf(port, target, timeout, headers.keepCase),
      port.services.map(({ origin }) => origin),
    );
  });
});

/** Where the Sidecar says that the application listens; undefined: where the caller meant to go. */
function ownPlace({ ingress }: InboundPort, [ip]: readonly string[]): ApplicationPlace | undefined {
  const target = ingress?.target;
  if (target === undefined || 'path' in target || target.address !== '') return target;
  return ip === undefined || (target.port === ingress?.number && !ingress.socket)
    ? undefined
    : { address: ip, port: target.port };
}

/** `target`: where the application listens; undefined: where the caller meant to go. */
function clusterOf(
  port: InboundPort,
  target: ApplicationPlace | undefined,
  connect_timeout: string,
  keepCase: boolean,
): Cluster {
  const policy = { ports: new Map(), ...(port.pool === undefined ? {} : { pool: port.pool }) };
  const name = inboundCluster(port.number);
  return {
    name,
    ...(target === undefined ? toOriginal : toLocal(name, target)),
    connect_timeout:
      port.pool?.connectTimeoutMs === undefined
        ? connect_timeout
        : formatProtoDuration(port.pool.connectTimeoutMs),
    circuit_breakers: circuitBreakers(policy),
    ...httpOptions(spoken(port.protocol, keepCase), policy, [], keepCase),
    metadata: { filter_metadata: { istio: { services: serviceList(port.services) } } },
  };
}

/** Applications get what was sent: HTTP/2 only where it is declared. */
function spoken(protocol: Protocol, keepCase: boolean): Protocol {
  return isHttp2(protocol) || protocol === 'auto' || keepCase ? protocol : 'tcp';
}

const toOriginal: Partial<Cluster> = {
  type: 'ORIGINAL_DST',
  lb_policy: 'CLUSTER_PROVIDED',
  cleanup_interval: '60s',
  ...ownSource,
};

function toLocal(name: string, target: ApplicationPlace): Partial<Cluster> {
  const address =
    'path' in target ? { pipe: { path: target.path } } : socketAddress(target.address, target.port);
  const endpoint = { address };
  return {
    type: 'STATIC',
    // Its own address would be intercepted without the source by which the proxy is told.
    ...('path' in target || target.address.startsWith('127.') || target.address === '::1' ? {} : ownSource),
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint }] }] },
  };
}
