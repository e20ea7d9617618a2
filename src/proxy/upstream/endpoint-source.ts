import type { Endpoint } from './endpoint.ts';
import type { PickContext } from './pick-context.ts';
import type { PriorityHealth } from './priority-load.ts';
import type { ResolveName } from './resolve-name.ts';

/** Where a cluster's endpoints come from if nobody names them: the requests themselves, or other clusters. */
export interface EndpointSource {
  /** Those that are the cluster's own. */
  all(): readonly Endpoint[];
  pick(context: PickContext): Endpoint | undefined;
  stop(): void;
}

/** What an aggregate needs of the clusters that it is made of. */
export interface MemberCluster {
  /** Counts changes of endpoints and their health. */
  readonly changes: number;
  priorities(): readonly PriorityHealth[];
  /** An endpoint of one priority. */
  pickAt(priority: number, degraded: boolean, context: PickContext): Endpoint | undefined;
}

/** What is around a cluster that may need others, or names resolved. */
export interface ClusterSurroundings {
  cluster(name: string): MemberCluster | undefined;
  readonly resolveName: ResolveName;
}
