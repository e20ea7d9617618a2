/**
 * A whole mesh under test: `weft up` as a user starts it, on a copy of the example that the test may edit. Everything
 * is real: processes, namespaces, sockets. Where a part of the machine is missing, tests are skipped with the reason,
 * and fail where WEFT_REQUIRE_REAL_PARTS is set.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../src/testing/free-port.ts';
import { eventually } from './eventually.ts';

export const root = fileURLToPath(new URL('../..', import.meta.url));

export interface MeshOptions {
  /** Flags after `weft up DIR`. */
  readonly flags?: readonly string[];
  /** Run as this uid instead of ours. */
  readonly uid?: number;
  /** Changes the copy before the mesh starts. */
  readonly prepare?: (folder: string) => void;
  /** Start from an empty folder, which `prepare` fills, in place of the example. */
  readonly empty?: boolean;
  /** Throws while the mesh is not up; the product page whole by default. */
  readonly isUp?: (gateway: string) => Promise<void>;
}

export interface Mesh {
  readonly folder: string;
  /** `http://127.0.0.1:PORT` of the gateway and of the dashboard. */
  readonly gateway: string;
  readonly dashboard: string;
  readonly process: ChildProcess;
  /** The folder of its state and logs. */
  state(): string;
  /** Everything it printed. */
  output(): string;
  /** The end of a log file, for the message of a failure. */
  log(name: string): string;
  /** Milliseconds from the start to the first page. */
  readonly startMs: number;
  /** SIGINT, and wait for the end; its exit code. */
  stop(): Promise<number | null>;
}

/** Starts a mesh and waits until the product page is served whole. */
export async function runMesh(options: MeshOptions = {}): Promise<Mesh> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-mesh-'));
  if (options.empty !== true) cpSync(join(root, 'examples/bookinfo'), folder, { recursive: true });
  options.prepare?.(folder);
  const cache = options.uid === undefined ? undefined : mkdtempSync(join(tmpdir(), 'weft-home-'));
  if (options.uid !== undefined) await giveTo(options.uid, [folder, cache!]);
  const [gatewayPort, dashboardPort] = [await freePort(), await freePort()];
  const started = performance.now();
  const child = spawn(
    process.execPath,
    [
      join(root, 'dist/cli.js'),
      'up',
      folder,
      '--gateway-port',
      String(gatewayPort),
      '--dashboard-port',
      String(dashboardPort),
      ...(options.flags ?? []),
    ],
    {
      cwd: cache ?? folder,
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
      env: {
        ...process.env,
        ...(cache === undefined ? {} : { HOME: cache, XDG_CACHE_HOME: cache }),
        WEFT_CACHE: join(root, '.weft'),
      },
    },
  );
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  child.stderr.on('data', (chunk) => (output += chunk));
  const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  const gateway = `http://127.0.0.1:${gatewayPort}`;
  try {
    await eventually(async () => {
      if (child.exitCode !== null) throw new Error(`weft up ended with ${child.exitCode}`);
      await (options.isUp ?? servesPage)(gateway);
    }, 90_000);
  } catch (error) {
    child.kill('SIGKILL');
    throw new Error(`the mesh did not come up: ${(error as Error).message}\n${output.slice(-6000)}`);
  }
  return {
    folder,
    gateway,
    dashboard: `http://127.0.0.1:${dashboardPort}`,
    process: child,
    startMs: performance.now() - started,
    log: (name) => tail(join(/State and logs are in (\S+)/.exec(output)?.[1] ?? '', 'logs', `${name}.log`)),
    state: () => /State and logs are in (\S+)/.exec(output)?.[1] ?? '',
    output: () => output,
    async stop() {
      child.kill('SIGINT');
      const code = await Promise.race([
        ended,
        new Promise<'late'>((r) => setTimeout(() => r('late'), 20_000)),
      ]);
      if (code === 'late') {
        child.kill('SIGKILL');
        throw new Error(`weft up did not end after SIGINT\n${output.slice(-3000)}`);
      }
      rmSync(folder, { recursive: true, force: true });
      return code;
    },
  };
}

async function servesPage(gateway: string): Promise<void> {
  const response = await fetch(`${gateway}/productpage`, { signal: AbortSignal.timeout(3_000) });
  const text = await response.text();
  if (response.status !== 200 || !isWhole(text)) throw new Error(`${response.status} ${text.slice(0, 200)}`);
}

/** The page with what every service adds: the gateway alone, or productpage alone, is not the mesh. */
function isWhole(page: string): boolean {
  return page.includes('Harbour Press') && page.includes('id="reviews-version"');
}

function tail(file: string): string {
  try {
    return `${file}:\n${readFileSync(file, 'utf8').slice(-3_000)}\n`;
  } catch (error) {
    return `${file}: ${(error as Error).message}\n`;
  }
}

async function giveTo(uid: number, folders: readonly string[]): Promise<void> {
  const { spawnSync } = await import('node:child_process');
  for (const folder of folders) {
    spawnSync('chown', ['-R', `${uid}:${uid}`, folder]);
    chmodSync(folder, 0o755);
  }
}
