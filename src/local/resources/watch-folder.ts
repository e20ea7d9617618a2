import { type FSWatcher, watch } from 'node:fs';

// Says when something below a path may have changed. The kernel tells at once; a slow poll stands behind it, for
// file systems that do not tell and folders that appear while one looks.

/** Several changes within this are one: editors write, rename and touch. */
const SETTLE_MS = 30;
const POLL_MS = 2_000;

export interface FolderWatch {
  close(): void;
}

/** Calls `onChange` after changes, and now and then without. Never for the first look. */
export function watchFolder(path: string, onChange: () => void): FolderWatch {
  let settling: NodeJS.Timeout | undefined;
  const soon = (): void => {
    settling ??= setTimeout(() => {
      settling = undefined;
      onChange();
    }, SETTLE_MS);
  };
  let watcher: FSWatcher | undefined;
  try {
    watcher = watch(path, { recursive: true }, soon);
    watcher.on('error', () => {}); // the poll goes on
  } catch {
    // cannot be watched: the poll goes on
  }
  const poll = setInterval(onChange, POLL_MS);
  return {
    close() {
      watcher?.close();
      clearInterval(poll);
      clearTimeout(settling);
    },
  };
}
