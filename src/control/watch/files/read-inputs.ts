import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type ParsedText, parseDocuments } from './documents.ts';
import { findFiles, readEntry } from './folder.ts';

/** Standard input, as a name of a file. */
export const STANDARD_INPUT = '-';

/** One file of a command's FILES. */
export interface InputFile extends ParsedText {
  /** As the user named it, or below the folder that was named; `-` for standard input. */
  readonly file: string;
}

/** A path among FILES that leads to nothing. The command was used wrongly. */
export class InputNotFound extends Error {
  readonly code = 'INPUT_NOT_FOUND';
}

/** What a command needs of the world to read its FILES. */
export interface InputSources {
  readonly cwd: string;
  stdin(): Promise<string>;
}

/** Reads files, folders (with their folders) and `-` once, in order. */
export async function readInputs(paths: readonly string[], from: InputSources): Promise<InputFile[]> {
  const inputs: InputFile[] = [];
  for (const path of paths) {
    if (path === STANDARD_INPUT) {
      inputs.push({ file: path, ...parseDocuments(await from.stdin(), path) });
      continue;
    }
    const entry = await readEntry(resolve(from.cwd, path));
    if (entry === undefined) throw new InputNotFound(`there is no file or folder ${path}`);
    if (!entry.isFolder) inputs.push(await readInput(path, from.cwd));
    else for (const file of await filesBelow(path, from.cwd)) inputs.push(await readInput(file, from.cwd));
  }
  return inputs;
}

/** Names below a folder begin as the folder was named. */
async function filesBelow(path: string, cwd: string): Promise<string[]> {
  const folder = resolve(cwd, path);
  const prefix = path.replace(/\/+$/, '') || '/';
  return (await findFiles(folder)).map((file) => `${prefix}${file.slice(folder.length)}`);
}

async function readInput(file: string, cwd: string): Promise<InputFile> {
  try {
    return { file, ...parseDocuments(await readFile(resolve(cwd, file), 'utf8'), file) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { file, documents: [], problems: [{ line: 0, message: `the file cannot be read: ${reason}` }] };
  }
}
