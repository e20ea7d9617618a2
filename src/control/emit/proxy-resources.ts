import type { EnvoyPatch } from '../resolve/envoy-filter/patch.ts';
import { patchesKey, patchesOfSet, patchSet } from '../resolve/envoy-filters.ts';
import { proxy } from '../resolve/proxies.ts';
import { inView, view, viewAndParts, viewKeyOf } from '../resolve/views.ts';
import { keyOf, type Read, step } from '../resolve/world.ts';
import { inboundClusters } from './cluster/inbound-clusters.ts';
import {
  type EmittedCluster,
  type EmittedListener,
  type EmittedRoutes,
  mergedByName,
  sortedByName,
} from './emitted.ts';
import { type Assignments, assignments } from './endpoint/assignments.ts';
import { gatewayListeners } from './gateway/gateway-listeners.ts';
import { gatewayRoutes } from './gateway/gateway-routes.ts';
import { applied } from './patch/apply.ts';
import { addedClusters, changedClusters } from './patch/clusters.ts';
import { addedListeners, changedListeners } from './patch/listeners.ts';
import { inPhases } from './patch/phases.ts';
import { changeRoutes, isAboutRoutes } from './patch/routes.ts';
import { sidecarRoutes } from './route/sidecar-routes.ts';
import { routeNamesOf } from './route-names.ts';
import { routerClusters } from './router.ts';
import { isAlone, ownListeners, viewClusters, viewListeners } from './sidecar.ts';

// What one proxy gets, by its key (resolve/proxies.ts), whatever its type.

/** What a proxy gets of a type: what it shares with all proxies of its view that are changed alike, and its own. */
export interface Parts<T> {
  /** In order of name, as are its own; no name is in both. */
  readonly shared: readonly T[];
  readonly own: readonly T[];
}

/** All listeners in parts. */
export const proxyListenerParts = step('listener parts', (read, key): Parts<EmittedListener> => {
  const set = patchSetOf(read, key);
  const patches = read.of(patchesOfSet, set);
  const router = isRouter(read, key);
  const shared = router || !isAlone(read, key) ? read.of(sharedListeners, sharedKey(read, key, set)) : [];
  const own = router ? [] : changedListeners(read.of(ownListeners, key), patches, false);
  return { shared, own: sortedByName([...own, ...addedListeners(patches, [shared, own])]) };
});

/** By view and patch set. */
const sharedListeners = step('shared listeners', (read, key): readonly EmittedListener[] => {
  const { viewKey, view, parts } = viewAndParts(read, key);
  const router = view.type === 'router';
  const listeners = read.of(router ? gatewayListeners : viewListeners, viewKey);
  return changedListeners(listeners, read.of(patchesOfSet, parts[0] ?? ''), router);
});

/** All listeners, in order of name. */
export const proxyListeners = step('listeners', (read, key): readonly EmittedListener[] => {
  const { shared, own } = read.of(proxyListenerParts, key);
  return mergedByName(shared, own);
});

/** All clusters in parts. */
export const proxyClusterParts = step('cluster parts', (read, key): Parts<EmittedCluster> => {
  const set = patchSetOf(read, key);
  const patches = read.of(patchesOfSet, set);
  const shared = read.of(sharedClusters, sharedKey(read, key, set));
  const own = isRouter(read, key)
    ? []
    : changedClusters(sortedByName(read.of(inboundClusters, key)), patches);
  return { shared, own: sortedByName([...own, ...addedClusters(patches, [shared, own])]) };
});

/** By view and patch set. */
const sharedClusters = step('shared clusters', (read, key): readonly EmittedCluster[] => {
  const { viewKey, view, parts } = viewAndParts(read, key);
  const clusters = read.of(view.type === 'router' ? routerClusters : viewClusters, viewKey);
  return changedClusters(clusters, read.of(patchesOfSet, parts[0] ?? ''));
});

/** All clusters, in order of name. */
export const proxyClusters = step('clusters', (read, key): readonly EmittedCluster[] => {
  const { shared, own } = read.of(proxyClusterParts, key);
  return mergedByName(shared, own);
});

/** One route configuration by the proxy's key and its name. */
export const proxyRoutes = step('routes', (read, key): EmittedRoutes | undefined => {
  const [proxyKey, name] = splitKey(key);
  const viewKey = read.of(viewKeyOf, proxyKey);
  const router = isRouter(read, proxyKey);
  const routes = router
    ? read.of(gatewayRoutes, inView(viewKey, name))
    : read.of(sidecarRoutes, inView(viewKey, name, read.of(proxy, proxyKey).namespace));
  const patches = inPhases(read.of(patchesOfSet, patchSetOf(read, proxyKey)).filter(isAboutRoutes));
  if (routes === undefined || patches.length === 0) return routes;
  const side = router
    ? ({ side: 'gateway', ports: read.of(view, viewKey).ports } as const)
    : ({ side: 'outbound' } as const);
  return applied(routes, patches, (object, patch) => changeRoutes(object, patch, side));
});

/** What users change about this proxy's configuration. */
export function patchesOf(read: Read, key: string): readonly EnvoyPatch[] {
  return read.of(patchesOfSet, patchSetOf(read, key));
}

function patchSetOf(read: Read, key: string): string {
  return read.of(patchSet, patchesKey(read, read.of(proxy, key)));
}

function sharedKey(read: Read, key: string, set: string): string {
  return inView(read.of(viewKeyOf, key), set);
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
