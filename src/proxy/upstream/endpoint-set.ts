import { hostPort } from '../../lib/host-port.ts';
import type { Json } from '../../xds/resources.ts';

/**
 * The endpoints of a cluster as the control plane named them: lowered from a ClusterLoadAssignment, immutable. An
 * endpoint here has no state; cluster.ts keeps the state of an address over changes of the set.
 */
export interface EndpointSet {
  readonly localities: readonly LocalityEndpoints[];
  /** Percent by which the healthy part of a priority is over-counted before the next one helps; 140 unless told. */
  readonly overprovisioningFactor: number;
  /** The health of a priority goes by the weights of its endpoints, not by their number. */
  readonly weightedPriorityHealth: boolean;
  /** Without word from the control plane for so long the endpoints are forgotten; 0: never. */
  readonly staleAfterMs: number;
  readonly drops: readonly { readonly category: string; readonly perMillion: number }[];
}

/** The endpoints of one locality and priority. */
export interface LocalityEndpoints {
  readonly region: string;
  readonly zone: string;
  readonly subZone: string;
  /** 0 is the first choice. */
  readonly priority: number;
  /** Undefined where none was given: such a locality gets nothing when localities are weighted. */
  readonly weight: number | undefined;
  readonly endpoints: readonly EndpointSpec[];
}

export type HealthStatus = 'healthy' | 'degraded' | 'unhealthy' | 'draining';

/** One endpoint. */
export interface EndpointSpec {
  readonly address: EndpointAddress;
  /** Name for host rewriting, '' where there is none. */
  readonly hostname: string;
  readonly weight: number;
  readonly health: HealthStatus;
  readonly metadata: Metadata;
  /** Where active health checks go in its place; undefined: to itself. */
  readonly check: CheckTarget | undefined;
  /** `name:port` of an endpoint whose address is only where new connections go (LOGICAL_DNS): it stays the same endpoint. */
  readonly logicalName: string | undefined;
}

/** Endpoint.HealthCheckConfig. */
export interface CheckTarget {
  /** 0 for the endpoint's own. */
  readonly port: number;
  /** '' for none. */
  readonly hostname: string;
  readonly address: EndpointAddress | undefined;
  readonly disabled: boolean;
}

/** An IP address (or, in DNS clusters before resolution, a name) with port, or a Unix socket. */
export type EndpointAddress =
  | { readonly kind: 'ip'; readonly host: string; readonly port: number }
  | { readonly kind: 'pipe'; readonly path: string };

/** `filter_metadata` by namespace, as `envoy.transport_socket_match` or `istio`. */
export type Metadata = { readonly [namespace: string]: { readonly [key: string]: Json } };

export const NO_ENDPOINTS: EndpointSet = {
  localities: [],
  overprovisioningFactor: 140,
  weightedPriorityHealth: false,
  staleAfterMs: 0,
  drops: [],
};

/** What an endpoint is known by in its cluster. */
export function endpointKey(spec: EndpointSpec): string {
  return spec.logicalName ?? addressText(spec.address);
}

/** `10.0.0.1:80`, `[::1]:80`, or the path of a Unix socket: unique in a cluster. */
export function addressText(address: EndpointAddress): string {
  if (address.kind === 'pipe') return address.path;
  return hostPort(address.host, address.port);
}
