// Secrets on disk: written once, whole, readable by the owner alone. Two processes that start at the same moment end
// up with the same key; a crash leaves a whole file or none.

import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, rename, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CaError } from './ca-error.ts';

/** Longest file read, in bytes. */
export const MAX_STORED_BYTES = 1_048_576;

/** Secrets are `0600`, certificates and public keys `0644`. */
export type StoredMode = 0o600 | 0o644;

/**
 * The text of a file, which `make` provides when there is none. Creation is atomic and happens once: whoever comes
 * second gets the text of the first. Throws CaError when a secret is readable by others.
 */
export async function readOrCreate(
  path: string,
  mode: StoredMode,
  make: () => string | Promise<string>,
): Promise<string> {
  const existing = await readStored(path, mode);
  if (existing !== undefined) return existing;
  await createOnce(path, mode, await make());
  const created = await readStored(path, mode);
  if (created === undefined) throw new CaError('ca_file_unreadable', `${path} vanished while it was made`);
  return created;
}

/** The text of a stored file, undefined when there is none. A secret readable by others is refused. */
export async function readStored(path: string, mode: StoredMode): Promise<string | undefined> {
  try {
    const found = await stat(path);
    if (mode === 0o600 && (found.mode & 0o077) !== 0) {
      throw new CaError(
        'ca_key_readable_by_others',
        `${path} can be read by other users: take their permission away (chmod 600) and consider the key known`,
      );
    }
    if (found.size > MAX_STORED_BYTES) throw new CaError('ca_file_unreadable', `${path} is too large`);
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    if (error instanceof CaError) throw error;
    throw new CaError('ca_file_unreadable', `${path} cannot be read`, { cause: error });
  }
}

/** Replaces a file as a whole: a crash leaves the old text or the new one. */
export async function replaceStored(path: string, mode: StoredMode, text: string): Promise<void> {
  const directory = dirname(path);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const temporary = join(directory, `.new-${randomBytes(8).toString('hex')}`);
  const file = await open(temporary, 'wx', mode);
  try {
    await file.chmod(mode);
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  const folder = await open(directory, 'r');
  await folder.sync().finally(() => folder.close()); // the new name, too, survives a loss of power
}

async function createOnce(path: string, mode: StoredMode, text: string): Promise<void> {
  const directory = dirname(path);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const temporary = join(directory, `.new-${randomBytes(8).toString('hex')}`);
  const file = await open(temporary, 'wx', mode);
  try {
    await file.chmod(mode); // the umask may have taken bits from a file that others shall read
    await file.writeFile(text);
    await file.sync();
    // link, unlike rename, fails when someone else was first
    await link(temporary, path);
  } catch (error) {
    if (!isErrno(error, 'EEXIST')) throw error;
  } finally {
    await file.close();
    await unlink(temporary);
  }
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
