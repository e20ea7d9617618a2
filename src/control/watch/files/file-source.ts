import { basename, dirname, resolve } from 'node:path';
import type { Clock, Timer } from '../../../lib/clock.ts';
import type { Change, Source } from '../source.ts';
import { parseDocuments } from './documents.ts';
import { readEntry } from './folder.ts';
import { FolderTree } from './folder-tree.ts';
import { readText } from './read-file.ts';

/** Where to look and how. */
export interface FileSourceOptions {
  /** Files and folders (with their folders). Files that are named are read whatever they are called. */
  readonly paths: readonly string[];
  readonly clock: Clock;
}

/** Events of one saving come together; a look follows this long after the first. */
const GATHER_MS = 5;
/** A file that is missing is believed to be gone after this long; editors that replace files take less. */
const GONE_AFTER_MS = 75;
/** A file that is empty or being written is taken as it is after this long; it is hardly ever meant to stay so. */
const SETTLED_AFTER_MS = 1000;
const RETRY_MS = 10;
/** How often to look where the system cannot tell of changes, and how often to look anyway (lost events, network file systems). */
const BLIND_LOOK_MS = 80;
const LOOK_ANYWAY_MS = 10_000;

/** Files on this machine as a source; one origin per file, named by its path. Changes are delivered within 100 ms. */
export function openFileSource(options: FileSourceOptions): Source {
  return new FileSource(options);
}

class FileSource implements Source {
  readonly #paths: readonly string[];
  readonly #clock: Clock;
  readonly #tree: FolderTree;
  /** Folders to look at: what is named in them, or all where that is not known. */
  readonly #folders = new Map<string, Set<string> | undefined>();
  /** Files to read and files that seem gone, with the time since when. */
  readonly #toRead = new Map<string, number>();
  readonly #missing = new Map<string, number>();
  /** Last text of each file that was delivered; undefined for one that cannot be read. */
  readonly #texts = new Map<string, string | undefined>();
  readonly #lostRoots = new Set<string>();
  #deliver: ((batch: readonly Change[]) => void) | undefined;
  #timer: Timer | undefined;
  #anyway: Timer | undefined;
  #round: Promise<void> | undefined;
  #closed = false;

  constructor(options: FileSourceOptions) {
    this.#paths = options.paths;
    this.#clock = options.clock;
    this.#tree = new FolderTree((folder, name) => this.#lookSoon(folder, name));
  }

  async watch(onChange: (batch: readonly Change[]) => void): Promise<void> {
    await this.#addPaths();
    let first: readonly Change[] = [];
    this.#deliver = (batch) => {
      first = [...first, ...batch];
    };
    this.#round = this.#lookAll();
    await this.#round;
    this.#round = undefined;
    this.#deliver = onChange;
    if (!this.#closed) onChange(first);
    if (this.#folders.size > 0) this.#wake(GATHER_MS);
    this.#lookAnyway();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    this.#anyway?.cancel();
    this.#tree.close();
    await this.#round;
  }

  async #addPaths(): Promise<void> {
    const files = new Map<string, Set<string>>();
    const roots: string[] = [];
    for (const path of this.#paths) {
      const entry = await readEntry(path);
      if (entry === undefined) throw new Error(`there is no file or folder ${path}`);
      if (entry.isFolder) roots.push(path);
      else files.set(dirname(path), (files.get(dirname(path)) ?? new Set()).add(basename(path)));
    }
    // What lies in another named folder is found there.
    const within = (path: string): boolean =>
      roots.some((root) => root !== path && resolve(path).startsWith(`${resolve(root)}/`));
    for (const root of new Set(roots.filter((path) => !within(path))))
      this.#tree.addRoot(root, dirname(resolve(root)), basename(resolve(root)));
    for (const [folder, names] of files)
      if (!within(folder) && !roots.includes(folder)) this.#tree.addFiles(folder, names);
  }

  async #lookAll(): Promise<void> {
    while (this.#folders.size > 0) await this.#look(true);
  }

  #lookSoon(folder: string, name: string | undefined): void {
    const names = this.#folders.get(folder);
    if (name === undefined) this.#folders.set(folder, undefined);
    else if (names !== undefined) names.add(name);
    else if (!this.#folders.has(folder)) this.#folders.set(folder, new Set([name]));
    this.#wake(GATHER_MS);
  }

