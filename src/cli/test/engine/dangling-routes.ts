import { isPlainObject } from '../../../api/plain.ts';
import type { Places } from '../../../control/explain/places.ts';
import type { ExplainedProxy } from '../../../control/explain/proxy.ts';

/**
 * Whether routes of a proxy lead to clusters that it does not get. A proxy of weft's keeps the routes that it has for a
 * while then: the clusters could be on their way.
 */
export function hasDanglingRoutes(places: Places): boolean {
  const sidecars = places.workloads
    .filter(({ dataPlane, kind }) => dataPlane !== 'none' && kind !== 'entry')
    .map((workload) => places.sidecarOf(workload));
  const routers = places.gateways.map((gateway) => places.routerOf(gateway));
  return [...sidecars, ...routers].some(leadsNowhere);
}

function leadsNowhere(proxy: ExplainedProxy): boolean {
  const tables = new Set(valuesOf(proxy.listeners, 'route_config_name'));
  return [...tables].some((name) => {
    const routes = proxy.routes(name)?.object;
    const named = [...valuesOf(routes, 'cluster'), ...weightedIn(routes)];
    return named.some((cluster) => proxy.cluster(cluster) === undefined);
  });
}

/** All texts in fields of this name, wherever they are. */
function valuesOf(value: unknown, field: string): string[] {
  if (Array.isArray(value)) return value.flatMap((one) => valuesOf(one, field));
  if (!isPlainObject(value)) return [];
  const own = value[field];
  return [
    ...(typeof own === 'string' ? [own] : []),
    ...Object.values(value).flatMap((one) => valuesOf(one, field)),
  ];
}

function weightedIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(weightedIn);
  if (!isPlainObject(value)) return [];
  const weighted = value['weighted_clusters'];
  const clusters = isPlainObject(weighted) && Array.isArray(weighted['clusters']) ? weighted['clusters'] : [];
  const names = clusters.flatMap((one: unknown) =>
    isPlainObject(one) && typeof one['name'] === 'string' ? [one['name']] : [],
  );
  return [...names, ...Object.values(value).flatMap(weightedIn)];
}
