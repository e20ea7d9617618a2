import { resolve } from 'node:path';
import { findFiles, readEntry } from '../../control/watch/files/folder.ts';
import { resourcePath } from './gather-mesh.ts';
import type { TestFile } from './read-tests.ts';

/** What files were at one moment: path to a text that changes with the file. */
export type Snapshot = ReadonlyMap<string, string>;

/** Looks at files and folders (recursive); what is not there is noted as that. */
export async function snapshotOf(paths: readonly string[], cwd: string): Promise<Snapshot> {
  const found = new Map<string, string>();
  for (const path of new Set(paths)) {
    const full = resolve(cwd, path);
    const entry = await readEntry(full);
    if (entry?.isFolder !== true) found.set(full, entry?.fingerprint ?? 'missing');
    else
      for (const file of await findFiles(full))
        found.set(file, (await readEntry(file))?.fingerprint ?? 'missing');
  }
  return found;
}

/** Paths that are not the same in both, in order. */
export function changedPaths(before: Snapshot, after: Snapshot): readonly string[] {
  const all = new Set([...before.keys(), ...after.keys()]);
  return [...all].filter((path) => before.get(path) !== after.get(path)).sort();
}

/** The files and folders that a test's mesh is made of. */
export function pathsOf({ file, test }: TestFile): readonly string[] {
  return (test.spec.resources ?? []).map((path) => resourcePath(file, path));
}
