import { type FSWatcher, watch } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock, Timer } from '../lib/clock.ts';

/** Files of configuration by name; the text, or undefined for one that cannot be read. */
export type ConfigFiles = ReadonlyMap<string, string | undefined>;

/** Several events of one change come together. */
const SETTLE_MS = 20;
/** For file systems that tell nothing. */
const LOOK_AGAIN_MS = 5000;
/** More files are not read. */
const MAX_FILES = 10_000;

/**
 * Tells the `*.json` files of a folder, now and when they change. The promise resolves after the first telling and rejects
 * where the folder cannot be read. The returned function ends it.
 */
export async function watchConfigDir(
  folder: string,
  clock: Clock,
  onFiles: (files: ConfigFiles) => Promise<void>,
): Promise<() => void> {
  let timer: Timer | undefined;
  let isStopped = false;
  let isReading = false;
  const look = async (): Promise<void> => {
    if (isReading) return later(SETTLE_MS);
    isReading = true;
    try {
      await onFiles(await readAll(folder));
    } catch {
      // the folder is gone for now; what it said last goes on
    } finally {
      isReading = false;
    }
    if (!isStopped && timer === undefined) later(LOOK_AGAIN_MS);
  };
  const later = (delayMs: number): void => {
    timer?.cancel();
    if (isStopped) return;
    timer = clock.setTimeout(() => {
      timer = undefined;
      void look();
    }, delayMs);
  };
  const watcher: FSWatcher = watch(folder, () => later(SETTLE_MS));
  watcher.on('error', () => {}); // the folder is looked at anyway
  await onFiles(await readAll(folder));
  later(LOOK_AGAIN_MS);
  return () => {
    isStopped = true;
    timer?.cancel();
    watcher.close();
  };
}

async function readAll(folder: string): Promise<ConfigFiles> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.json') && !name.startsWith('.'));
  const files = new Map<string, string | undefined>();
  for (const name of names.sort().slice(0, MAX_FILES)) {
    files.set(name, await readFile(join(folder, name), 'utf8').catch(() => undefined));
  }
  return files;
}
