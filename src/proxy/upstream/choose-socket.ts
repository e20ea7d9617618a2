import type { ClusterConfig, UpstreamSocket } from './cluster-config.ts';
import type { EndpointSpec } from './endpoint-set.ts';

/** The transport socket whose criteria the endpoint's metadata meets, else the cluster's. */
export function chooseSocket(config: ClusterConfig, spec: Pick<EndpointSpec, 'metadata'>): UpstreamSocket {
  const metadata = spec.metadata['envoy.transport_socket_match'] ?? {};
  for (const match of config.tlsMatches) {
    const met = Object.entries(match.criteria).every(
      ([key, value]) => JSON.stringify(metadata[key]) === JSON.stringify(value),
    );
    if (met) return match;
  }
  return config;
}
