import { compile, readOf } from '../control/compile.ts';
import { type ExplainMesh, explainMesh } from '../control/explain/mesh.ts';
import { readCertificate } from '../control/read-certificate.ts';
import type { InputFile } from '../control/watch/files/read-inputs.ts';
import type { ObjectStatus } from '../control/watch/status.ts';
import { makeResourceStore, type ResourceStore } from '../control/watch/store.ts';
import { startedPods } from './pods-of-files.ts';

/** Something in a file that cannot be used; the rest of the file can. */
export interface FileProblem {
  readonly file: string;
  /** Of the field. */
  readonly line: number;
  /** '' for the object or text as a whole. */
  readonly field: string;
  readonly message: string;
}

/** A mesh of files, without a platform: what commands explain and test. */
export interface OfflineMesh {
  readonly mesh: ExplainMesh;
  readonly problems: readonly FileProblem[];
}

/** What tokens of calls are judged by. */
export interface TestTokens {
  /** The key set that `jwks: test` stands for, JSON. */
  readonly testKeys?: string;
  /** Unix time. */
  readonly nowSeconds?: number;
}

/** Pods run, Deployments stand for theirs, and what has no address is given one. */
export function offlineMesh(
  inputs: readonly InputFile[],
  listens?: ExplainMesh['listens'],
  tokens: TestTokens = {},
): OfflineMesh {
  const store = offlineStore(inputs);
  const resources = store.resources();
  const { nowSeconds, ...keys } = tokens;
  const settings = { offline: true, ...keys };
  const compiled = compile(resources, settings);
  const explained = explainMesh(resources, settings, compiled, listens);
  const mesh = {
    ...explained,
    read: readOf(compiled),
    readCertificate,
    ...(nowSeconds === undefined ? {} : { nowSeconds }),
  };
  return { mesh, problems: store.statuses().flatMap((status) => problemsOf(status, inputs)) };
}

/** The objects of files, with Pods as a platform would have started them. */
export function offlineStore(inputs: readonly InputFile[]): ResourceStore {
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
  return store;
}

function problemsOf(
  { file, line, state, errors }: ObjectStatus,
  inputs: readonly InputFile[],
): FileProblem[] {
  if (state === 'ok') return [];
  const place = inputs
    .flatMap(({ documents }) => documents)
    .find(({ provenance }) => provenance.file === file && provenance.line === line)?.provenance;
  return errors.map(({ field, message }) => ({ file, line: place?.lineOf(field) ?? line, field, message }));
}
