import type { Workload } from '../../mesh/workload.ts';
import type { Json } from '../../xds/resources.ts';
import type { EmittedCluster, EmittedEndpoints, EmittedListener, EmittedRoutes } from '../emit/emitted.ts';
import type { ProxyResources } from './mesh.ts';

/** A proxy of the mesh with what it gets. */
export interface ExplainedProxy {
  /** `NAMESPACE/NAME` of its workload. */
  readonly name: string;
  readonly namespace: string;
  readonly type: 'sidecar' | 'router';
  readonly address: string;
  /** The SPIFFE id it shows. */
  readonly identity: string;
  /** What stands beside it, where known. */
  readonly workload: Workload | undefined;
  readonly listeners: readonly EmittedListener[];
  listener(name: string): EmittedListener | undefined;
  cluster(name: string): EmittedCluster | undefined;
  routes(name: string): EmittedRoutes | undefined;
  assignment(name: string): EmittedEndpoints | undefined;
}

export type Metadata = Readonly<Record<string, Readonly<Record<string, Json>>>>;

/** Looks resources up by name; worked out when asked for. */
export function explainedProxy(
  who: Pick<ExplainedProxy, 'name' | 'namespace' | 'type' | 'address' | 'identity' | 'workload'>,
  resources: ProxyResources,
): ExplainedProxy {
  const listeners = resources.listeners();
  let clusters: ReadonlyMap<string, EmittedCluster> | undefined;
  return {
    ...who,
    listeners,
    listener: (name) => listeners.find((listener) => listener.name === name),
    cluster(name) {
      clusters ??= new Map(resources.clusters().map((cluster) => [cluster.name, cluster]));
      return clusters.get(name);
    },
    routes: (name) => resources.routes([name])[0],
    assignment: (name) => resources.endpoints([name])[0],
  };
}
