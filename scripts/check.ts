// `npm run check`: types, lint and format, boundaries. Runs all three and fails if any did.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const bin = (name: string): string => join(root, 'node_modules', '.bin', name);

const steps: readonly (readonly [what: string, command: string, args: readonly string[]])[] = [
  ['types', bin('tsc'), ['-p', '.']],
  ['lint and format', bin('biome'), ['check', '--error-on-warnings', '.']],
  ['boundaries', process.execPath, ['scripts/check-boundaries.ts']],
];

const failed = steps.filter(([what, command, args]) => {
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  console.log(`${status === 0 ? 'ok    ' : 'FAILED'} ${what}`);
  return status !== 0;
});
process.exit(failed.length > 0 ? 1 : 0);
