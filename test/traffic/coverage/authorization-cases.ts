import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';

interface WrittenTest {
  readonly spec?: {
    readonly objects?: readonly { readonly kind?: string }[];
    readonly requests?: readonly unknown[];
  };
}

/** How many requests are sent to a mesh that has an AuthorizationPolicy, and by how many tests, in the files of a folder. */
export async function authorizationCases(
  folder: string,
): Promise<{ readonly tests: number; readonly requests: number }> {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.yaml'));
  const texts = await Promise.all(files.map((name) => readFile(join(folder, name), 'utf8')));
  const tests = texts
    .flatMap((text) => parseAllDocuments(text).map((document) => document.toJS() as WrittenTest))
    .filter(({ spec }) => spec?.objects?.some(({ kind }) => kind === 'AuthorizationPolicy') === true);
  return {
    tests: tests.length,
    requests: tests.reduce((sum, { spec }) => sum + (spec?.requests?.length ?? 0), 0),
  };
}
