import { compile } from '../control/compile.ts';
import { type ExplainMesh, explainMesh } from '../control/explain/mesh.ts';
import type { InputFile } from '../control/watch/files/read-inputs.ts';
import type { ObjectStatus } from '../control/watch/status.ts';
import { makeResourceStore } from '../control/watch/store.ts';
import { startedPods } from './pods-of-files.ts';

/** A mesh of files, without a platform: what commands explain and test. */
export interface OfflineMesh {
  readonly mesh: ExplainMesh;
  /** What became of each document. */
  readonly statuses: readonly ObjectStatus[];
}

/** Pods run, Deployments stand for theirs, and what has no address is given one. */
export function offlineMesh(inputs: readonly InputFile[], listens?: ExplainMesh['listens']): OfflineMesh {
  const started = new Map(
    startedPods(inputs.flatMap(({ documents }) => documents)).map((document) => [
      document.provenance,
      document,
    ]),
  );
  const store = makeResourceStore();
  store.apply(
    inputs.map(({ file, documents, problems }) => ({
      type: 'put',
      origin: file,
      documents: documents.map((document) => started.get(document.provenance) ?? document),
      problems,
    })),
  );
  const resources = store.resources();
  const settings = { offline: true };
  const mesh = explainMesh(resources, settings, compile(resources, settings), listens);
  return { mesh, statuses: store.statuses() };
}
