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
import { type AnyMessage, any, type Cluster, type HttpConnectionManager } from '../../src/xds/resources.ts';
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

/** One proxy of the pair. */
export interface Side {
  readonly name: 'envoy' | 'weft';
  readonly ports: Ports;
  readonly upstreams: readonly RecordingUpstream[];
  readonly process: ChildProcess;
  /** What the process printed. */
  output(): string;
  admin(path: string): Promise<string>;
}

export interface Pair {
  readonly envoy: Side;
  readonly weft: Side;
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

/**
 * Starts both; undefined where there is no Envoy (an error with WEFT_REQUIRE_REAL_PARTS=1). `upstreams`: how many recording
 * ones each has, by default one a lane.
 */
export async function startPair(
  bootstrap: (ports: Ports) => object,
  lanes = 1,
  upstreams = lanes,
): Promise<Pair | undefined> {
  const binary = await envoyForTests();
  if (binary === undefined) return undefined;
  // Chosen together: nobody has them before the proxies listen.
  const ports = await unusedPorts(2 * (lanes + 1));
  const sides = await bothOrNone([
    startSide('envoy', bootstrap, ports.slice(lanes + 1), upstreams, (file) => [
      binary,
      ...['-c', file, '--use-dynamic-base-id', '--concurrency', '1', '-l', 'error'],
    ]),
    startWeftOn(ports.slice(0, lanes + 1), bootstrap, upstreams),
  ]);
  return {
    envoy: sides[0],
    weft: sides[1],
    lanes,
    stop: async () => void (await Promise.all(sides.map(stopSide))),
  };
}

/** Where one does not start the other is stopped. */
async function bothOrNone(starting: readonly [Promise<Side>, Promise<Side>]): Promise<readonly [Side, Side]> {
  const settled = await Promise.allSettled(starting);
  const failed = settled.find((one) => one.status === 'rejected');
  if (failed !== undefined) {
    for (const one of settled) if (one.status === 'fulfilled') await stopSide(one.value);
    throw failed.reason;
  }
  return Promise.all(starting);
}

/** `weft proxy` alone, from its sources. */
export async function startWeft(bootstrap: (ports: Ports) => object, lanes = 1): Promise<Side> {
  return startWeftOn(await unusedPorts(lanes + 1), bootstrap, lanes);
}

function startWeftOn(
  ports: readonly number[],
  bootstrap: (ports: Ports) => object,
  upstreams: number,
): Promise<Side> {
  const main = join(root, 'src/proxy/main.ts');
  return startSide('weft', bootstrap, ports, upstreams, (file) => [
    process.execPath,
    ...['--disable-warning=ExperimentalWarning', main, '--config-path', file, '--log-level=warning'],
  ]);
}

/** Sends one case through one proxy. `quietMs`: how long silence must last to be one. */
export async function run(side: Side, lane: number, one: Case, quietMs = 100): Promise<Outcome> {
  const upstream = side.upstreams[lane] as RecordingUpstream;
  upstream.begin(one.answers);
  const client = await exchange(side.ports.listeners[lane] as number, one, quietMs);
  return { client, upstream: await upstream.heard(quietMs * 2) };
}

async function startSide(
  name: Side['name'],
  bootstrap: (ports: Ports) => object,
  [admin = 0, ...listeners]: readonly number[],
  count: number,
  command: (file: string) => readonly string[],
): Promise<Side> {
  const upstreams = await Promise.all(Array.from({ length: count }, () => RecordingUpstream.listen()));
  const ports = { admin, listeners, upstreams: upstreams.map(({ port }) => port) };
  const folder = mkdtempSync(join(tmpdir(), `weft-differential-${name}-`));
  const file = join(folder, 'bootstrap.json');
  writeFileSync(file, JSON.stringify(bootstrap(ports)));
  const [program = '', ...args] = command(file);
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data) => (output = (output + data).slice(-20_000)));
  const side: Side = {
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

async function ready(side: Side): Promise<void> {
  const untilMs = Date.now() + 20_000;
  while (!(await side.admin('/ready').catch(() => '')).includes('LIVE')) {
    if (side.process.exitCode !== null || Date.now() > untilMs)
      throw new Error(`${side.name} did not start:\n${side.output()}`);
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

/** Ends the process and its upstreams. */
export async function stopSide(side: Side): Promise<void> {
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

const PRESERVE_CASE = {
  stateful_formatter: {
    name: 'preserve_case',
    typed_config: any(
      'envoy.extensions.http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig',
      { forward_reason_phrase: true },
    ),
  },
};

export interface HttpBootstrap {
  /** Where the lanes' upstreams are, in place of the recording ones. */
  readonly upstreamPorts?: readonly number[];
  readonly manager?: Partial<HttpConnectionManager>;
  readonly cluster?: Cluster;
  /** Route action fields beside the cluster. */
  readonly route?: object;
  readonly router?: object;
  /** `@type` is added. Upstream protocol options in place of HTTP/1 with case kept. */
  readonly upstreamHttp?: object;
}

/** A listener a lane, all HTTP, one route each to its lane's upstream. Header case is kept on both sides. */
export function httpBootstrap(options: HttpBootstrap = {}): (ports: Ports) => object {
  return (ports) => ({
    node: { id: 'differential', cluster: 'test' },
    admin: { address: address(ports.admin) },
    static_resources: {
      listeners: ports.listeners.map((port, lane) => ({
        name: `lane-${lane}`,
        address: address(port),
        filter_chains: [{ filters: [{ name: 'http', typed_config: manager(lane, options) }] }],
      })),
      clusters: (options.upstreamPorts ?? ports.upstreams).map((port, lane) =>
        cluster(`lane-${lane}`, port, options),
      ),
    },
  });
}

export function address(port_value: number): object {
  return { socket_address: { address: '127.0.0.1', port_value } };
}

function manager(lane: number, { manager: more = {}, route = {}, router = {} }: HttpBootstrap): AnyMessage {
  return any('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', {
    stat_prefix: 'lane',
    delayed_close_timeout: '0.05s',
    http_protocol_options: {
      accept_http_10: true,
      enable_trailers: true,
      allow_absolute_url: true,
      allow_custom_methods: true,
      header_key_format: PRESERVE_CASE,
    },
    upgrade_configs: [{ upgrade_type: 'websocket' }],
    http_filters: [
      {
        name: 'envoy.filters.http.router',
        typed_config: any('envoy.extensions.filters.http.router.v3.Router', router),
      },
    ],
    route_config: {
      name: 'routes',
      virtual_hosts: [
        {
          name: 'all',
          domains: ['*'],
          routes: [{ match: { prefix: '/' }, route: { cluster: `lane-${lane}`, ...route } }],
        },
      ],
    },
    ...more,
  });
}

function cluster(name: string, port: number, { cluster: more = {}, upstreamHttp }: HttpBootstrap): object {
  return {
    name,
    connect_timeout: '1s',
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: address(port) } }] }],
    },
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': any(
        'envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
        upstreamHttp ?? {
          explicit_http_config: {
            http_protocol_options: { header_key_format: PRESERVE_CASE, enable_trailers: true },
          },
        },
      ),
    },
    ...more,
  };
}
