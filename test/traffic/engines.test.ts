import { execFile } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { lacks, meshNeeds } from '../mesh/needs.ts';

// Simulation, weft's proxy and Envoy give the same answers. A part of the traffic tests; all of them, by hand:
// npx weft test test/traffic --engine all

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const PARTS = {
  'routes and connections': ['changes', 'connections'],
  'authorizers, tokens and every field of authorization': ['custom', 'token-places', 'every-field-deny'].map(
    (name) => `security/${name}.yaml`,
  ),
} as const;
const LIMIT_MS = 300_000;

interface Report {
  readonly tests: readonly { readonly engine: string; readonly pass: boolean; readonly request: string }[];
  readonly differences: readonly unknown[];
}

describe.skipIf(lacks('traffic tests on three engines', ...meshNeeds))('simulation, weft and Envoy', () => {
  it.each(Object.entries(PARTS))(
    'give the same answers to the same requests: %s',
    async (_, part) => {
      const paths = part.map((name) => join('test/traffic', name));
      const { differences, tests } = await report(['test', ...paths, '--engine', 'all', '-o', 'json']);
      expect(differences).toEqual([]);
      expect(tests.filter(({ pass }) => !pass)).toEqual([]);
      for (const engine of ['simulate', 'weft', 'envoy'])
        expect(tests.filter((one) => one.engine === engine).length).toBeGreaterThan(30);
    },
    LIMIT_MS,
  );
});

/** A test that fails makes the command fail too: what it says is looked at either way. */
function report(args: readonly string[]): Promise<Report> {
  return new Promise((resolve, reject) => {
    const options = { cwd: root, timeout: LIMIT_MS, maxBuffer: 64 * 1024 * 1024 };
    execFile(process.execPath, ['dist/cli.js', ...args], options, (error, stdout, stderr) => {
      try {
        resolve(JSON.parse(stdout) as Report);
      } catch {
        reject(error ?? new Error(stderr));
      }
    });
  });
}