  /** A look is due; one that is due already is soon enough. */
  #wake(delayMs: number): void {
    if (this.#closed || this.#deliver === undefined || this.#timer !== undefined || this.#round !== undefined)
      return;
    this.#timer = this.#clock.setTimeout(() => {
      this.#timer = undefined;
      this.#round = this.#look(false).finally(() => {
        this.#round = undefined;
        if (this.#folders.size > 0) this.#wake(GATHER_MS);
        else if (this.#toRead.size + this.#missing.size > 0) this.#wake(RETRY_MS);
      });
    }, delayMs);
  }

  #lookAnyway(): void {
    if (this.#closed) return;
    this.#anyway = this.#clock.setTimeout(
      () => {
        for (const folder of this.#tree.paths()) this.#folders.set(folder, undefined);
        this.#wake(0);
        this.#lookAnyway();
      },
      this.#tree.blind ? BLIND_LOOK_MS : LOOK_ANYWAY_MS,
    );
  }

  /** One round: folders, then the files that changed in them, then the ones that are gone; one batch of all of it. */
  async #look(hasty: boolean): Promise<void> {
    const changes: Change[] = [];
    const nowMs = this.#clock.monotonicMs();
    for (const [folder, names] of [...this.#folders].sort(([a], [b]) => (a < b ? -1 : 1))) {
      this.#folders.delete(folder);
      await this.#lookAtFolder(folder, names, nowMs, changes);
    }
    for (const [file, sinceMs] of [...this.#toRead].sort(([a], [b]) => (a < b ? -1 : 1)))
      await this.#read(file, hasty || nowMs - sinceMs >= SETTLED_AFTER_MS, changes);
    // Not while there are folders to look at: what is gone here may be found there.
    for (const [file, sinceMs] of this.#folders.size === 0 ? this.#missing : [])
      if (nowMs - sinceMs >= GONE_AFTER_MS) this.#delete(file, changes);
    if (changes.length > 0 && !this.#closed) this.#deliver?.(changes);
  }

  async #lookAtFolder(
    folder: string,
    names: ReadonlySet<string> | undefined,
    nowMs: number,
    changes: Change[],
  ): Promise<void> {
    const findings = await this.#tree.look(folder, names).catch(() => undefined);
    if (findings === undefined) {
      this.#loseRoot(folder, changes);
      return;
    }
    if (this.#lostRoots.delete(folder)) changes.push({ type: 'delete', origin: folder });
    for (const file of findings.changed) {
      this.#missing.delete(file);
      if (!this.#toRead.has(file)) this.#toRead.set(file, nowMs);
    }
    for (const file of findings.vanished) if (!this.#missing.has(file)) this.#missing.set(file, nowMs);
  }

  /** A named folder that is gone is more likely a mishap than a wish: its objects stay until it is back. */
  #loseRoot(folder: string, changes: Change[]): void {
    if (this.#lostRoots.has(folder) || !this.#tree.paths().includes(folder)) return;
    this.#lostRoots.add(folder);
    const message = `the folder ${folder} is gone or cannot be read; its objects stay as they were until it is back`;
    changes.push({ type: 'put', origin: folder, documents: [], problems: [{ line: 0, message }] });
  }

  async #read(file: string, hasty: boolean, changes: Change[]): Promise<void> {
    const found = await readText(file, this.#clock.nowMs(), hasty);
    if (found.type === 'unsettled') return;
    this.#toRead.delete(file);
    if (found.type === 'missing') {
      if (!this.#missing.has(file)) this.#missing.set(file, this.#clock.monotonicMs());
    } else if (found.type === 'unreadable') {
      this.#texts.set(file, undefined);
      const problem = { line: 0, message: `the file cannot be read: ${found.reason}` };
      changes.push({ type: 'put', origin: file, documents: [], problems: [problem] });
    } else if (!this.#texts.has(file) || this.#texts.get(file) !== found.text) {
      this.#texts.set(file, found.text);
      changes.push({ type: 'put', origin: file, ...parseDocuments(found.text, file) });
    }
  }

  #delete(file: string, changes: Change[]): void {
    this.#missing.delete(file);
    this.#toRead.delete(file);
    if (this.#texts.delete(file)) changes.push({ type: 'delete', origin: file });
  }
}
