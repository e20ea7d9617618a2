import { spawn } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { any, type HttpConnectionManager } from '../../src/xds/resources.ts';
import { type Pair, type Ports, type Side, startPair, startWeft, stopSide } from '../differential/harness.ts';
import { h2specForTests } from './h2spec-binary.ts';

// HTTP/2 towards clients, by h2spec: before a route that answers itself, and before an upstream of HTTP/1. Where there
// is an Envoy, its result is printed beside.

const CASES = 145;
/** h2spec waits so long, in seconds, for what a server is to do. Envoy's result is not judged. */
const PATIENCE_S = 3;
const PATIENCE_WITH_ENVOY_S = 1;
const RUN_TIMEOUT_MS = 110_000;

const program = await h2specForTests();

let upstream: Server | undefined;
let weft: Side | undefined;
let pair: Pair | undefined;

beforeAll(async () => {
  if (program === undefined) return;
  upstream = createServer((request, response) => {
    request.resume().on('end', () => response.end('an answer of the upstream'));
  });
  await new Promise<void>((resolve) => upstream?.listen(0, '127.0.0.1', resolve));
  const { port } = upstream.address() as AddressInfo;
  pair = await startPair((ports) => bootstrap(ports, port), 2);
  weft = pair?.weft ?? (await startWeft((ports) => bootstrap(ports, port), 2));
});

afterAll(async () => {
  await (pair === undefined ? weft && stopSide(weft) : pair.stop());
  upstream?.closeAllConnections();
  upstream?.close();
});

describe.skipIf(program === undefined)('h2spec', () => {
  // It mostly waits for what a server is not to do: both routes at once.
  it.concurrent.for([
    [0, 'a direct response'],
    [1, 'an upstream'],
  ] as const)('all of it holds before route %i: %s', async ([lane, what], { expect }) => {
    const ports = [weft, pair?.envoy].map((side) => side?.ports.listeners[lane]);
    const [ours, envoys] = await Promise.all(
      ports.map((port, i) =>
        port === undefined ? '' : runH2spec(port, i === 0 ? PATIENCE_S : PATIENCE_WITH_ENVOY_S),
      ),
    );
    console.log(`h2spec before ${what}: weft ${lastLine(ours)}; Envoy ${lastLine(envoys)}`);
    expect(lastLine(ours), ours).toBe(`${CASES} tests, ${CASES} passed, 0 skipped, 0 failed`);
  });
});

function lastLine(output: string | undefined): string {
  return output?.trim().split('\n').at(-1) || 'is not here';
}

/** Everything it printed. A failed case is no error here. */
function runH2spec(port: number, patienceS: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const args = ['-h', '127.0.0.1', '-p', String(port), '-o', String(patienceS)];
    const child = spawn(program ?? '', args, {
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: RUN_TIMEOUT_MS,
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString('latin1')));
    child.on('error', reject);
    child.on('close', () => resolve(output));
  });
}

function bootstrap({ admin, listeners }: Ports, upstreamPort: number): object {
  const routes = [
    {
      match: { prefix: '/' },
      direct_response: { status: 200, body: { inline_string: 'an answer of the proxy' } },
    },
    { match: { prefix: '/' }, route: { cluster: 'upstream' } },
  ];
  return {
    admin: { address: address(admin) },
    static_resources: {
      listeners: listeners.map((port, lane) => ({
        name: `lane-${lane}`,
        address: address(port),
        filter_chains: [{ filters: [{ name: 'http', typed_config: manager([routes[lane] as object]) }] }],
      })),
      clusters: [
        {
          name: 'upstream',
          connect_timeout: '1s',
          load_assignment: {
            cluster_name: 'upstream',
            endpoints: [{ lb_endpoints: [{ endpoint: { address: address(upstreamPort) } }] }],
          },
        },
      ],
    },
  };
}

function manager(routes: object[]): object {
  return any('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', {
    stat_prefix: 'test',
    codec_type: 'HTTP2',
    route_config: { name: 'routes', virtual_hosts: [{ name: 'all', domains: ['*'], routes }] },
    http_filters: [
      {
        name: 'envoy.filters.http.router',
        typed_config: any('envoy.extensions.filters.http.router.v3.Router', {}),
      },
    ],
  } as HttpConnectionManager);
}

function address(port: number): object {
  return { socket_address: { address: '127.0.0.1', port_value: port } };
}
