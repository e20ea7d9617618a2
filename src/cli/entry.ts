import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The bundles beside the command line's own. */
export type EntryName = 'control' | 'proxy' | 'ca' | 'agent' | 'echo';

/**
 * The file of another entry: `dist/proxy.js` beside dist/cli.js in a build, its main.ts in the source. Started as a
 * process of its own, so that a proxy loads nothing of the rest.
 */
export function entryFile(name: EntryName): string {
  const built = fileURLToPath(new URL(`./${name}.js`, import.meta.url));
  return existsSync(built) ? built : fileURLToPath(new URL(`../${name}/main.ts`, import.meta.url));
}
