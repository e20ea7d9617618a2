/**
 * Emitting: the third stage of the control plane.
 *
 * In: the mesh model (src/mesh) as control/resolve makes it, and the view of a proxy. Out: xDS resources as plain
 * objects, each with what made it. Called by control/compile.ts. Every function is a step or is called by one: equal
 * input gives equal bytes, whatever the order of objects and of calls. What never happens here: looking at a user's
 * object, I/O, delivery.
 *
 * Folders go by resource: listener/, route/, cluster/, endpoint/; gateway/ is what routers have of their own. Names of
 * resources are those of src/xds/names.ts. What one proxy alone gets (its inbound side) is kept apart from what all
 * proxies of a view share (everything else).
 */
import type { Origin } from '../../mesh/origin.ts';
import {
  type Cluster,
  type ClusterLoadAssignment,
  type DnsTable,
  type Listener,
  type RouteConfiguration,
  typeUrls,
  type VirtualHost,
} from '../../xds/resources.ts';

/** One xDS resource as a proxy gets it. The same object as before as long as nothing about it changed. */
export interface Emitted<T extends object = object> {
  readonly name: string;
  /** One of `typeUrls` of src/xds/resources.ts. */
  readonly typeUrl: string;
  /** The resource in proto3-JSON shape. Frozen in meaning: never changed after it is emitted. */
  readonly object: T;
  /** What made it, most important first; empty for what every proxy has. Lines: `Compiled.locate`. */
  readonly provenance: readonly Origin[];
}

export type EmittedListener = Emitted<Listener>;
export type EmittedRoutes = Emitted<RouteConfiguration>;
export type EmittedCluster = Emitted<Cluster>;
export type EmittedEndpoints = Emitted<ClusterLoadAssignment>;

export type EmittedVirtualHost = Emitted<VirtualHost>;
export type EmittedDnsTable = Emitted<DnsTable>;

/** `name`: of the resource (VHDS), not of the virtual host. */
export function emittedVirtualHost(
  name: string,
  object: VirtualHost,
  provenance: readonly Origin[],
): EmittedVirtualHost {
  return { name, typeUrl: typeUrls.virtualHost, object, provenance: distinct(provenance) };
}

export function emittedDnsTable(
  name: string,
  object: DnsTable,
  provenance: readonly Origin[],
): EmittedDnsTable {
  return { name, typeUrl: typeUrls.dnsTable, object, provenance };
}

export function emittedListener(object: Listener, provenance: readonly Origin[] = []): EmittedListener {
  return { name: object.name ?? '', typeUrl: typeUrls.listener, object, provenance: distinct(provenance) };
}

export function emittedRoutes(object: RouteConfiguration, provenance: readonly Origin[] = []): EmittedRoutes {
  return { name: object.name ?? '', typeUrl: typeUrls.route, object, provenance: distinct(provenance) };
}

export function emittedCluster(object: Cluster, provenance: readonly Origin[] = []): EmittedCluster {
  return { name: object.name ?? '', typeUrl: typeUrls.cluster, object, provenance: distinct(provenance) };
}

export function emittedEndpoints(
  object: ClusterLoadAssignment,
  provenance: readonly Origin[] = [],
): EmittedEndpoints {
  return {
    name: object.cluster_name ?? '',
    typeUrl: typeUrls.endpoint,
    object,
    provenance: distinct(provenance),
  };
}

/** In order of name, which is the order of everything that is sent. */
export function sortedByName<T extends { readonly name: string }>(list: readonly T[]): T[] {
  return [...list].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/** Two sorted lists as one: the long one that many proxies share, and the few of one proxy. */
export function mergedByName<T extends { readonly name: string }>(
  shared: readonly T[],
  own: readonly T[],
): T[] {
  const merged: T[] = [];
  let next = 0;
  for (const resource of shared) {
    for (let mine = own[next]; mine !== undefined && mine.name < resource.name; mine = own[++next])
      merged.push(mine);
    merged.push(resource);
  }
  return merged.concat(own.slice(next));
}

/** Each origin once, at its first place. A list that was made distinct before is taken as it is. */
export function distinct(origins: readonly Origin[]): readonly Origin[] {
  if (origins.length < 2 || known.has(origins)) return origins;
  const byText = new Map<string, Origin>();
  for (const origin of origins) {
    const { group, kind, namespace, name, field = '' } = origin;
    const text = `${group}/${kind}/${namespace}/${name}/${field}`;
    if (!byText.has(text)) byText.set(text, origin);
  }
  const result = [...byText.values()];
  known.add(result);
  return result;
}

/** Lists that {@link distinct} made: the routes of a port have thousands of origins, and every namespace the same ones. */
const known = new WeakSet<readonly Origin[]>();
