import type { Origin } from '../../mesh/origin.ts';
import type { Cluster, ClusterLoadAssignment, Listener, RouteConfiguration } from '../../xds/resources.ts';

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
