import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { identityOf, type PlatformObject, type Problem } from './objects.ts';
import { parseFile } from './parse-file.ts';

/**
 * The user's folder as the platform sees it: objects, and problems that name file and line.
 *
 * In: a path. Out: after each `read()`, all objects, the last good version of those that are broken now. Called by
 * platform.ts at the start and whenever something in the folder changed. What never happens here: one broken file
 * or object keeping others from being read.
 */

/** Files of one folder. */
export const MAX_FILES = 10_000;
/** Bytes of one file. */
export const MAX_FILE_BYTES = 16 * 1024 * 1024;

export interface FolderContent {
  readonly objects: readonly PlatformObject[];
  readonly problems: readonly Problem[];
}

interface FileState {
  /** Changes when the file does. */
  readonly version: string;
  readonly objects: readonly PlatformObject[];
  readonly problems: readonly Problem[];
}

/** A folder (read recursively) or a single file. */
export class Folder {
  readonly #path: string;
  #files = new Map<string, FileState>();

  constructor(path: string) {
    this.#path = path;
  }

  /** Reads what changed since the last time. @throws Error when the folder itself cannot be read. */
  read(): FolderContent {
    const next = new Map<string, FileState>();
    for (const file of listFiles(this.#path)) {
      const state = readFile(file, this.#files.get(file));
      if (state !== undefined) next.set(file, state);
    }
    this.#files = next;
    return merge([...next.values()]);
  }
}

/** YAML and JSON files below a path, in order of their names; hidden ones and node_modules are not looked into. */
function listFiles(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  const found: string[] = [];
  const visit = (folder: string): void => {
    const entries = readdirSync(folder, { withFileTypes: true });
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (entry.name.startsWith('.') || entry.name === 'node_modules' || found.length >= MAX_FILES) continue;
      if (entry.isDirectory()) visit(join(folder, entry.name));
      else if (/\.(ya?ml|json)$/.test(entry.name)) found.push(join(folder, entry.name));
    }
  };
  visit(path);
  return found;
}

function readFile(file: string, former: FileState | undefined): FileState | undefined {
  try {
    const { mtimeMs, size, ino } = statSync(file);
    const version = `${mtimeMs}/${size}/${ino}`;
    if (former?.version === version) return former;
    if (size > MAX_FILE_BYTES) return broken(file, version, `is larger than ${MAX_FILE_BYTES} bytes`, former);
    const parsed = parseFile(file, readFileSync(file, 'utf8'));
    if (!parsed.hidesObjects) return { version, ...parsed };
    return { version, objects: withLastGood(parsed.objects, former), problems: parsed.problems };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined; // removed since it was listed
    return broken(file, '', `cannot be read: ${(error as Error).message}`, former);
  }
}

function broken(file: string, version: string, what: string, former: FileState | undefined): FileState {
  return { version, objects: former?.objects ?? [], problems: [{ file, line: 1, message: what }] };
}

// Where a document is broken, nobody knows which object it was: whatever the file held before and does not hold now stays.
function withLastGood(
  objects: readonly PlatformObject[],
  former: FileState | undefined,
): readonly PlatformObject[] {
  const present = new Set(objects.map(identityOf));
  return [...objects, ...(former?.objects ?? []).filter((object) => !present.has(identityOf(object)))];
}

/** The first object of a name counts; a second is a problem. */
function merge(files: readonly FileState[]): FolderContent {
  const objects = new Map<string, PlatformObject>();
  const problems = files.flatMap((file) => file.problems);
  for (const object of files.flatMap((file) => file.objects)) {
    const identity = identityOf(object);
    const first = objects.get(identity);
    if (first === undefined) {
      objects.set(identity, object);
      continue;
    }
    const { kind, metadata, origin } = object;
    const where = `${first.origin.file}:${first.origin.line}`;
    const message = `${kind} ${metadata.namespace}/${metadata.name} is already given in ${where}, which counts`;
    problems.push({ ...origin, message });
  }
  return { objects: [...objects.values()], problems };
}
