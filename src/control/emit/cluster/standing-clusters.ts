import type { ConnectionPool } from '../../../mesh/traffic-policy.ts';
import { wellKnownNames } from '../../../xds/names.ts';
import type { Cluster } from '../../../xds/resources.ts';
import { type EmittedCluster, emittedCluster } from '../emitted.ts';
import { circuitBreakers } from './circuit-breakers.ts';
import { httpOptions } from './http-options.ts';
import { keepalive } from './keepalive.ts';

// Clusters that every sidecar has.

const unlimited = circuitBreakers({ ports: new Map() });

/** The source of the proxy's connections to its own application, by which interception tells them (as Istio's). */
const OWN_SOURCE = '127.0.0.6';

export const ownSource: Pick<Cluster, 'upstream_bind_config'> = {
  upstream_bind_config: { source_address: { address: OWN_SOURCE, port_value: 0 } },
};

/** What the client spoke, since nothing is known of the destination. */
const anyHttp = (keepCase: boolean) => httpOptions('auto', {}, [], keepCase);

const toOriginal = { type: 'ORIGINAL_DST', lb_policy: 'CLUSTER_PROVIDED', cleanup_interval: '60s' } as const;

/** To wherever the client wanted to go; `probes`: the mesh's keepalive. */
export function passthroughCluster(
  connectTimeout: string,
  keepCase: boolean,
  probes: ConnectionPool['keepalive'],
): EmittedCluster {
  return emittedCluster({
    name: wellKnownNames.passthroughCluster,
    ...toOriginal,
    connect_timeout: connectTimeout,
    circuit_breakers: unlimited,
    ...keepalive(probes),
    ...anyHttp(keepCase),
  });
}

/** To nowhere. */
export function blackHoleCluster(connectTimeout: string): EmittedCluster {
  return emittedCluster({
    name: wellKnownNames.blackHoleCluster,
    type: 'STATIC',
    connect_timeout: connectTimeout,
  });
}

/** To a port of the application that no service names. */
export function inboundPassthroughCluster(
  connectTimeout: string,
  keepCase: boolean,
  probes: ConnectionPool['keepalive'],
): EmittedCluster {
  return emittedCluster({
    name: wellKnownNames.inboundPassthroughCluster,
    ...toOriginal,
    connect_timeout: connectTimeout,
    circuit_breakers: unlimited,
    ...ownSource,
    ...keepalive(probes),
    ...anyHttp(keepCase),
  });
}
