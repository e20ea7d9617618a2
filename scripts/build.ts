// Bundles weft: one self-contained file per entry, so that a proxy loads nothing of the control plane. Packages are
// bundled too, except the native one; `dist/` runs on Node >= 24 without node_modules otherwise.
import { mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build } from 'esbuild';
import { buildLazyPackages, lazyFiles, lazyPackages } from './lazy-packages.ts';
import { lazyEntry, lazyParts } from './lazy-parts.ts';
import { packedSchema } from './packed-schema.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const quiet = process.argv.includes('--quiet');
const entries = { cli: 'cli', control: 'control', proxy: 'proxy', ca: 'ca', agent: 'agent', echo: 'echo' };

// Built beside dist/ and moved in file by file: a mesh that runs from dist/ never finds a program missing.
const fresh = join(root, 'dist', '.new');
rmSync(fresh, { recursive: true, force: true });
mkdirSync(fresh, { recursive: true });
const options: BuildOptions = {
  absWorkingDir: root,
  outdir: fresh,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node24',
  external: ['koffi'],
  legalComments: 'none',
  minifySyntax: true,
  minifyWhitespace: true,
  minifyIdentifiers: true,
  sourcemap: 'linked',
  sourcesContent: false,
  logLevel: 'warning',
  // Bundled CommonJS packages call require(); an ES module has none of its own.
  banner: {
    js: "import { createRequire as weftRequire } from 'node:module'; const require = weftRequire(import.meta.url);",
  },
  define: { WEFT_BUILT: 'true' },
};
const { proxy: _proxy, ...others } = entries;
await build({ ...options, entryPoints: sources(others) });
// The proxy is started once for every workload: it is kept small, and loads what it rarely needs when it needs it.
await build({
  ...options,
  entryPoints: { ...sources({ proxy: entries.proxy }), [lazyEntry]: lazyEntry },
  splitting: true,
  chunkNames: 'proxy-[hash]',
  plugins: [lazyParts, lazyPackages, packedSchema],
});
await buildLazyPackages(options, fresh);
writeFileSync(join(fresh, 'package.json'), '{ "type": "module" }\n');
const files = readdirSync(fresh);
for (const file of files) renameSync(join(fresh, file), join(root, 'dist', file));
for (const file of readdirSync(join(root, 'dist')))
  if (/^proxy-\w{8}\./.test(file) && !files.includes(file)) rmSync(join(root, 'dist', file));
rmSync(fresh, { recursive: true });
const printed = [...Object.keys(entries), lazyEntry, ...lazyFiles.map((file) => file.replace('.js', ''))];
if (!quiet) for (const name of printed) console.log(`dist/${name}.js ${size(name)} KiB`);

function sources(folders: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(folders).map(([name, folder]) => [name, `src/${folder}/main.ts`]));
}

function size(name: string): number {
  return Math.round(statSync(join(root, 'dist', `${name}.js`)).size / 1024);
}
