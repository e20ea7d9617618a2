import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { KeySetShelf, StoredKeySet } from './key-sets.ts';

/** Keeps key sets in a file, written whole. What cannot be read counts as not there, what cannot be written is told. */
export function keySetFile(path: string, onError: (error: unknown) => void): KeySetShelf {
  return {
    read: () => new Map(existsSync(path) ? entriesOf(readFileSync(path, 'utf8')) : []),
    write(all) {
      try {
        writeFileSync(`${path}.draft`, JSON.stringify(Object.fromEntries(all)));
        renameSync(`${path}.draft`, path);
      } catch (error) {
        onError(error);
      }
    },
  };
}

function entriesOf(text: string): readonly (readonly [string, StoredKeySet])[] {
  try {
    return Object.entries(JSON.parse(text) as Record<string, StoredKeySet>).filter(
      ([, { keys, fetchedAtMs }]) => typeof keys === 'string' && typeof fetchedAtMs === 'number',
    );
  } catch {
    return [];
  }
}
