import { compile } from '../control/compile.ts';
import { type ExplainMesh, explainMesh } from '../control/explain/mesh.ts';
import type { Change } from '../control/watch/source.ts';
import type { ObjectStatus } from '../control/watch/status.ts';
import { makeResourceStore } from '../control/watch/store.ts';

/** A mesh of files, without a platform: what commands explain and test. */
export interface OfflineMesh {
  readonly mesh: ExplainMesh;
  /** What became of each document. */
  readonly statuses: readonly ObjectStatus[];
}

/** Deployments stand for their Pods, and what has no address is given one. Of two documents for one object the first counts. */
export function offlineMesh(batch: readonly Change[], listens?: ExplainMesh['listens']): OfflineMesh {
  const store = makeResourceStore();
  store.apply(batch);
  const resources = store.resources();
  const settings = { offline: true };
  const mesh = explainMesh(resources, settings, compile(resources, settings), listens);
  return { mesh, statuses: store.statuses() };
}
