import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { recordedIo } from '../testing/traffic/recorded-io.ts';
import { addExplainCommand } from './explain.ts';
import { runTest } from './test.ts';
import { runValidate } from './validate.ts';

// Every example is valid, tested, and explained as its README says.

const root = fileURLToPath(new URL('../..', import.meta.url));
const folders = (path: string): string[] =>
  readdirSync(join(root, path), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(path, name));
/** `app` is the program of the others. */
const examples = folders('examples').filter((path) => path !== join('examples', 'app'));

/** `weft explain examples/x --from a/b --request 'GET http://c/'` -> its words without `weft explain`. */
function documentedExplanations(readme: string): readonly (readonly string[])[] {
  const lines = readme.split('\n').filter((line) => /^ {4}weft explain /.test(line));
  return lines.map((line) =>
    [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '').slice(2),
  );
}

describe.each(examples)('%s', (example) => {
  it('is valid, with its variants', async () => {
    const variants = readdirSync(join(root, example)).includes('variants')
      ? folders(join(example, 'variants'))
      : [];
    const io = recordedIo(root);
    const code = await runValidate([example, ...variants], { output: 'json' }, io);
    const { results } = JSON.parse(io.written.out) as {
      results: readonly { kind: string; errors: object[]; warnings: object[] }[];
    };
    expect([code, results.flatMap(({ errors }) => errors)]).toEqual([0, []]);
    // Whoever writes an EnvoyFilter is warned of what it depends on.
    const warned = results.filter(({ kind, warnings }) => warnings.length > 0 && kind !== 'EnvoyFilter');
    expect(warned).toEqual([]);
    expect(results.length).toBeGreaterThan(3);
  });

  it('is tested', async () => {
    const io = recordedIo(root);
    const code = await runTest([example], { engine: 'simulate', output: 'json' }, io);
    const { tests } = JSON.parse(io.written.out) as { tests: readonly { pass: boolean }[] };
    expect(tests.filter(({ pass }) => !pass)).toEqual([]);
    expect([code, tests.length > 0]).toEqual([0, true]);
  });

  it('is explained as its README says', async () => {
    const readme = readFileSync(join(root, example, 'README.md'), 'utf8');
    expect(readme).toContain(`weft up ${example}`);
    const documented = documentedExplanations(readme);
    expect(documented.length).toBeGreaterThan(0);
    for (const words of documented) {
      const io = recordedIo(root);
      const program = new Command('weft').exitOverride();
      addExplainCommand(program, io);
      await program.parseAsync(['explain', ...words, '-o', 'json'], { from: 'user' });
      expect([words, process.exitCode, io.written.err]).toEqual([words, 0, '']);
      expect(JSON.parse(io.written.out).steps.length).toBeGreaterThan(2);
    }
  });
});

it('every example is in the list of examples', () => {
  const list = readFileSync(join(root, 'examples', 'README.md'), 'utf8');
  for (const example of examples) expect(list).toContain(`](${example.replace('examples/', '')}/README.md)`);
});
