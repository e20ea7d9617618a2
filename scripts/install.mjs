// Shared by start.mjs and test.mjs: plain JavaScript, because it runs before anything is installed.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

/** Runs a command in the checkout, its output to ours; ends this process with its code where it fails. */
export function run(command, args, environment = process.env) {
  const result = spawnSync(command, args, { cwd: root, stdio: 'inherit', env: environment });
  if (result.error) throw result.error;
  if (result.status !== 0) process.exit(result.status ?? 1);
}

/** `npm ci` where the lock file is newer than what is installed (or nothing is); says so. */
export function installIfNeeded() {
  const lock = readFileSync(join(root, 'package-lock.json'), 'utf8');
  const stamp = join(root, 'node_modules', '.weft-installed');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  console.log('Installing dependencies (npm ci) ...');
  run('npm', ['ci', '--no-fund', '--no-audit']);
  writeFileSync(stamp, lock);
}

/** The Node 24 that the installation brought. */
export const node24 = join(root, 'node_modules', 'node', 'bin', 'node');
