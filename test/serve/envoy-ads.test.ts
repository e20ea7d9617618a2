import { mkdir, writeFile } from 'node:fs/promises';
import { Agent, createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type RunningAgent, runAgent } from '../../src/agent/main.ts';
import { proxyStatusOf } from '../../src/control/serve/proxy-status.ts';
import { any } from '../../src/xds/resources.ts';
import { until } from './ads-client.ts';
import { envoyForTests, freePorts, type RunningEnvoy, startEnvoy } from './envoy.ts';
import { type Contents, type PlainMesh, plainMesh } from './plain-mesh.ts';

// A real Envoy at the control plane's port, in both protocols of ADS, and behind the agent: no request may fail while configuration changes.

const binary = await envoyForTests();
const nodeId = 'sidecar~10.244.0.1~web-1.default~default.svc.cluster.local';

let mesh: PlainMesh;
let app: Server;
let envoy: RunningEnvoy | undefined;
let agent: RunningAgent | undefined;
let port: number;
let adminPort: number;

beforeEach(async () => {
  mesh = await plainMesh();
  app = createServer((incoming, response) => response.end(`route ${incoming.headers['x-route']}`));
  await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve));
  [port = 0, adminPort = 0] = freePorts(2);
});

afterEach(async () => {
  await envoy?.kill();
  envoy = undefined;
  await agent?.close();
  agent = undefined;
  await new Promise((resolve) => app.close(resolve));
  await mesh.close();
});

