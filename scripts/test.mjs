// `npm test`: installs where it is needed, then the static checks, then every test.
// Arguments go to vitest: `npm test -- src/wire`.
import { installIfNeeded, node24, run } from './install.mjs';

installIfNeeded();
const args = process.argv.slice(2);
run(node24, ['scripts/generate.ts', '--if-needed']);
run(node24, ['scripts/build.ts', '--quiet']);
if (args.length === 0) run(node24, ['scripts/check.ts']);
run(node24, ['node_modules/vitest/vitest.mjs', 'run', ...args]);
