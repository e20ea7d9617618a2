import { watch } from 'node:fs';

/** Ends watching. */
export type StopWatching = () => void;

/**
 * Calls back when something in a folder (not in its folders) changed, with the name where the system tells it.
 * Undefined where the folder cannot be watched (none left of the system's watches, not supported, not there).
 */
export function watchFolder(
  folder: string,
  onEvent: (name: string | undefined) => void,
): StopWatching | undefined {
  try {
    const watcher = watch(folder, { persistent: false });
    watcher.on('change', (_event, name) => onEvent(name === null ? undefined : String(name)));
    // A folder that goes away ends its watcher; whoever watches its parent hears of it.
    watcher.on('error', () => onEvent(undefined));
    return () => watcher.close();
  } catch {
    return undefined;
  }
}