/** A listener, a route and an EDS cluster; `revision` names the cluster and marks the route, `tweak` changes the cluster. */
function contents(revision: number, tweak = 0): Contents {
  const cluster = `app-${revision}`;
  const source = { ads: {}, resource_api_version: 'V3' };
  const address = {
    socket_address: { address: '127.0.0.1', port_value: (app.address() as AddressInfo).port },
  };
  const hcm = any('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', {
    stat_prefix: 'test',
    rds: { route_config_name: 'main', config_source: source },
    http_filters: [
      { name: 'router', typed_config: any('envoy.extensions.filters.http.router.v3.Router', {}) },
    ],
  });
  const header = { key: 'x-route', value: `${revision}/${tweak}` };
  return {
    clusters: [
      {
        name: cluster,
        type: 'EDS',
        connect_timeout: `${1 + tweak}s`,
        eds_cluster_config: { eds_config: source },
      },
    ],
    endpoints: [{ cluster_name: cluster, endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] }],
    listeners: [
      {
        name: 'main',
        address: { socket_address: { address: '127.0.0.1', port_value: port } },
        filter_chains: [{ filters: [{ name: 'hcm', typed_config: hcm }] }],
      },
    ],
    routes: [
      {
        name: 'main',
        virtual_hosts: [
          {
            name: 'all',
            domains: ['*'],
            routes: [{ match: { prefix: '/' }, route: { cluster } }],
            request_headers_to_add: [{ header, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' }],
          },
        ],
      },
    ],
  };
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

const connections = new Agent({ keepAlive: true, maxSockets: 4 });

function fetchOnce(): Promise<Answer> {
  return new Promise((resolve) => {
    request({ host: '127.0.0.1', port, agent: connections }, (response) => {
      let body = '';
      response.on('data', (chunk) => (body += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    })
      .on('error', (error) => resolve({ status: 0, body: error.message }))
      .end();
  });
}

/** Asks without pause until told to stop; every answer. */
function keepAsking(workers: number): { readonly answers: readonly Answer[]; stop(): Promise<void> } {
  const answers: Answer[] = [];
  let isOver = false;
  const ended = Array.from({ length: workers }, async () => {
    while (!isOver) answers.push(await fetchOnce());
  });
  return {
    answers,
    async stop() {
      isOver = true;
      await Promise.all(ended);
    },
  };
}

async function untilRoute(route: string): Promise<void> {
  const endMs = performance.now() + 20_000;
  for (let last = ''; last !== `route ${route}`; ) {
    if (performance.now() > endMs) throw new Error(`${last} stays\n${envoy?.output()}`);
    last = (await fetchOnce()).body;
  }
}

const ways = ['DELTA_GRPC', 'GRPC', 'the agent'] as const;

async function start(way: (typeof ways)[number]): Promise<void> {
  const { folder, plainPort } = mesh;
  const ads = way === 'the agent' ? await startAgent() : plainPort;
  const apiType = way === 'GRPC' ? 'GRPC' : 'DELTA_GRPC';
  envoy = await startEnvoy({ binary: binary!, folder, nodeId, ads, apiType, adminPort });
}

/** The socket that it serves. */
async function startAgent(): Promise<string> {
  const { folder, securePort, rootsFile } = mesh;
  const socketPath = join(folder, 'web-1.sock');
  const config = {
    namespace: 'default',
    pod: 'web-1',
    serviceAccount: 'web',
    socketPath,
    tokenFile: await mesh.tokenFile('default', 'web', 'web-1'),
    controlAddress: `127.0.0.1:${securePort}`,
    caRoot: rootsFile,
    cacheDir: join(folder, 'cache'),
  };
  await mkdir(join(folder, 'agent'));
  await writeFile(join(folder, 'agent', 'web-1.json'), JSON.stringify(config));
  agent = await runAgent({ configDir: join(folder, 'agent') }, { log: () => {} });
  return socketPath;
}

describe.skipIf(binary === undefined).each(ways)('a real Envoy by %s', (way) => {
  it('loses no request while clusters are replaced and changed under load', async () => {
    mesh.set(contents(0));
    await start(way);
    await untilRoute('0/0');
    const asking = keepAsking(4);
    const times: number[] = [];
    for (let revision = 1; revision <= 20; revision++) {
      const startMs = performance.now();
      // Every other time the same cluster changes in place: Envoy must be given its endpoints again to warm it.
      mesh.set(revision % 2 === 0 ? contents(revision - 1, 1) : contents(revision));
      await untilRoute(revision % 2 === 0 ? `${revision - 1}/1` : `${revision}/0`);
      times.push(performance.now() - startMs);
    }
    await asking.stop();
    const failed = asking.answers.filter(({ status }) => status !== 200);
    expect(new Map(failed.map(({ status, body }) => [`${status} ${body}`, failed.length]))).toEqual(
      new Map(),
    );
    times.sort((a, b) => a - b);
    console.log(
      `${way}: ${asking.answers.length} requests, 0 failures, 20 changes; median ${times[10]!.toFixed(0)} ms, worst ${times.at(-1)!.toFixed(0)} ms`,
    );
    const status = () => proxyStatusOf(mesh.fleet.streams()[0]!, true);
    await until(() => status()?.state === 'synced');
    expect(status()).toMatchObject({ dataPlane: 'envoy', rejections: 0 });
    const clusters = await envoy!.admin('/clusters');
    expect(clusters).toContain('app-19::');
    await until(() => status()?.types.find(({ type }) => type === 'clusters')?.resources === 1);
    expect(clusters).not.toContain('app-17::');
  });

  it('refuses what it cannot use, goes on with the last good version, and takes the mended one', async () => {
    mesh.set(contents(0));
    await start(way);
    await untilRoute('0/0');
    const good = contents(0, 2);
    const [main] = good.routes! as readonly [{ readonly name: string }];
    mesh.set({ ...good, routes: [{ ...main, virtual_hosts: [{ name: '', domains: [] }] }] });
    const status = () => proxyStatusOf(mesh.fleet.streams()[0]!, true);
    await until(() => status()?.state === 'rejected');
    const nack = status()?.types.find(({ type }) => type === 'routes')?.nack;
    expect(nack?.resources).toEqual(['main']);
    expect(nack?.message.length).toBeGreaterThan(10);
    expect((await fetchOnce()).status).toBe(200);
    mesh.set(contents(0, 3));
    await untilRoute('0/3');
    await until(() => status()?.state === 'synced');
  });
});
