import { chmodSync, lstatSync, renameSync, unlinkSync } from 'node:fs';
import { chown } from 'node:fs/promises';
import type { Clock } from '../../lib/clock.ts';
import type { Network } from '../connection.ts';
import { serveWorkloadApi, type WorkloadApi } from './workload-api.ts';

/** Whoever may write to the socket gets the key: its owner alone. */
const SOCKET_MODE = 0o600;
/** Of the permissions that a new socket would have, all but the owner's are taken away. */
const NOBODY_ELSE = 0o177;

/**
 * Opens the Workload API at a path, in place of one that is there (of a process that was killed, or that this one
 * replaces). `uid` owns the socket; absent: this process's user. Rejects with a sentence.
 */
export async function openWorkloadSocket(options: {
  readonly network: Network;
  readonly clock: Clock;
  readonly path: string;
  readonly uid?: number | undefined;
}): Promise<WorkloadApi> {
  const { path, uid } = options;
  // Made under another name: what closes later removes the name that it was made with, which is nobody's by then.
  const draft = `${path}.new`;
  remove(draft);
  const before = process.umask(NOBODY_ELSE);
  const opening = serveWorkloadApi({ ...options, path: draft }); // binds before it returns
  process.umask(before);
  const api = await opening;
  chmodSync(draft, SOCKET_MODE);
  if (uid !== undefined) await chown(draft, uid, -1);
  renameSync(draft, path);
  const own = inodeOf(path);
  return {
    changed: api.changed,
    async close() {
      if (inodeOf(path) === own) remove(path);
      await api.close();
    },
  };
}

function inodeOf(path: string): number | undefined {
  return lstatSync(path, { throwIfNoEntry: false })?.ino;
}

function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // there is none
  }
}
