import { join } from 'node:path';
import { type FolderEntry, listFolder, MAX_DEPTH, readEntry } from './folder.ts';
import { type StopWatching, watchFolder } from './folder-events.ts';

/** What a look at a folder brought to light. Paths are below the path under which the folder was named. */
export interface FolderFindings {
  readonly changed: readonly string[];
  readonly vanished: readonly string[];
}

/** A folder under watch. */
interface WatchedFolder {
  readonly depth: number;
  /** Undefined for the folder around a named file: only those names in it count. */
  readonly onlyNames?: ReadonlySet<string>;
  identity: string;
  stops: StopWatching[];
  linkedFolders: string;
  /** Paths and fingerprints of its files as last seen. */
  files: Map<string, string>;
  folders: Set<string>;
}

/** All folders below the named paths: watches each, and tells which of its files changed when it is looked at. */
export class FolderTree {
  readonly #folders = new Map<string, WatchedFolder>();
  readonly #onEvent: (folder: string) => void;
  /** True where some folder cannot be watched, so that somebody must look from time to time. */
  blind = false;

  /** `onEvent` is told the folder in which something may have changed. */
  constructor(onEvent: (folder: string) => void) {
    this.#onEvent = onEvent;
  }

  /** Begins with a named folder. Its parent is watched too: a folder that is replaced is seen only from there. */
  addRoot(folder: string, parent: string, name: string): void {
    const root = this.#open(folder, 0);
    const stop = watchFolder(parent, (changed) => {
      if (changed === undefined || changed === name) this.#onEvent(folder);
    });
    if (stop !== undefined) root.stops.push(stop);
  }

  /** Begins with files of a folder that were named one by one. */
  addFiles(folder: string, names: ReadonlySet<string>): void {
    this.#open(folder, 0, names);
  }

  /** All folders under watch. */
  paths(): string[] {
    return [...this.#folders.keys()];
  }

  /** Looks at one folder; new folders in it are told of by `onEvent`. Undefined where it is gone or not known. */
  async look(path: string): Promise<FolderFindings | undefined> {
    const folder = this.#folders.get(path);
    if (folder === undefined) return undefined;
    await this.#rewatch(path, folder);
    const { onlyNames } = folder;
    const named = folder.depth === 0;
    const entries = await listFolder(path, onlyNames === undefined ? { named } : { named, onlyNames });
    if (entries === undefined) return named ? undefined : { changed: [], vanished: this.#drop(path) };
    this.#watchLinks(path, folder, entries);
    const vanished = this.#lookAtFolders(path, folder, entries);
    return this.#lookAtFiles(path, folder, entries, vanished);
  }

  close(): void {
    for (const path of this.paths()) this.#stop(path);
  }

  #open(path: string, depth: number, onlyNames?: ReadonlySet<string>): WatchedFolder {
    const folder: WatchedFolder = {
      depth,
      ...(onlyNames === undefined ? {} : { onlyNames }),
      identity: '',
      stops: [],
      linkedFolders: '',
      files: new Map(),
      folders: new Set(),
    };
    this.#folders.set(path, folder);
    this.#watch(path, path, folder);
    this.#onEvent(path);
    return folder;
  }

  #watch(folder: string, place: string, state: WatchedFolder): void {
    const stop = watchFolder(place, () => this.#onEvent(folder));
    if (stop === undefined) this.blind = true;
    else state.stops.push(stop);
  }

  /** A folder of the same name that is another one now (deleted and made again, a link that was turned) needs a new watch. */
  async #rewatch(path: string, folder: WatchedFolder): Promise<void> {
    const identity = (await readEntry(path))?.identity ?? '';
    if (folder.identity !== '' && identity !== '' && folder.identity !== identity)
      this.#watch(path, path, folder);
    if (identity !== '') folder.identity = identity;
  }

  /** A link's target changes in a folder of its own. */
  #watchLinks(path: string, folder: WatchedFolder, entries: readonly FolderEntry[]): void {
    const linked = [...new Set(entries.flatMap(({ linkedFolder }) => linkedFolder ?? []))].sort();
    if (linked.join('\n') === folder.linkedFolders) return;
    folder.linkedFolders = linked.join('\n');
    for (const place of linked) this.#watch(path, place, folder);
  }

  #lookAtFolders(path: string, folder: WatchedFolder, entries: readonly FolderEntry[]): string[] {
    const present = new Set(entries.filter(({ isFolder }) => isFolder).map(({ name }) => join(path, name)));
    const vanished = [...folder.folders]
      .filter((child) => !present.has(child))
      .flatMap((child) => this.#drop(child));
    for (const child of present) {
      if (!this.#folders.has(child) && folder.depth < MAX_DEPTH) this.#open(child, folder.depth + 1);
      else this.#lookAgainIfReplaced(child, entries);
    }
    folder.folders = present;
    return vanished;
  }

  #lookAgainIfReplaced(child: string, entries: readonly FolderEntry[]): void {
    const entry = entries.find(({ name }) => child.endsWith(`/${name}`));
    const known = this.#folders.get(child);
    if (known !== undefined && known.identity !== '' && known.identity !== entry?.identity)
      this.#onEvent(child);
  }

  #lookAtFiles(
    path: string,
    folder: WatchedFolder,
    entries: readonly FolderEntry[],
    vanishedBelow: readonly string[],
  ): FolderFindings {
    const before = folder.files;
    folder.files = new Map(
      entries
        .filter(({ isFolder }) => !isFolder)
        .map(({ name, fingerprint }) => [join(path, name), fingerprint]),
    );
    const changed = [...folder.files].filter(([file, fingerprint]) => before.get(file) !== fingerprint);
    const vanished = [...before.keys()].filter((file) => !folder.files.has(file));
    return { changed: changed.map(([file]) => file), vanished: [...vanished, ...vanishedBelow] };
  }

  /** Forgets a folder with all below it; the files that were there. */
  #drop(path: string): string[] {
    const folder = this.#folders.get(path);
    if (folder === undefined) return [];
    this.#stop(path);
    return [...folder.files.keys(), ...[...folder.folders].flatMap((child) => this.#drop(child))];
  }

  #stop(path: string): void {
    for (const stop of this.#folders.get(path)?.stops ?? []) stop();
    this.#folders.delete(path);
  }
}
