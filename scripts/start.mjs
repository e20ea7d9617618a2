// `npm start`: installs where it is needed, builds, and runs the example mesh.
import { spawn } from 'node:child_process';
import { installIfNeeded, node24, root, run } from './install.mjs';

installIfNeeded();
run(node24, ['scripts/generate.ts', '--if-needed']);
run(node24, ['scripts/build.ts', '--quiet']);
const args = process.argv.slice(2);
const child = spawn(
  node24,
  ['dist/cli.js', 'up', ...(args[0]?.startsWith('-') === false ? [] : ['examples/bookinfo']), ...args],
  {
    cwd: root,
    stdio: 'inherit',
  },
);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(signal ? 130 : (code ?? 1)));
