import { AggregateEndpoints } from './aggregate-endpoints.ts';
import type { ClusterConfig } from './cluster-config.ts';
import { DestinationEndpoints } from './destination-endpoints.ts';
import { DynamicEndpoints } from './dynamic-endpoints.ts';
import type { Endpoint, Placement } from './endpoint.ts';
import type { ClusterSurroundings, EndpointSource } from './endpoint-source.ts';
import type { UpstreamEnvironment } from './environment.ts';

/** Where the endpoints of a cluster come from that nobody names; undefined where they are named. */
export function makeSource(
  { discovery, tls, balancing }: ClusterConfig,
  surroundings: ClusterSurroundings,
  environment: UpstreamEnvironment,
  make: (placement: Placement) => Endpoint,
): EndpointSource | undefined {
  switch (discovery.kind) {
    case 'dynamic': {
      const port = tls === undefined ? 80 : 443;
      return new DynamicEndpoints(discovery, port, surroundings.resolveName, environment, make);
    }
    case 'aggregate': {
      const { panicThreshold } = balancing;
      return new AggregateEndpoints(discovery.clusters, surroundings, panicThreshold, environment.random);
    }
    case 'original-destination':
      return new DestinationEndpoints(discovery, environment, make);
    default:
      return undefined;
  }
}
