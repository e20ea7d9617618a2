/** A RouteConfiguration made ready: made by lower-route.ts, immutable, read by the connection manager and the router. */
export interface RouteTable {
  readonly name: string;
  /** Clusters that its routes lead to. */
  readonly clusterNames: readonly string[];
}
