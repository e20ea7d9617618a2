import type { PeerFacts } from '../../xds/match/facts.ts';
import { pathOnly } from '../../xds/match/facts.ts';
import { matchHost, withoutPort } from '../../xds/match/virtual-host.ts';
import type { RequestState } from './request-state.ts';
import type { Route, RouteTable, VirtualHostRoutes } from './route-table.ts';

/** Finds virtual hosts. Traffic comes in runs to one host: the last answer is remembered. */
export class HostFinder {
  #table: RouteTable | undefined;
  #authority = '';
  #found: VirtualHostRoutes | undefined;

  /** The virtual host of a request, undefined where no domain fits. */
  find(table: RouteTable, authority: string): VirtualHostRoutes | undefined {
    if (table === this.#table && authority === this.#authority) return this.#found;
    this.#table = table;
    this.#authority = authority;
    this.#found = matchHost(table.hosts, table.ignorePort ? withoutPort(authority) : authority);
    return this.#found;
  }
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
