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

/** A folder that holds a file of this name is passed over, with everything in it; the named one never is. */
const IGNORE_FILE = '.weftignore';
const EXTENSIONS = /\.(?:ya?ml|json)$/i;
/** Files of other tools that share an extension with resources, and what editors leave for a moment. */
const OTHERS = /^(?:\..*|#.*#|.*~|node_modules|(?:package|package-lock|tsconfig|jsconfig|biome)\.json)$/;
/** What is deeper is a loop of symbolic links. */
const MAX_DEPTH = 32;

/** Files below a path that may hold objects, in order of their names; the control plane looks at the same ones. */
function listFiles(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  const found: string[] = [];
  const visit = (folder: string, depth: number): void => {
    const names = readdirSync(folder).sort();
    if (depth > 0 && names.includes(IGNORE_FILE)) return;
    for (const name of names) {
      if (OTHERS.test(name) || found.length >= MAX_FILES) continue;
      const file = join(folder, name);
      const kind = statSync(file, { throwIfNoEntry: false });
      if (kind?.isDirectory() === true && depth < MAX_DEPTH) visit(file, depth + 1);
      else if (kind?.isFile() === true && EXTENSIONS.test(name)) found.push(file);
    }
  };
  visit(path, 0);
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
