import { compile } from '../../control/compile.ts';
import { type Call, parseCaller, parseTarget } from '../../control/explain/call.ts';
import { explain } from '../../control/explain/explain.ts';
import type { Explanation } from '../../control/explain/explanation.ts';
import { type ExplainMesh, explainMesh } from '../../control/explain/mesh.ts';
import { readInputs } from '../../control/watch/files/read-inputs.ts';
import { makeResourceStore } from '../../control/watch/store.ts';
import { storeOf } from '../compiled-mesh.ts';

// Explanations in a line: a mesh out of YAML or files, and a call as `WHO METHOD URL`.

/** The mesh of YAML texts without a platform. */
export function meshToExplain(...texts: readonly string[]): ExplainMesh {
  const resources = storeOf(...texts).resources();
  return explainMesh(resources, { offline: true }, compile(resources, { offline: true }));
}

/** The mesh of files and folders; of two versions of an object the first counts. */
export async function meshOfFiles(...paths: readonly string[]): Promise<ExplainMesh> {
  const inputs = await readInputs(paths, { cwd: process.cwd(), stdin: async () => '' });
  const store = makeResourceStore();
  store.apply(inputs.map(({ file, ...parsed }) => ({ type: 'put', origin: file, ...parsed }) as const));
  const resources = store.resources();
  return explainMesh(resources, { offline: true }, compile(resources, { offline: true }));
}

/** `default/web GET http://reviews/` as a call; headers are lower case. */
export function callOf(text: string, headers: Readonly<Record<string, string>> = {}): Call {
  const [who = '', method = '', url = ''] = text.split(' ');
  const from = parseCaller(who);
  const target = parseTarget(url);
  if (from === undefined || target === undefined) throw new Error(`no call: ${text}`);
  return { from, target, method, headers: Object.entries(headers), sni: '', plaintext: false };
}

/** Explains a call in words of {@link callOf}. */
export function explained(
  mesh: ExplainMesh,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): Explanation {
  return explain(mesh, callOf(text, headers));
}
