import { parseVirtualHostResource } from '../../../xds/names.ts';
import {
  type AnyMessage,
  any,
  type Route,
  type RouteAction,
  type VirtualHost,
  type WeightedCluster,
} from '../../../xds/resources.ts';
import { type Read, step } from '../../resolve/world.ts';
import {
  type EmittedRoutes,
  type EmittedVirtualHost,
  emittedRoutes,
  emittedVirtualHost,
} from '../emitted.ts';
import { namedKey, proxyRoutes } from '../proxy-resources.ts';
import { hasManyHosts } from '../route-names.ts';
import { adsSource } from '../sources.ts';
import { ON_DEMAND_FILTER, routeIdleTimeouts } from './envoy-listeners.ts';
import { clusterOnDemand, demandKey, headOfRoutes, splitDemandKey, virtualHostFor } from './named.ts';
import { standingProxyClusters } from './standing.ts';

/**
 * A route configuration for Envoy: that of a port has no virtual hosts. Hosts are looked up with their ports, so that
 * each Host header has a virtual host of its own, and no two claim one domain.
 */
export const envoyRoutes = step('routes of an envoy on demand', (read, key): EmittedRoutes | undefined => {
  const [proxyKey, name] = splitDemandKey(key);
  if (hasManyHosts(name)) {
    const head = headOfRoutes(read, proxyKey, name);
    if (head === undefined) return undefined;
    const { ignore_port_in_host_matching: _port, ...rest } = head;
    return emittedRoutes({ ...rest, vhds: { config_source: vhdsSource } });
  }
  const routes = read.of(proxyRoutes, namedKey(proxyKey, name));
  if (routes === undefined) return undefined;
  const { virtual_hosts: hosts = [] } = routes.object;
  const virtual_hosts = hosts.map((host) => withRoutes(host, (route) => ownRoute(read, proxyKey, route)));
  return emittedRoutes({ ...routes.object, virtual_hosts }, routes.provenance);
});

/** Nothing comes before it is asked for: the listener must not wait for more. */
const vhdsSource = { ...adsSource, initial_fetch_timeout: '0.001s' };

/**
 * What answers for a Host header, by `ROUTES/HOST`. There is always an answer: Envoy's requests wait for one. The virtual
 * host has the resource's name, by which alone Envoy finds it again to take it back.
 */
export const envoyVirtualHost = step(
  'virtual host of an envoy on demand',
  (read, key): EmittedVirtualHost | undefined => {
    const [proxyKey, name] = splitDemandKey(key);
    const { routes = '', host = '' } = parseVirtualHostResource(name) ?? {};
    if (!hasManyHosts(routes)) return undefined;
    const found = virtualHostFor(read, proxyKey, name);
    const domains = [domainOf(host)];
    if (found === undefined) return emittedVirtualHost(name, { name, domains }, []);
    const idleTimeout = read.of(routeIdleTimeouts, proxyKey).get(routes);
    const object = withRoutes(found.object, (route) => ownRoute(read, proxyKey, route, idleTimeout));
    return emittedVirtualHost(name, { ...object, name, domains }, found.origins);
  },
);

function withRoutes(host: VirtualHost, change: (route: Route) => Route): VirtualHost {
  return host.routes === undefined ? host : { ...host, routes: host.routes.map(change) };
}

/** No Host header may make a wildcard: such a one gets a domain that no Host header can be, and so no routes. */
function domainOf(host: string): string {
  return host === '' || host.startsWith('*') || host.endsWith('*') ? ` ${host.replaceAll('*', ' ')}` : host;
}

function ownRoute(read: Read, proxyKey: string, route: Route, idleTimeout?: string): Route {
  const { route: action, typed_per_filter_config: before } = route;
  if (action === undefined) return route;
  const { cluster, weighted_clusters: weighted } = action;
  const isMissing = (name: string | undefined): boolean =>
    name !== undefined && !hasCluster(read, proxyKey, name);
  const bounded: RouteAction =
    idleTimeout === undefined || action.idle_timeout !== undefined
      ? action
      : { ...action, idle_timeout: idleTimeout };
  if (weighted?.clusters?.some(({ name }) => isMissing(name)))
    return { ...route, route: { ...bounded, weighted_clusters: withoutWaits(weighted, isMissing) } };
  const perFilter = isMissing(cluster) ? { typed_per_filter_config: noWait(before) } : {};
  return { ...route, route: bounded, ...perFilter };
}

function withoutWaits(
  weighted: WeightedCluster,
  isMissing: (name: string | undefined) => boolean,
): WeightedCluster {
  const clusters = (weighted.clusters ?? []).map((one) =>
    isMissing(one.name) ? { ...one, typed_per_filter_config: noWait(one.typed_per_filter_config) } : one,
  );
  return { ...weighted, clusters };
}

/** Nobody waits for a cluster that is known not to be: the answer is 503 at once, as with everything held. */
function noWait(before: Readonly<Record<string, AnyMessage>> = {}): Readonly<Record<string, AnyMessage>> {
  return {
    ...before,
    [ON_DEMAND_FILTER]: any('envoy.extensions.filters.http.on_demand.v3.PerRouteConfig', {}),
  };
}

function hasCluster(read: Read, proxyKey: string, name: string): boolean {
  if (read.of(clusterOnDemand, demandKey(proxyKey, name)) !== undefined) return true;
  return read.of(standingProxyClusters, proxyKey).some((one) => one.name === name);
}
