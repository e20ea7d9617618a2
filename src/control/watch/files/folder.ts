import type { Dirent } from 'node:fs';
import { lstat, readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** A folder that holds a file of this name is passed over, with everything in it. */
export const IGNORE_FILE = '.weftignore';

/** A file that may hold objects, or a folder that may hold such files. Symbolic links are followed. */
export interface FolderEntry {
  readonly name: string;
  readonly isFolder: boolean;
  /** Device and inode: which file or folder this is. */
  readonly identity: string;
  /** Of a file: changes whenever its content may have. */
  readonly fingerprint: string;
  /** When it was last written, in ms since 1970. */
  readonly writtenAtMs: number;
  readonly sizeBytes: number;
  /** Of a symbolic link: the folder in which that lies to which it leads. */
  readonly linkedFolder?: string;
}

const EXTENSIONS = /\.(?:ya?ml|json|jsonl)$/i;
/** Files of other tools that share an extension with resources, and what editors leave for a moment. */
const OTHERS = /^(?:\..*|#.*#|.*~|node_modules|(?:package|package-lock|tsconfig|jsconfig|biome)\.json)$/;

/** What something in a folder can be, by its name. `anything`: a folder, or it changes how others are read. */
export function nameMeans(name: string, onlyNames?: ReadonlySet<string>): 'nothing' | 'file' | 'anything' {
  if (onlyNames?.has(name) === true) return 'file';
  // `..data` is the link that Kubernetes turns when it changes a mounted ConfigMap.
  if (name === IGNORE_FILE || name.startsWith('..')) return 'anything';
  if (OTHERS.test(name)) return 'nothing';
  return EXTENSIONS.test(name) ? 'file' : 'anything';
}

/** Which entries of a folder count. */
export interface FolderChoice {
  /** The folder was named by the user, so it is never passed over. */
  readonly named: boolean;
  /** Files that were named by the user, whatever they are called; nothing else counts then. */
  readonly onlyNames?: ReadonlySet<string>;
}

/** What a folder holds, in order of names; undefined where it does not exist. */
export async function listFolder(
  folder: string,
  choice: FolderChoice,
): Promise<readonly FolderEntry[] | undefined> {
  let entries: Dirent[];
  try {
    entries = await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  if (!choice.named && entries.some(({ name }) => name === IGNORE_FILE)) return [];
  const counts = (name: string) => choice.onlyNames?.has(name) ?? !OTHERS.test(name);
  const wanted = entries.filter(({ name }) => counts(name)).sort((a, b) => (a.name < b.name ? -1 : 1));
  const read = await Promise.all(
    wanted.map((entry) => readEntry(join(folder, entry.name), entry.isSymbolicLink())),
  );
  return read.filter(
    (entry) =>
      entry !== undefined &&
      (choice.onlyNames !== undefined || entry.isFolder || EXTENSIONS.test(entry.name)),
  ) as FolderEntry[];
}

/** What a path leads to; undefined where there is nothing. */
export async function readEntry(path: string, isLink = false): Promise<FolderEntry | undefined> {
  try {
    const found = await stat(path, { bigint: true });
    const identity = `${found.dev}:${found.ino}`;
    return {
      name: basename(path),
      isFolder: found.isDirectory(),
      identity,
      fingerprint: `${identity}:${found.size}:${found.mtimeNs}:${found.ctimeNs}`,
      writtenAtMs: Number(found.mtimeNs / 1_000_000n),
      sizeBytes: Number(found.size),
      ...(isLink ? { linkedFolder: dirname(await realpath(path)) } : {}),
    };
  } catch (error) {
    // Gone between listing and looking, or a link to nothing.
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** A path that should be a plain file: `other` where it is a folder or a link, undefined where there is nothing. */
export async function readFileEntry(path: string): Promise<FolderEntry | 'other' | undefined> {
  try {
    const found = await lstat(path);
    return found.isFile() ? await readEntry(path) : 'other';
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Folders are followed this deep; what is deeper is a loop of symbolic links. */
export const MAX_DEPTH = 32;

/** All files that may hold objects in a folder and its folders, in order. */
export async function findFiles(folder: string, depth = 0): Promise<string[]> {
  const entries = depth > MAX_DEPTH ? [] : ((await listFolder(folder, { named: depth === 0 })) ?? []);
  const files: string[] = [];
  for (const { name, isFolder } of entries)
    if (isFolder) files.push(...(await findFiles(join(folder, name), depth + 1)));
    else files.push(join(folder, name));
  return files;
}

/** True where the system said that there is no such file or folder. */
export function isMissing(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP';
}
