/**
 * Clusters that a message names outside its routes, wherever they stand in it: gRPC and HTTP services that filters,
 * access logs and tracers call. What routes and TCP proxies lead to is known once they are lowered.
 */
export function namedClusters(message: unknown): readonly string[] {
  const found = new Set<string>();
  const walk = (value: unknown): void => {
    if (Array.isArray(value)) for (const item of value) walk(item);
    if (typeof value !== 'object' || value === null) return;
    for (const [key, field] of Object.entries(value)) {
      if ((key === 'cluster_name' || key === 'cluster') && typeof field === 'string') found.add(field);
      else walk(field);
    }
  };
  walk(message);
  return [...found];
}
