/** The program of spiffe-client.go.txt, built with go-spiffe into the project's cache. */
import { execFileSync, spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const cache = fileURLToPath(new URL('../../.weft/go-spiffe', import.meta.url));
const source = fileURLToPath(new URL('./spiffe-client.go.txt', import.meta.url));
const MODULE = 'github.com/spiffe/go-spiffe/v2@v2.6.0';
const MAX_BUILD_MS = 400_000;

/** The program; the reason where it cannot be had. @throws with WEFT_REQUIRE_REAL_PARTS=1. */
export function spiffeClient(): { readonly file: string } | { readonly reason: string } {
  const file = join(cache, 'client-v2.6.0-2');
  if (existsSync(file)) return { file };
  if (process.env['WEFT_REQUIRE_REAL_PARTS'] !== '1')
    return { reason: 'the client is not built: WEFT_REQUIRE_REAL_PARTS=1 builds it with go' };
  mkdirSync(cache, { recursive: true });
  writeFileSync(join(cache, 'go.mod'), 'module client\n\ngo 1.24\n');
  copyFileSync(source, join(cache, 'main.go'));
  const env = { ...process.env, GOFLAGS: '-mod=mod' };
  const go = (...args: string[]) => execFileSync('go', args, { cwd: cache, env, timeout: MAX_BUILD_MS });
  go('get', MODULE);
  go('build', '-o', file, '.');
  return { file };
}

/** One line of the program. */
export interface Heard {
  readonly event: 'svid' | 'bundle' | 'jwt' | 'error';
  readonly id?: string;
  readonly verified?: string;
  readonly chain?: string;
  readonly bundle?: string;
  /** Trust domains whose bundles came with it. */
  readonly trusts?: readonly string[];
  readonly trustDomain?: string;
  readonly code?: string;
  readonly error?: string;
}

/** Runs it as the software beside a proxy is run: the socket is in SPIFFE_ENDPOINT_SOCKET. */
export function runSpiffeClient(file: string, socket: string): { heard: readonly Heard[]; stop(): void } {
  const child = spawn(file, [], {
    env: { SPIFFE_ENDPOINT_SOCKET: `unix://${socket}` },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const heard: Heard[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => heard.push(JSON.parse(line) as Heard));
  return { heard, stop: () => void child.kill('SIGKILL') };
}
