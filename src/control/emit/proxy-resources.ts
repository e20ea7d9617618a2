import { parseClusterName } from '../../xds/names.ts';
import { proxy } from '../resolve/proxies.ts';
import { inView, viewKeyOf } from '../resolve/views.ts';
import { keyOf, type Read, step } from '../resolve/world.ts';
import type { EmittedCluster, EmittedEndpoints, EmittedListener, EmittedRoutes } from './emitted.ts';
import { loadAssignment } from './endpoint/assignment.ts';
import { gatewayListeners } from './gateway/gateway-listeners.ts';
import { gatewayRoutes } from './gateway/gateway-routes.ts';
import { sidecarRoutes } from './route/sidecar-routes.ts';
import { routeNamesOf } from './route-names.ts';
import { routerClusters } from './router.ts';
import { sidecarClusters, sidecarListeners } from './sidecar.ts';

// What one proxy gets, by its key (resolve/proxies.ts), whatever its type.

/** All listeners, in order of name. */
export const proxyListeners = step('listeners', (read, key): readonly EmittedListener[] =>
  isRouter(read, key) ? read.of(gatewayListeners, read.of(viewKeyOf, key)) : read.of(sidecarListeners, key),
);

/** All clusters, in order of name. */
export const proxyClusters = step('clusters', (read, key): readonly EmittedCluster[] =>
  isRouter(read, key) ? read.of(routerClusters, read.of(viewKeyOf, key)) : read.of(sidecarClusters, key),
);

/** One route configuration by the proxy's key and its name. */
export const proxyRoutes = step('routes', (read, key): EmittedRoutes | undefined => {
  const [proxyKey, name] = splitKey(key);
  const viewKey = read.of(viewKeyOf, proxyKey);
  return read.of(isRouter(read, proxyKey) ? gatewayRoutes : sidecarRoutes, inView(viewKey, name));
});

/** One load assignment by the proxy's key and the cluster's name. */
export const proxyEndpoints = step('endpoints of a cluster', (read, key): EmittedEndpoints | undefined => {
  const [proxyKey, name] = splitKey(key);
  if (parseClusterName(name)?.direction !== 'outbound') return undefined;
  return read.of(loadAssignment, inView(read.of(viewKeyOf, proxyKey), name));
});

/** Names of all route configurations that the proxy's listeners ask for, sorted. */
export const proxyRouteNames = step('route names', (read, key): readonly string[] =>
  [...new Set(read.of(proxyListeners, key).flatMap(({ object }) => routeNamesOf(object)))].sort(),
);

/** Names of all clusters of the proxy whose endpoints come by themselves, sorted. */
export const proxyEndpointNames = step('endpoint names', (read, key): readonly string[] =>
  read
    .of(proxyClusters, key)
    .filter(({ object }) => object.type === 'EDS')
    .map(({ object }) => object.eds_cluster_config?.service_name ?? object.name ?? ''),
);

/** Key of {@link proxyRoutes} and {@link proxyEndpoints}. */
export function namedKey(proxyKey: string, name: string): string {
  return keyOf(name, proxyKey);
}

function splitKey(key: string): readonly [proxyKey: string, name: string] {
  const at = key.indexOf('\u0000');
  return [key.slice(at + 1), key.slice(0, at)];
}

function isRouter(read: Read, proxyKey: string): boolean {
  return read.of(proxy, proxyKey).type === 'router';
}
