import { readFile } from 'node:fs/promises';
import { type FolderEntry, isMissing, readEntry } from './folder.ts';

/** Larger files are not resources but a mistake. */
export const MAX_FILE_BYTES = 32 * 1024 * 1024;

/** Text of a file, or why there is none: it is gone, being written right now, or cannot be read. */
export type FileText =
  | { readonly type: 'text'; readonly text: string; readonly fingerprint: string }
  | { readonly type: 'missing' }
  | { readonly type: 'unsettled' }
  | { readonly type: 'unreadable'; readonly reason: string; readonly fingerprint: string };

/** A file that was written less than this ago is given time, since editors write in several steps. */
const QUIET_MS = 10;

/**
 * Reads a file as a whole. `nowMs` is wall time; `hasty` takes the file as it is, else one that is empty, was written
 * just now or changes while it is read is `unsettled`: come back in a moment.
 */
export async function readText(path: string, nowMs: number, hasty: boolean): Promise<FileText> {
  const before = await readEntry(path);
  if (before === undefined) return { type: 'missing' };
  const { fingerprint } = before;
  if (before.sizeBytes > MAX_FILE_BYTES)
    return {
      type: 'unreadable',
      reason: `it has ${before.sizeBytes} bytes; at most ${MAX_FILE_BYTES} are read`,
      fingerprint,
    };
  if (!hasty && isBusy(before, nowMs)) return { type: 'unsettled' };
  try {
    const text = await readFile(path, 'utf8');
    const after = await readEntry(path);
    if (!hasty && after?.fingerprint !== fingerprint) return { type: 'unsettled' };
    return { type: 'text', text, fingerprint };
  } catch (error) {
    if (isMissing(error)) return { type: 'missing' };
    return {
      type: 'unreadable',
      reason: error instanceof Error ? error.message : String(error),
      fingerprint,
    };
  }
}

function isBusy(entry: FolderEntry, nowMs: number): boolean {
  const ageMs = nowMs - entry.writtenAtMs;
  return entry.sizeBytes === 0 || (ageMs >= 0 && ageMs < QUIET_MS);
}
