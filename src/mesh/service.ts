import type { Origin } from './origin.ts';
import type { Protocol } from './protocol.ts';

/** One port of a service. */
export interface ServicePort {
  /** '' where a Service's only port has none. */
  readonly name: string;
  readonly number: number;
  readonly protocol: Protocol;
  /** Port of the workloads behind it, by number or by the name of a container's port. */
  readonly targetPort: number | string;
}

/**
 * How a call to a service finds its endpoint.
 * - `endpoints`: one of the known endpoints, chosen by the caller's proxy.
 * - `headless`: the client chose an endpoint's address itself.
 * - `dns`: the hostname, or the endpoints' hostnames, resolved by the proxy; all answers are endpoints.
 * - `dns-round-robin`: as `dns`, but only the first answer at a time.
 * - `dynamic-dns`: the host that a request names, resolved by the proxy when it is asked for.
 * - `passthrough`: to the address that the client chose.
 * - `alias`: the service is another name of `externalName`.
 */
export type Resolution =
  | 'endpoints'
  | 'headless'
  | 'dns'
  | 'dns-round-robin'
  | 'dynamic-dns'
  | 'passthrough'
  | 'alias';

/** Something that can be called by a name. */
export interface Service {
  readonly hostname: string;
  readonly namespace: string;
  /** Name of the object behind it. */
  readonly name: string;
  readonly registry: 'kubernetes' | 'entry' | 'backend';
  /** Nobody calls it by a name: routes lead to it. */
  readonly ledTo?: true;
  /** Cluster IPs, or addresses and ranges of a ServiceEntry. Empty where calls come to any address. */
  readonly addresses: readonly string[];
  /** The address is one that weft chose: clients who resolve the name elsewhere do not know it. */
  readonly ownAddress?: boolean;
  readonly ports: readonly ServicePort[];
  readonly resolution: Resolution;
  readonly externalName?: string;
  /** Outside of the mesh: no mutual TLS by itself. */
  readonly external: boolean;
  /** Namespaces that see it: `*` all, `~` none, `.` is written out. */
  readonly exportTo: readonly string[];
  /** Labels of the workloads behind it; missing where endpoints are given otherwise. */
  readonly selector?: Readonly<Record<string, string>>;
  /** Endpoints that the object itself lists. */
  readonly endpoints: readonly ListedEndpoint[];
  /** Identities the callee may have, beside those of its workloads. */
  readonly subjectAltNames: readonly string[];
  /** Sends to endpoints that are not ready, too (publishNotReadyAddresses). */
  readonly notReadyToo: boolean;
  /** Keeps a call within the caller's node or zone where that is asked for. */
  readonly trafficDistribution?: string;
  /** Only endpoints of the caller's own node are called (internalTrafficPolicy). */
  readonly nodeLocal?: boolean;
  /** Labels of the ServiceEntry itself: entries of one host that differ in them are not one service. */
  readonly entryLabels?: Readonly<Record<string, string>>;
  /** For "oldest wins". */
  readonly age: Age;
  readonly origin: Origin;
}

/** An endpoint written into a ServiceEntry. */
export interface ListedEndpoint {
  /** IP address, hostname, or `unix:///path`; '' for the service's own hostname. */
  readonly address: string;
  /** By name of the service's port. */
  readonly ports: Readonly<Record<string, number>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly locality: string;
  readonly network: string;
  readonly weight: number;
  readonly serviceAccount: string;
}

/** When an object came to be: its creationTimestamp ('' where it has none), and `NAME.NAMESPACE`. */
export interface Age {
  readonly created: string;
  readonly name: string;
}

/**
 * Negative where `a` is older; an object without a time is older than any with one. Objects of one moment go by name,
 * then namespace (as Istio has it): every control plane decides alike, before a restart and after it, whatever the
 * order in which objects are read.
 */
export function compareAge(a: Age, b: Age): number {
  const [x, y] = a.created === b.created ? [a.name, b.name] : [a.created, b.created];
  return x < y ? -1 : x > y ? 1 : 0;
}
