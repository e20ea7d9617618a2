#!/usr/bin/env node
// Plain JavaScript that any Node >= 20 runs: weft itself needs Node 24 (see docs/decisions/0001-runtime.md).
// Where the running Node is older, the one from the npm package `node` is started in its place.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const entry = join(root, 'dist', 'cli.js');

if (!existsSync(entry)) {
  console.error(`weft is not built: ${entry} is missing. Run "npm ci" (or "npm run build") in ${root}.`);
  process.exit(2);
}
if (Number(process.versions.node.split('.')[0]) >= 24) {
  await import(pathToFileURL(entry).href);
} else {
  rerun(node24());
}

/** The path of a Node >= 24 installed beside weft, or the end of this process with a sentence. */
function node24() {
  try {
    const manifest = createRequire(import.meta.url).resolve('node/package.json', { paths: [root] });
    const binary = join(dirname(manifest), 'bin', 'node');
    if (existsSync(binary)) return binary;
  } catch {
    // falls through to the message
  }
  console.error(
    `weft needs Node 24; this is ${process.version}. Run "npm ci" in ${root}, which installs it.`,
  );
  process.exit(2);
}

/** Starts `node` with our arguments; signals and the exit code pass through, both ways. */
function rerun(node) {
  const child = spawn(node, [entry, ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2']) {
    process.on(signal, () => child.kill(signal));
  }
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}
