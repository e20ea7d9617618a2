import { join } from 'node:path';
import { type FolderEntry, listFolder, MAX_DEPTH, nameMeans, readEntry, readFileEntry } from './folder.ts';
import { type StopWatching, watchFolder } from './folder-events.ts';

/** What a look at a folder brought to light. Paths are below the path under which the folder was named. */
export interface FolderFindings {
  readonly changed: readonly string[];
  readonly vanished: readonly string[];
}

/** Told of a folder in which something may have changed, and the name of what it is, where that is known. */
export type FolderListener = (folder: string, name: string | undefined) => void;

/** A folder under watch. */
interface WatchedFolder {
  readonly depth: number;
  /** Set for the folder around named files: nothing else in it counts. */
  readonly onlyNames?: ReadonlySet<string>;
  /** Which folder it was when it was looked at; '' before. */
  identity: string;
  /** Watches by place: the folder itself, a root's parent, folders that links lead into. */
  readonly watches: Map<string, StopWatching>;
  linkedFolders: readonly string[];
  /** Paths and fingerprints of its files as last seen. */
  files: Map<string, string>;
  folders: Set<string>;
}

/** All folders below the named paths: watches each, and tells which of its files changed when it is looked at. */
export class FolderTree {
  readonly #folders = new Map<string, WatchedFolder>();
  readonly #onEvent: FolderListener;
  #blind = false;

  constructor(onEvent: FolderListener) {
    this.#onEvent = onEvent;
  }

  /** True where some folder cannot be watched, so that somebody must look from time to time. */
  get blind(): boolean {
    return this.#blind;
  }

