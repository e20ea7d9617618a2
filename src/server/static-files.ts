import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';

/** A file of the page, read anew each time: there are few, and a developer changes them. */
export interface StaticFile {
  readonly body: Buffer;
  readonly contentType: string;
}

const contentTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Plain names only: nothing that leads out of the folder, no hidden files. */
const FILE_NAME = /^[a-z][a-z0-9-]*\.[a-z]+$/;

/** The file at a path of the page; undefined where there is none. */
export async function readPage(folder: string, path: string): Promise<StaticFile | undefined> {
  const name = path === '/' ? 'index.html' : path.slice(1);
  const contentType = contentTypes[extname(name)];
  if (!FILE_NAME.test(name) || contentType === undefined) return undefined;
  try {
    return { body: await readFile(join(folder, name)), contentType };
  } catch {
    return undefined;
  }
}
