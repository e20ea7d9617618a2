import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Writes a file so that a reader sees all of the old or all of the new. `prepare` sees the new file before it is in place. */
export function writeWhole(
  file: string,
  content: string,
  mode = 0o644,
  prepare?: (draft: string) => void,
): void {
  const draft = `${file}.draft`; // a name that readers of *.json pass over
  writeFileSync(draft, content, { mode });
  prepare?.(draft);
  renameSync(draft, file);
}

/**
 * The Kubernetes objects that the platform makes, as files: what an API server would hold. The control plane
 * watches the folder; one file for each object, gone when the object is.
 */
export class ObjectFolder {
  readonly #folder: string;
  readonly #written = new Map<string, string>();

  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true });
    for (const name of readdirSync(folder)) rmSync(join(folder, name));
  }

  /** Writes an object, if it differs from what is there. */
  put(kind: string, namespace: string, name: string, object: unknown): void {
    const file = fileOf(kind, namespace, name);
    const text = `${JSON.stringify(object, undefined, 1)}\n`;
    if (this.#written.get(file) === text) return;
    this.#written.set(file, text);
    writeWhole(join(this.#folder, file), text);
  }

  /** Removes an object, if it is there. */
  remove(kind: string, namespace: string, name: string): void {
    const file = fileOf(kind, namespace, name);
    if (this.#written.delete(file)) rmSync(join(this.#folder, file), { force: true });
  }
}

// Namespaces have no dots, so no two objects share a name.
function fileOf(kind: string, namespace: string, name: string): string {
  return `${kind.toLowerCase()}.${namespace}.${name}.json`;
}
