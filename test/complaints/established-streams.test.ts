/**
 * What users of meshes complain about, shown to be over: a WebSocket that is cut by a change of configuration, and
 * answers that are cut when a proxy leaves.
 */
import { once } from 'node:events';
import { renameSync, writeFileSync } from 'node:fs';
import { Agent, createServer, get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { any } from '../../src/xds/resources.ts';
import { eventually } from '../mesh/eventually.ts';
import { makePlace, startProxyProcess } from '../process/proxy-process.ts';

let finish = (): void => {};
const app = createServer((request, response) => {
  if (request.url !== '/slow') {
    response.end(`route ${request.headers['x-route']}`);
    return;
  }
  response.write('begun ');
  finish = () => response.end('and done');
});
const sockets = new WebSocketServer({ server: app });
sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(`echo ${data}`)));
let upstream = 0;

beforeAll(async () => {
  app.listen(0, '127.0.0.1');
  await once(app, 'listening');
  upstream = (app.address() as AddressInfo).port;
});
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
afterAll(() => {
  sockets.close();
  app.closeAllConnections();
  app.close();
});

const address = (port_value: number) => ({ socket_address: { address: '127.0.0.1', port_value } });
const inFile = (folder: string, type: string) => ({
  path_config_source: { path: join(folder, `${type}.json`) },
  resource_api_version: 'V3',
});

/** A proxy whose listeners, routes and clusters are in files. `write` gives each revision other values. */
async function startFromFiles() {
  const place = await makePlace(upstream, (admin, _port, _upstream, folder) => ({
    node: { id: 'sidecar~10.244.0.1~web-1.default~default.svc.cluster.local', cluster: 'test' },
    admin: { address: address(admin) },
    dynamic_resources: { lds_config: inFile(folder, 'lds'), cds_config: inFile(folder, 'cds') },
  }));
  cleanups.push(place.remove);
  const put = (type: string, resource: object): void => {
    const path = join(place.folder, `${type}.json`);
    writeFileSync(`${path}.new`, JSON.stringify({ version_info: '1', resources: [resource] }));
    renameSync(`${path}.new`, path);
  };
  const write = {
    listener: (stat_prefix: string) =>
      put('lds', listener(place.port, stat_prefix, inFile(place.folder, 'rds'))),
    route: (value: string) => put('rds', routes(value)),
    cluster: (connect_timeout: string) => put('cds', cluster(connect_timeout)),
  };
  write.cluster('1s');
  write.route('1');
  write.listener('one');
  const proxy = await startProxyProcess(place, ['--drain-time-s', '1']);
  cleanups.push(proxy.stop);
  return { ...place, proxy, write };
}

function listener(port: number, stat_prefix: string, config_source: object): object {
  const manager = any('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', {
    stat_prefix,
    drain_timeout: '0.1s',
    upgrade_configs: [{ upgrade_type: 'websocket' }],
    rds: { route_config_name: 'main', config_source },
    http_filters: [
      { name: 'router', typed_config: any('envoy.extensions.filters.http.router.v3.Router', {}) },
    ],
  });
  return {
    '@type': 'type.googleapis.com/envoy.config.listener.v3.Listener',
    name: 'main',
    address: address(port),
    filter_chains: [{ filters: [{ name: 'http', typed_config: manager }] }],
  };
}

function routes(value: string): object {
  return {
    '@type': 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration',
    name: 'main',
    virtual_hosts: [
      {
        name: 'all',
        domains: ['*'],
        routes: [{ match: { prefix: '/' }, route: { cluster: 'app' } }],
        request_headers_to_add: [{ header: { key: 'x-route', value } }],
      },
    ],
  };
}

function cluster(connect_timeout: string): object {
  return {
    '@type': 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
    name: 'app',
    connect_timeout,
    load_assignment: {
      cluster_name: 'app',
      endpoints: [{ lb_endpoints: [{ endpoint: { address: address(upstream) } }] }],
    },
  };
}

async function ask(port: number): Promise<string> {
  return (await fetch(`http://127.0.0.1:${port}/`)).text();
}

async function echoed(socket: WebSocket, text: string): Promise<void> {
  socket.send(text);
  const [data] = await once(socket, 'message');
  expect(String(data)).toBe(`echo ${text}`);
}

describe('an open WebSocket', () => {
  it('outlives changes of its route, its cluster and its listener, and the drain of the old one', async () => {
    const { port, admin, write } = await startFromFiles();
    const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
    cleanups.push(() => socket.terminate());
    let closed = false;
    socket.on('close', () => (closed = true));
    await once(socket, 'open');
    await echoed(socket, 'first');
    write.route('2');
    await eventually(async () => expect(await ask(port)).toBe('route 2'));
    await echoed(socket, 'after the route');
    write.cluster('2s');
    const changed = async () => (await fetch(`http://127.0.0.1:${admin}/config_dump`)).text();
    await eventually(async () => expect(await changed()).toContain('"connect_timeout": "2s"'));
    await echoed(socket, 'after the cluster');
    write.listener('two');
    await eventually(async () => {
      await ask(port);
      const stats = await (await fetch(`http://127.0.0.1:${admin}/stats`)).text();
      expect(stats).toMatch(/http\.two\.downstream_rq_total: [1-9]/);
    });
    // The old filter chain's drain_timeout and the process's drain time.
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await echoed(socket, 'after the listener');
    expect(closed).toBe(false);
  });
});

describe('an idle connection', () => {
  it('stays open when its listener changes, and its next request is taken by the new one', async () => {
    const { port, admin, write } = await startFromFiles();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    cleanups.push(() => agent.destroy());
    const first = await askKept(port, agent);
    write.listener('two');
    const count = async () => {
      const stats = await (await fetch(`http://127.0.0.1:${admin}/stats?filter=http.two`)).text();
      return Number(/http\.two\.downstream_rq_total: (\d+)/.exec(stats)?.[1] ?? 0);
    };
    await eventually(async () => {
      await ask(port);
      expect(await count()).toBeGreaterThan(0);
    });
    const before = await count();
    expect(await askKept(port, agent)).toBe(first);
    expect(await count()).toBe(before + 1);
  });
});

/** The client's port: the same where the connection was the same. */
function askKept(port: number, agent: Agent): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const request = get({ host: '127.0.0.1', port, agent }, (response) => {
      const { localPort } = response.socket;
      response.resume().on('end', () => resolve(localPort));
    });
    request.on('error', reject);
  });
}

describe('a proxy that is told to end', () => {
  it('finishes what it has begun', async () => {
    const { port, proxy } = await startFromFiles();
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      get({ host: '127.0.0.1', port, path: '/slow', agent: false }, resolve).on('error', reject);
    });
    let body = '';
    response.on('data', (bytes) => (body += bytes));
    await eventually(() => expect(body).toBe('begun '));
    proxy.child.kill('SIGTERM');
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(proxy.child.exitCode).toBeNull();
    finish();
    await once(response, 'end');
    expect(body).toBe('begun and done');
    await eventually(() => expect(proxy.child.exitCode).toBe(0));
  });
});
