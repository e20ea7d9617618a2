import { parseClusterName } from '../../../xds/names.ts';
import {
  any,
  type FilterChain,
  type HttpConnectionManager,
  type Listener,
  type TcpProxy,
} from '../../../xds/resources.ts';
import { step } from '../../resolve/world.ts';
import { type EmittedListener, mergedByName } from '../emitted.ts';
import { type Parts, proxyListenerParts } from '../proxy-resources.ts';
import { hasManyHosts } from '../route-names.ts';
import { adsSource } from '../sources.ts';

// Delivery on demand for Envoy: it asks for virtual hosts (VHDS) and clusters, and for no listeners, so that these come
// whole. What this file changes about them: connection managers and TCP proxies wait for what they lack. envoy-routes.ts
// and envoy-clusters.ts are the rest of it.

type Filter = NonNullable<FilterChain['filters']>[number];

const HTTP_CONNECTION_MANAGER =
  'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
export const TCP_PROXY = 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy';

/** Name of the filter that waits for virtual hosts and clusters. */
export const ON_DEMAND_FILTER = 'envoy.filters.http.on_demand';

/** How long a request or connection waits for a cluster, and a request for its virtual host. */
const WAIT = '5s';

/** All listeners of an Envoy on demand in parts, by the proxy's key. */
export const envoyListenerParts = step(
  'listener parts of an envoy on demand',
  (read, key): Parts<EmittedListener> => {
    const { shared, own } = read.of(proxyListenerParts, key);
    return { shared: allWaiting(shared), own: allWaiting(own) };
  },
);

/** All of them, in order of name. */
export const envoyListeners = step(
  'listeners of an envoy on demand',
  (read, key): readonly EmittedListener[] => {
    const { shared, own } = read.of(envoyListenerParts, key);
    return mergedByName(shared, own);
  },
);

/**
 * Stream idle timeouts that requests have once their route is known, by the name of the route configuration; by the
 * proxy's key. Where virtual hosts come on demand the connection manager's own bounds the wait for them.
 */
export const routeIdleTimeouts = step(
  'idle timeouts of routes on demand',
  (read, key): ReadonlyMap<string, string> => {
    const { shared, own } = read.of(proxyListenerParts, key);
    return new Map([...timeoutsIn(shared), ...timeoutsIn(own)]);
  },
);

/** What was found in a list that many proxies share. */
const timeoutsFound = new WeakMap<readonly EmittedListener[], ReadonlyMap<string, string>>();

function timeoutsIn(list: readonly EmittedListener[]): ReadonlyMap<string, string> {
  const known = timeoutsFound.get(list);
  if (known !== undefined) return known;
  const timeouts = new Map<string, string>();
  for (const filter of list.flatMap(({ object }) => filtersOf(object))) {
    const { rds, stream_idle_timeout = ENVOY_IDLE_TIMEOUT } = managerOf(filter) ?? {};
    if (rds?.route_config_name !== undefined) timeouts.set(rds.route_config_name, stream_idle_timeout);
  }
  timeoutsFound.set(list, timeouts);
  return timeouts;
}

/** What Envoy takes where nothing is said. */
const ENVOY_IDLE_TIMEOUT = '300s';

/** The connection manager that a filter is; undefined where it is another filter. */
function managerOf({ typed_config }: Filter): HttpConnectionManager | undefined {
  return typed_config?.['@type'] === HTTP_CONNECTION_MANAGER
    ? (typed_config as HttpConnectionManager)
    : undefined;
}

function filtersOf(listener: Listener): readonly Filter[] {
  const last = listener.default_filter_chain;
  return [...(listener.filter_chains ?? []), ...(last ? [last] : [])].flatMap(({ filters }) => filters ?? []);
}

/** Whether calls out of the workload go through it. */
export function isOutbound({ traffic_direction }: Listener): boolean {
  return traffic_direction === 'OUTBOUND';
}

/** One listener is one object for all proxies that share it, and stays one from change to change; so is a list. */
const made = new WeakMap<EmittedListener, EmittedListener>();
const madeLists = new WeakMap<readonly EmittedListener[], readonly EmittedListener[]>();

function allWaiting(list: readonly EmittedListener[]): readonly EmittedListener[] {
  const known = madeLists.get(list) ?? list.map(waiting);
  madeLists.set(list, known);
  return known;
}

function waiting(listener: EmittedListener): EmittedListener {
  const known = made.get(listener);
  if (known !== undefined) return known;
  const { filter_chains, default_filter_chain, ...rest } = listener.object;
  const outbound = isOutbound(listener.object);
  const object: Listener = {
    ...rest,
    ...(filter_chains && { filter_chains: filter_chains.map((chain) => waitingChain(chain, outbound)) }),
    ...(default_filter_chain && { default_filter_chain: waitingChain(default_filter_chain, outbound) }),
  };
  const one = { ...listener, object };
  made.set(listener, one);
  return one;
}

function waitingChain(chain: FilterChain, outbound: boolean): FilterChain {
  return { ...chain, filters: (chain.filters ?? []).map((filter) => waitingFilter(filter, outbound)) };
}

function waitingFilter(filter: Filter, outbound: boolean): Filter {
  const { typed_config } = filter;
  const manager = managerOf(filter);
  if (typed_config === undefined) return filter;
  if (manager !== undefined && (outbound || manager.rds !== undefined))
    return { ...filter, typed_config: { ...typed_config, ...waitingManager(manager) } };
  if (!outbound || typed_config['@type'] !== TCP_PROXY || !namesServices(typed_config as TcpProxy))
    return filter;
  const on_demand = { odcds_config: adsSource, timeout: WAIT };
  return { ...filter, typed_config: { on_demand, ...typed_config } };
}

/** The filter is first: what comes after it finds the route. */
function waitingManager({ http_filters, rds }: HttpConnectionManager): HttpConnectionManager {
  return {
    http_filters: [onDemand, ...(http_filters ?? [])],
    ...(rds !== undefined && hasManyHosts(rds.route_config_name ?? '') ? { stream_idle_timeout: WAIT } : {}),
  };
}

const onDemand = {
  name: ON_DEMAND_FILTER,
  typed_config: any('envoy.extensions.filters.http.on_demand.v3.OnDemand', {
    odcds: { source: adsSource, timeout: WAIT },
  }),
};

function namesServices({ cluster, weighted_clusters }: TcpProxy): boolean {
  const names = [cluster, ...(weighted_clusters?.clusters ?? []).map(({ name }) => name)];
  return names.some((name) => name !== undefined && parseClusterName(name)?.direction === 'outbound');
}
