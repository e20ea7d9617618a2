import type { GrpcRoute } from '../../../api/gateway/grpc-route.ts';
import type { HttpRoute } from '../../../api/gateway/http-route.ts';
import type { TcpRoute, TlsRoute } from '../../../api/gateway/l4-routes.ts';
import type { Resource } from '../../../api/resources.ts';
import { listOf, objectOf, type Read } from '../world.ts';

export const GROUP = 'gateway.networking.k8s.io';
export const routeKinds = ['HTTPRoute', 'GRPCRoute', 'TLSRoute', 'TCPRoute'] as const;
export type RouteKind = (typeof routeKinds)[number];
export type RouteResource = Resource<HttpRoute | GrpcRoute | TlsRoute | TcpRoute>;

/** All routes of a kind, by namespace and name. */
export function routesOf(read: Read, kind: RouteKind): readonly RouteResource[] {
  return listOf(read, `${GROUP}/${kind}`);
}

export function routeOf(
  read: Read,
  kind: RouteKind,
  namespace: string,
  name: string,
): RouteResource | undefined {
  return objectOf(read, `${GROUP}/${kind}`, namespace, name);
}

/** Host names of a route; empty: all. TCPRoutes have none. */
export function hostnamesOf({ object: { spec } }: RouteResource): readonly string[] {
  return 'hostnames' in spec ? (spec.hostnames ?? []) : [];
}
