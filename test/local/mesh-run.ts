import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { vi } from 'vitest';
import type { Way } from '../../src/local/way.ts';

// Starts `weft up` with stand-ins (fixtures/up.ts) as its own process, and looks at it from outside.

const fixture = (name: string): string => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));
const isRoot = process.getuid?.() === 0;
const NOBODY = 65_534;

/** The ways that can be tried by this user. Root tries rootless as nobody. */
export const namespaceWays: readonly Way[] = isRoot ? ['root', 'rootless'] : ['rootless'];

export interface MeshRun {
  readonly process: ChildProcess;
  readonly mesh: string;
  readonly url: string;
  readonly dashboard: string;
  /** The run's state. */
  readonly folder: string;
  events(): readonly { event: string; text: string }[];
  /** Body of a GET through the gateway; rejects when it takes long. */
  get<T = Answer>(path: string): Promise<T>;
  log(name: string): string;
  write(text: string): void;
  /** Host pids of everything that the run started. */
  pids(): number[];
  ended: Promise<number | null>;
}

export interface Answer {
  readonly version?: string;
  readonly host: string;
  readonly pid: number;
  readonly peer: string;
}

export const meshText = (): string =>
  readFileSync(fixture('mesh.yaml'), 'utf8').replaceAll('APP', fixture('app.ts'));

/** A folder that every user may use; `cleanUp` removes all of them. */
const folders: string[] = [];
export function cleanUp(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

export async function startMesh(
  way: Way,
  options: { text?: string; base?: string; port?: number } = {},
): Promise<MeshRun> {
  const base = options.base ?? mkdtempSync(join(tmpdir(), 'weft-mesh-'));
  folders.push(base);
  chmodSync(base, 0o777);
  const mesh = join(base, 'mesh');
  mkdirSync(mesh, { recursive: true });
  const write = (text: string): void => writeFileSync(join(mesh, 'mesh.yaml'), text);
  write(options.text ?? meshText());
  const argv = [process.execPath, fixture('up.ts'), mesh, `${options.port ?? 0}`, way];
  const user =
    isRoot && way !== 'root'
      ? ['setpriv', '--reuid', `${NOBODY}`, '--regid', `${NOBODY}`, '--clear-groups']
      : [];
  const [command = '', ...args] = [...user, ...argv];
  const env = { PATH: process.env['PATH'] ?? '', XDG_CACHE_HOME: base };
  const child = spawn(command, args, { cwd: base, env, stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const events = () =>
    output
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const find = (kind: string) => events().find((event) => event.event === kind);
  await vi.waitUntil(() => find('ready') !== undefined || child.exitCode !== null, { timeout: 30_000 });
  const ready = find('ready') ?? {};
  const folder = events().find((event) => event.folder !== undefined)?.folder ?? '';
  return {
    process: child,
    mesh,
    url: ready.gateway,
    dashboard: ready.dashboard,
    folder,
    events,
    write,
    ended,
    log: (name) => readFileSync(join(folder, 'logs', `${name}.log`), 'utf8'),
    async get(path) {
      const response = await fetch(ready.gateway + path, {
        signal: AbortSignal.timeout(8000),
        headers: { connection: 'close' },
      });
      return (await response.json()) as never;
    },
    pids: () => descendants(child.pid ?? 0),
  };
}

/** Pids of a process and all its descendants; enclosures do not hide them from outside. */
function descendants(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    const stat = /^\d+$/.test(name) ? readStat(Number(name)) : undefined;
    if (stat !== undefined) children.set(stat.parent, [...(children.get(stat.parent) ?? []), Number(name)]);
  }
  const found = [root];
  for (const pid of found) found.push(...(children.get(pid) ?? []));
  return found;
}

/** Whether any of these processes still runs (a zombie does not). */
export function anyRuns(pids: readonly number[]): boolean {
  return pids.some((pid) => !['Z', 'X', undefined].includes(readStat(pid)?.state));
}

function readStat(pid: number): { state: string; parent: number } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state = '', parent = ''] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state, parent: Number(parent) };
  } catch {
    return undefined;
  }
}

/** What a run must leave as it was: interfaces, rules, mounts. */
export function traces(): Record<string, string> {
  const env = { PATH: `${process.env['PATH']}:/usr/sbin:/sbin` };
  const run = (command: string, ...args: string[]): string =>
    spawnSync(command, args, { encoding: 'utf8', env }).stdout;
  return {
    interfaces: run('ip', '-brief', 'link'),
    rules: run('nft', 'list', 'ruleset'),
    mounts: readFileSync('/proc/self/mountinfo', 'utf8'),
  };
}

/** Network namespaces of processes, without our own. */
export function namespacesOf(pids: readonly number[]): Set<string> {
  const own = readlinkSync('/proc/self/ns/net');
  return new Set(pids.map(namespaceOf).filter((one) => one !== undefined && one !== own) as string[]);
}

/** Whether any process is in one of these namespaces. */
export function anyIn(namespaces: ReadonlySet<string>): boolean {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.some((pid) => namespaces.has(namespaceOf(Number(pid)) ?? ''));
}

function namespaceOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return undefined;
  }
}

/** A question to the run's status socket. */
export async function status(run: MeshRun): Promise<StatusAnswer> {
  const { connect } = await import('node:net');
  return new Promise((resolve, reject) => {
    const socket = connect(join(run.folder, 'platform.sock'));
    let text = '';
    socket.on('error', reject);
    socket.setEncoding('utf8').on('data', (data: string) => {
      text += data;
      if (!text.endsWith('\n')) return;
      socket.destroy();
      resolve(JSON.parse(text) as StatusAnswer);
    });
    socket.write('{"get":"status"}\n');
  });
}

export interface StatusAnswer {
  readonly way: string;
  readonly processes: readonly {
    readonly name: string;
    readonly kind: string;
    readonly state: string;
    readonly pid?: number;
    readonly restarts: number;
    readonly cpuSeconds?: number;
    readonly rssBytes?: number;
  }[];
  readonly pods: readonly { readonly name: string; readonly ready: boolean; readonly address: string }[];
  readonly problems: readonly { readonly file: string; readonly line: number; readonly message: string }[];
}
