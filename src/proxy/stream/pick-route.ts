import type { PeerFacts } from '../../xds/match/facts.ts';
import { pathOnly } from '../../xds/match/facts.ts';
import { matchHost, withoutPort } from '../../xds/match/virtual-host.ts';
import type { RequestState } from './request-state.ts';
import type { Route, RouteTable, VirtualHostRoutes } from './route-table.ts';

/** The virtual host of a request, undefined where no domain fits. */
export function hostOf(table: RouteTable, request: RequestState): VirtualHostRoutes | undefined {
  return matchHost(table.hosts, table.ignorePort ? withoutPort(request.authority) : request.authority);
}

/** The first route of the host that matches; `draw` decides routes for a share of requests. */
export function routeOf(
  host: VirtualHostRoutes,
  request: RequestState,
  peer: PeerFacts,
  draw: number,
): Route | undefined {
  const path = pathOnly(request.path);
  const { routes } = host;
  for (let i = 0; i < routes.length; i++) {
    const route = routes[i] as Route;
    if (route.match.matches(request, path, peer, draw)) return route;
  }
  return undefined;
}
