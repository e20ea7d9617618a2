import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The file of a command on a PATH, or undefined. */
export function findOnPath(command: string, path: string): string | undefined {
  return path
    .split(delimiter)
    .map((folder) => join(folder || '.', command))
    .find(isExecutable);
}

/** Whether a command is on a PATH. */
export function isOnPath(command: string, path: string): boolean {
  return findOnPath(command, path) !== undefined;
}

/** Whether this is a file that we may run. */
export function isExecutable(file: string): boolean {
  try {
    if (!statSync(file).isFile()) return false;
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
