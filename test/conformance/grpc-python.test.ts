/** gRPC of another family (grpcio: C++ under Python) through `weft proxy`: client and server are processes of their own. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { any } from '../../src/xds/resources.ts';
import { type Side, startWeft, stopSide } from '../differential/harness.ts';
import { address } from '../differential/http-bootstrap.ts';

const run = promisify(execFile);
const FOLDER = fileURLToPath(new URL('../../.weft/grpcio', import.meta.url));
const PYTHON = `${FOLDER}/bin/python`;
const SCRIPT = fileURLToPath(new URL('./echo.py', import.meta.url));

/** Installs grpcio once, in an environment of its own in the project's cache; why it cannot be had, if so. */
async function install(): Promise<string | undefined> {
  if (existsSync(`${FOLDER}/installed`)) return undefined;
  try {
    await run('python3', ['-m', 'venv', FOLDER], { timeout: 60_000 });
    await run(PYTHON, ['-m', 'pip', 'install', '--quiet', 'grpcio'], { timeout: 150_000 });
    await run(PYTHON, ['-c', `import grpc; open(${JSON.stringify(`${FOLDER}/installed`)}, "w")`]);
    return undefined;
  } catch (error) {
    if (process.env['WEFT_REQUIRE_REAL_PARTS'] === '1') throw error;
    return `grpcio cannot be had here: ${String(error).slice(0, 200)}`;
  }
}

let missing: string | undefined;
let server: ChildProcess | undefined;
let weft: Side | undefined;

beforeAll(async () => {
  missing = await install();
  if (missing !== undefined) return;
  const started = spawn(PYTHON, [SCRIPT, 'server'], { stdio: ['pipe', 'pipe', 'inherit'] });
  server = started;
  const port = await new Promise<number>((resolve, reject) => {
    started.stdout.once('data', (text) => resolve(Number(text)));
    started.once('exit', () => reject(new Error('The Python server did not start.')));
  });
  weft = await startWeft(bootstrap(port));
});

afterAll(async () => {
  server?.kill('SIGKILL');
  if (weft !== undefined) await stopSide(weft);
});

function bootstrap(port: number) {
  const options = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
  const manager = any('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', {
    stat_prefix: 'grpc',
    route_config: {
      virtual_hosts: [
        {
          name: 'all',
          domains: ['*'],
          routes: [{ match: { prefix: '/' }, route: { cluster: 'python', timeout: '0s' } }],
        },
      ],
    },
    http_filters: [
      { name: 'router', typed_config: any('envoy.extensions.filters.http.router.v3.Router', {}) },
    ],
  });
  const cluster = {
    name: 'python',
    connect_timeout: '5s',
    typed_extension_protocol_options: {
      [options]: any(options, { explicit_http_config: { http2_protocol_options: {} } }),
    },
    load_assignment: {
      cluster_name: 'python',
      endpoints: [{ lb_endpoints: [{ endpoint: { address: address(port) } }] }],
    },
  };
  return ({ admin, listeners }: { readonly admin: number; readonly listeners: readonly number[] }) => ({
    node: { id: 'grpc', cluster: 'test' },
    admin: { address: address(admin) },
    static_resources: {
      listeners: listeners.map((listener) => ({
        name: 'grpc',
        address: address(listener),
        filter_chains: [{ filters: [{ name: 'http', typed_config: manager }] }],
      })),
      clusters: [cluster],
    },
  });
}

it('calls of every kind between a client and a server of grpcio', async ({ skip }) => {
  if (missing !== undefined) {
    console.log(missing);
    return skip();
  }
  const port = String(weft?.ports.listeners[0]);
  const { stdout } = await run(PYTHON, [SCRIPT, 'client', port], { timeout: 60_000 });
  expect(stdout.trim().split('\n')).toEqual([
    'unary hello',
    'large True',
    'fail NOT_FOUND no such thing end',
    'late DEADLINE_EXCEEDED',
    'collect 3000000',
    'count 2000000',
    "chat ['re: 0', 're: 1', 're: 2', 're: 3', 're: 4']",
    'zipped True',
  ]);
});
