// The tables of messages (src/xds/gen/schema.ts) are a sixth of a proxy's program, and text that packs well: in the
// bundle they are compressed, and unpacked once at the start, which takes less than a millisecond.
import { pathToFileURL } from 'node:url';
import { brotliCompressSync } from 'node:zlib';
import type { Plugin } from 'esbuild';

export const packedSchema: Plugin = {
  name: 'packed-schema',
  setup({ onLoad }) {
    onLoad({ filter: /src\/xds\/gen\/schema\.ts$/ }, async ({ path }) => {
      const tables: Readonly<Record<string, readonly string[]>> = await import(pathToFileURL(path).href);
      const names = Object.keys(tables);
      const text = names.map((name) => tables[name]!.join('\n')).join('\0');
      const packed = brotliCompressSync(text).toString('base64');
      return {
        contents: `
          import { brotliDecompressSync } from 'node:zlib';
          const packed = Buffer.from('${packed}', 'base64');
          const tables = brotliDecompressSync(packed).toString().split('\\0').map((table) => table.split('\\n'));
          export const [${names}] = tables;`,
      };
    });
  },
};
