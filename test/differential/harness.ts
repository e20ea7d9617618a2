/**
 * Envoy and `weft proxy` side by side, started from the same bootstrap (a function of the ports), each with upstreams of
 * its own that record. A lane is a listener and an upstream on either side: cases on one lane run one after the other,
 * lanes run at the same time. What a family of tests brings is a bootstrap, cases, and what it compares.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { envoyForTests, fetchText } from '../serve/envoy.ts';
import { type ClientRecord, exchange, type RawRequest } from './raw-client.ts';
import { RecordingUpstream, type ScriptedAnswer, type UpstreamRecord } from './recording-upstream.ts';

export interface Ports {
  readonly admin: number;
  /** One a lane. */
  readonly listeners: readonly number[];
  /** One a lane, where that lane's upstream listens. */
  readonly upstreams: readonly number[];
}

/** An upstream that answers by a script and says what it heard. */
export interface ScriptedUpstream {
  readonly port: number;
  close(): void;
}

/** One proxy of the pair. */
export interface Side<Upstream extends ScriptedUpstream = RecordingUpstream> {
  readonly name: 'envoy' | 'weft';
  readonly ports: Ports;
  readonly upstreams: readonly Upstream[];
  readonly process: ChildProcess;
  /** What the process printed. */
  output(): string;
  admin(path: string): Promise<string>;
}

export interface Pair<Upstream extends ScriptedUpstream = RecordingUpstream> {
  readonly envoy: Side<Upstream>;
  readonly weft: Side<Upstream>;
  readonly lanes: number;
  stop(): Promise<void>;
}

/** A request, and how the upstream answers it. */
export interface Case extends RawRequest {
  readonly answers: readonly ScriptedAnswer[];
}

export interface Outcome {
  readonly client: ClientRecord;
  readonly upstream: UpstreamRecord;
}

const root = fileURLToPath(new URL('../..', import.meta.url));

type Bootstrap = (ports: Ports) => object;

/**
 * Starts both; undefined where there is no Envoy (an error with WEFT_REQUIRE_REAL_PARTS=1). `upstreams`: how many recording
 * ones each has, by default one a lane.
 */
export function startPair(bootstrap: Bootstrap, lanes = 1, upstreams = lanes): Promise<Pair | undefined> {
  return startPairOf(bootstrap, lanes, upstreams, () => RecordingUpstream.listen());
}

/** The same with other upstreams; `listen` makes the n-th of a side. */
export async function startPairOf<Upstream extends ScriptedUpstream>(
  bootstrap: Bootstrap,
  lanes: number,
  upstreams: number,
  listen: (n: number) => Promise<Upstream>,
): Promise<Pair<Upstream> | undefined> {
  const binary = await envoyForTests();
  if (binary === undefined) return undefined;
  // Chosen together: nobody has them before the proxies listen.
  const ports = await unusedPorts(2 * (lanes + 1));
  const sides = await bothOrNone([
    startSide('envoy', bootstrap, ports.slice(lanes + 1), upstreams, listen, (file) => [
      binary,
      ...['-c', file, '--use-dynamic-base-id', '--concurrency', '1', '-l', 'error'],
    ]),
    startSide('weft', bootstrap, ports.slice(0, lanes + 1), upstreams, listen, weftCommand),
  ]);
  return {
    envoy: sides[0],
    weft: sides[1],
    lanes,
    stop: async () => void (await Promise.all(sides.map(stopSide))),
  };
}

/** Where one does not start the other is stopped. */
async function bothOrNone<S extends Side<ScriptedUpstream>>(
  starting: readonly [Promise<S>, Promise<S>],
): Promise<readonly [S, S]> {
  const settled = await Promise.allSettled(starting);
  const failed = settled.find((one) => one.status === 'rejected');
  if (failed !== undefined) {
    for (const one of settled) if (one.status === 'fulfilled') await stopSide(one.value);
    throw failed.reason;
  }
  return Promise.all(starting);
}

/** `weft proxy` alone, from its sources. */
export async function startWeft(bootstrap: Bootstrap, lanes = 1): Promise<Side> {
  const ports = await unusedPorts(lanes + 1);
  return startSide('weft', bootstrap, ports, lanes, () => RecordingUpstream.listen(), weftCommand);
}

function weftCommand(file: string): readonly string[] {
  const main = join(root, 'src/proxy/main.ts');
  const flags = ['--config-path', file, '--log-level=warning'];
  return [process.execPath, '--disable-warning=ExperimentalWarning', main, ...flags];
}

/** Sends one case through one proxy. `quietMs`: how long silence must last to be one. */
export async function run(side: Side, lane: number, one: Case, quietMs = 100): Promise<Outcome> {
  const upstream = side.upstreams[lane] as RecordingUpstream;
  upstream.begin(one.answers);
  const client = await exchange(side.ports.listeners[lane] as number, one, quietMs);
  return { client, upstream: await upstream.heard(quietMs * 2) };
}

async function startSide<Upstream extends ScriptedUpstream>(
  name: Side['name'],
  bootstrap: Bootstrap,
  [admin = 0, ...listeners]: readonly number[],
  count: number,
  listen: (n: number) => Promise<Upstream>,
  command: (file: string) => readonly string[],
): Promise<Side<Upstream>> {
  const upstreams = await Promise.all(Array.from({ length: count }, (_, n) => listen(n)));
  const ports = { admin, listeners, upstreams: upstreams.map(({ port }) => port) };
  const folder = mkdtempSync(join(tmpdir(), `weft-differential-${name}-`));
  const file = join(folder, 'bootstrap.json');
  writeFileSync(file, JSON.stringify(bootstrap(ports)));
  const [program = '', ...args] = command(file);
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data) => (output = (output + data).slice(-20_000)));
  const side: Side<Upstream> = {
    name,
    ports,
    upstreams,
    process: child,
    output: () => output,
    admin: (path) => fetchText(admin, path),
  };
  try {
    await ready(side);
  } catch (error) {
    await stopSide(side);
    throw error;
  } finally {
    rmSync(folder, { recursive: true });
  }
  return side;
}

async function ready(side: Side<ScriptedUpstream>): Promise<void> {
  const untilMs = Date.now() + 20_000;
  while (!(await side.admin('/ready').catch(() => '')).includes('LIVE')) {
    if (side.process.exitCode !== null || Date.now() > untilMs)
      throw new Error(`${side.name} did not start:\n${side.output()}`);
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

/** Ends the process and its upstreams. */
export async function stopSide(side: Side<ScriptedUpstream>): Promise<void> {
  for (const upstream of side.upstreams) upstream.close();
  const { process: child } = side;
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await exited;
}

/**
 * Ports below those that outgoing connections take, so that nothing takes them until the proxy listens; in one row, so
 * that two runs at the same time rarely meet.
 */
export async function unusedPorts(count: number): Promise<readonly number[]> {
  const found: number[] = [];
  const start = 12_000 + Math.floor(Math.random() * 17_000);
  for (let port = start; found.length < count && port < 32_000; port++)
    if (await isUnused(port)) found.push(port);
  return found;
}

function isUnused(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
