import { accessSync, constants } from 'node:fs';
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

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
