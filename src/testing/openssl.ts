// OpenSSL's command line, as a second opinion on what we write and as a maker of what we only read.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Why tests with openssl cannot run here; undefined when they can. */
export const opensslMissing: string | undefined =
  spawnSync('openssl', ['version']).status === 0 ? undefined : 'the openssl command is not on this machine';

/** Runs `openssl ARGS`; `text` is standard output and error together. */
export function openssl(
  args: readonly string[],
  options: { readonly cwd?: string; readonly input?: string } = {},
): { readonly ok: boolean; readonly text: string } {
  const { cwd, input = '' } = options;
  const done = spawnSync('openssl', args, { cwd, input, encoding: 'utf8', timeout: 15_000 });
  return { ok: done.status === 0, text: `${done.stdout}${done.stderr}` };
}

/** A fresh folder that goes at the end of `using`. */
export function temporaryFolder(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'weft-test-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}
