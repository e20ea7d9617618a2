import { type EnvoyPatch, patchesFor, patchesKey } from '../resolve/envoy-filters.ts';
import { proxy } from '../resolve/proxies.ts';
import { inView, viewKeyOf } from '../resolve/views.ts';
import { keyOf, type Read, step } from '../resolve/world.ts';
import type { EmittedCluster, EmittedListener, EmittedRoutes } from './emitted.ts';
import { type Assignments, assignments } from './endpoint/assignments.ts';
import { gatewayListeners } from './gateway/gateway-listeners.ts';
import { gatewayRoutes } from './gateway/gateway-routes.ts';
import { applied } from './patch/apply.ts';
import { patchedClusters } from './patch/clusters.ts';
import { patchedListeners } from './patch/listeners.ts';
import { changeRoutes, isAboutRoutes } from './patch/routes.ts';
import { sidecarRoutes } from './route/sidecar-routes.ts';
import { routeNamesOf } from './route-names.ts';
import { routerClusters } from './router.ts';
import { sidecarClusters, sidecarListeners } from './sidecar.ts';

// What one proxy gets, by its key (resolve/proxies.ts), whatever its type.

/** All listeners, in order of name. */
export const proxyListeners = step('listeners', (read, key): readonly EmittedListener[] =>
  patchedListeners(
    isRouter(read, key) ? read.of(gatewayListeners, read.of(viewKeyOf, key)) : read.of(sidecarListeners, key),
    patchesOf(read, key),
    isRouter(read, key),
  ),
);

/** All clusters, in order of name. */
export const proxyClusters = step('clusters', (read, key): readonly EmittedCluster[] =>
  patchedClusters(
    isRouter(read, key) ? read.of(routerClusters, read.of(viewKeyOf, key)) : read.of(sidecarClusters, key),
    patchesOf(read, key),
  ),
);

/** One route configuration by the proxy's key and its name. */
export const proxyRoutes = step('routes', (read, key): EmittedRoutes | undefined => {
  const [proxyKey, name] = splitKey(key);
  const viewKey = read.of(viewKeyOf, proxyKey);
  const router = isRouter(read, proxyKey);
  const routes = router
    ? read.of(gatewayRoutes, inView(viewKey, name))
    : read.of(sidecarRoutes, inView(viewKey, name, read.of(proxy, proxyKey).namespace));
  const patches = patchesOf(read, proxyKey).filter(isAboutRoutes);
  if (routes === undefined || patches.length === 0) return routes;
  return applied(routes, patches, (object, patch) =>
    changeRoutes(object, patch, router ? 'gateway' : 'outbound'),
  );
});

/** What users change about this proxy's configuration. */
export function patchesOf(read: Read, key: string): readonly EnvoyPatch[] {
  const { type, namespace, labels } = read.of(proxy, key);
  return read.of(patchesFor, patchesKey(type, namespace, labels));
}

/** All load assignments of a proxy, by its key: shared by all proxies of its view. */
export const proxyAssignments = step(
  'load assignments of a proxy',
  (read, key): Assignments => read.of(assignments, read.of(viewKeyOf, key)),
  Object.is,
);

/** Names of all route configurations that the proxy's listeners ask for, sorted. */
export const proxyRouteNames = step('route names', (read, key): readonly string[] =>
  [...new Set(read.of(proxyListeners, key).flatMap(({ object }) => routeNamesOf(object)))].sort(),
);

/** Key of {@link proxyRoutes}. */
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
