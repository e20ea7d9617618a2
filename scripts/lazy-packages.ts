// Packages that a proxy needs only sometimes: YAML for a bootstrap that is no JSON, regular expressions where a
// configuration has one. They become files of their own beside the bundle, loaded at the first use. The sources import
// them as ever; only the bundle does it so.
import { join } from 'node:path';
import { type BuildOptions, build, type Plugin } from 'esbuild';

/** Package to the name that the proxy imports from it. */
const lazy: Readonly<Record<string, string>> = { yaml: 'parse', re2js: 'RE2JS' };

/** The files beside the bundle. */
export const lazyFiles: readonly string[] = Object.keys(lazy).map((name) => `${name}.js`);

/** Bundles the packages into `outdir`, with the options of the other bundles. */
export async function buildLazyPackages(options: BuildOptions, outdir: string): Promise<void> {
  for (const [name, member] of Object.entries(lazy)) {
    const { outdir: _all, ...shared } = options;
    await build({
      ...shared,
      stdin: { contents: `export { ${member} } from '${name}';`, resolveDir: options.absWorkingDir ?? '.' },
      outfile: join(outdir, `${name}.js`),
      sourcemap: false,
    });
  }
}

/**
 * In place of each package: something that stands for what is imported, be it called or have its members asked for, and
 * loads the file then. Node requires ES modules at once.
 */
export const lazyPackages: Plugin = {
  name: 'lazy-packages',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(yaml|re2js)$/ }, ({ path }) => ({ path, namespace: 'lazy' }));
    onLoad({ filter: /.*/, namespace: 'lazy' }, ({ path: name }) => ({
      contents: `
        import { createRequire } from 'node:module';
        let loaded;
        const load = () => (loaded ??= createRequire(import.meta.url)('./${name}.js').${lazy[name]});
        export const ${lazy[name]} = new Proxy(function () {}, {
          apply: (_target, _self, args) => load()(...args),
          get: (_target, member) => load()[member],
        });`,
    }));
  },
};