  /** Begins with a named folder. Its parent is watched too: a folder that is replaced is seen only from there. */
  addRoot(folder: string, parent: string, name: string): void {
    const root = this.#open(folder, 0);
    this.#watch(root, `parent ${parent}`, parent, (changed) => {
      if (changed === undefined || changed === name) this.#onEvent(folder, undefined);
    });
  }

  /** Begins with files of a folder that were named one by one. */
  addFiles(folder: string, names: ReadonlySet<string>): void {
    this.#open(folder, 0, names);
  }

  /** All folders under watch. */
  paths(): string[] {
    return [...this.#folders.keys()];
  }

  /**
   * Looks at one folder, or only at what has these names in it. New folders in it are told of as events. Undefined
   * where it is gone, or not under watch.
   */
  async look(path: string, names?: ReadonlySet<string>): Promise<FolderFindings | undefined> {
    const folder = this.#folders.get(path);
    if (folder === undefined) return undefined;
    const some = names === undefined ? undefined : await this.#lookAtFiles(path, folder, names);
    return some ?? this.#lookAtAll(path, folder);
  }

  close(): void {
    for (const path of this.paths()) this.#stop(path);
  }

  /** Looks at files by their names alone; undefined where one of them may be more than a file. */
  async #lookAtFiles(
    path: string,
    folder: WatchedFolder,
    names: ReadonlySet<string>,
  ): Promise<FolderFindings | undefined> {
    const wanted = [...names].filter((name) => nameMeans(name, folder.onlyNames) !== 'nothing');
    const onlyFiles = wanted.every((name) => nameMeans(name, folder.onlyNames) === 'file');
    if (!onlyFiles || folder.linkedFolders.length > 0) return undefined;
    const [changed, vanished]: [string[], string[]] = [[], []];
    for (const file of wanted.map((name) => join(path, name))) {
      const entry = folder.folders.has(file) ? 'other' : await readFileEntry(file);
      if (entry === 'other') return undefined;
      if (entry === undefined && folder.files.delete(file)) vanished.push(file);
      if (entry === undefined || folder.files.get(file) === entry.fingerprint) continue;
      folder.files.set(file, entry.fingerprint);
      changed.push(file);
    }
    return { changed, vanished };
  }

  async #lookAtAll(path: string, folder: WatchedFolder): Promise<FolderFindings | undefined> {
    await this.#rewatch(path, folder);
    const { onlyNames } = folder;
    const named = folder.depth === 0;
    const entries = await listFolder(path, onlyNames === undefined ? { named } : { named, onlyNames });
    if (entries === undefined) return named ? undefined : { changed: [], vanished: this.#drop(path) };
    this.#watchLinks(path, folder, entries);
    const vanishedBelow = this.#compareFolders(path, folder, entries);
    const { changed, vanished } = compareFiles(path, folder, entries);
    return { changed, vanished: [...vanished, ...vanishedBelow] };
  }

  #open(path: string, depth: number, onlyNames?: ReadonlySet<string>): WatchedFolder {
    const folder: WatchedFolder = {
      depth,
      ...(onlyNames === undefined ? {} : { onlyNames }),
      identity: '',
      watches: new Map(),
      linkedFolders: [],
      files: new Map(),
      folders: new Set(),
    };
    this.#folders.set(path, folder);
    this.#watch(folder, path, path, (name) => this.#onEvent(path, name));
    this.#onEvent(path, undefined);
    return folder;
  }

  #watch(
    folder: WatchedFolder,
    key: string,
    place: string,
    onEvent: (name: string | undefined) => void,
  ): void {
    folder.watches.get(key)?.();
    const stop = watchFolder(place, onEvent);
    if (stop === undefined) this.#blind = true;
    else folder.watches.set(key, stop);
  }

  /** A folder that is another one under the old name (made again, or a link that was turned) needs a new watch. */
  async #rewatch(path: string, folder: WatchedFolder): Promise<void> {
    const identity = (await readEntry(path))?.identity;
    if (identity === undefined || identity === folder.identity) return;
    if (folder.identity !== '') this.#watch(folder, path, path, (name) => this.#onEvent(path, name));
    folder.identity = identity;
  }

  /** What a link leads to changes in a folder of its own. */
  #watchLinks(path: string, folder: WatchedFolder, entries: readonly FolderEntry[]): void {
    const linked = [...new Set(entries.flatMap(({ linkedFolder }) => linkedFolder ?? []))];
    for (const place of folder.linkedFolders.filter((known) => !linked.includes(known))) {
      folder.watches.get(`link ${place}`)?.();
      folder.watches.delete(`link ${place}`);
    }
    for (const place of linked.filter((found) => !folder.linkedFolders.includes(found)))
      this.#watch(folder, `link ${place}`, place, () => this.#onEvent(path, undefined));
    folder.linkedFolders = linked;
  }

  /** Opens new folders, forgets vanished ones; the files that vanished with them. */
  #compareFolders(path: string, folder: WatchedFolder, entries: readonly FolderEntry[]): string[] {
    const present = new Map(
      entries.filter(({ isFolder }) => isFolder).map((entry) => [join(path, entry.name), entry]),
    );
    const gone = [...folder.folders].filter((child) => !present.has(child));
    for (const [child, { identity }] of present) {
      const known = this.#folders.get(child);
      if (known === undefined && folder.depth < MAX_DEPTH) this.#open(child, folder.depth + 1);
      else if (known !== undefined && known.identity !== '' && known.identity !== identity)
        this.#onEvent(child, undefined);
    }
    folder.folders = new Set(present.keys());
    return gone.flatMap((child) => this.#drop(child));
  }

  /** Forgets a folder with all below it; the files that were there. */
  #drop(path: string): string[] {
    const folder = this.#folders.get(path);
    if (folder === undefined) return [];
    this.#stop(path);
    return [...folder.files.keys(), ...[...folder.folders].flatMap((child) => this.#drop(child))];
  }

  #stop(path: string): void {
    for (const stop of this.#folders.get(path)?.watches.values() ?? []) stop();
    this.#folders.delete(path);
  }
}

function compareFiles(path: string, folder: WatchedFolder, entries: readonly FolderEntry[]): FolderFindings {
  const before = folder.files;
  const files = entries.filter(({ isFolder }) => !isFolder);
  folder.files = new Map(files.map(({ name, fingerprint }) => [join(path, name), fingerprint]));
  const changed = [...folder.files].filter(([file, fingerprint]) => before.get(file) !== fingerprint);
  const vanished = [...before.keys()].filter((file) => !folder.files.has(file));
  return { changed: changed.map(([file]) => file), vanished };
}
