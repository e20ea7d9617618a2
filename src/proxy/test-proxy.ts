import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import { type Clock, systemClock } from '../lib/clock.ts';
import { seededRandom } from '../lib/random.ts';
import type { Network } from '../wire/connection.ts';
import { network as realNetwork } from '../wire/net.ts';
import { any, type Cluster, type HttpConnectionManager, type RouteConfiguration } from '../xds/resources.ts';
import { lowerNetworkFilters } from './filters/network/lower.ts';
import { refusalText } from './lowered.ts';
import { Exporters } from './observe/exporters.ts';
import type { LogSinks } from './observe/log-sinks.ts';
import { Metrics } from './observe/metrics.ts';
import type { Downstream, Runtime } from './runtime.ts';
import { lowerRouteConfiguration } from './stream/lower-route.ts';
import type { RouteTable } from './stream/route-table.ts';
import { Clusters } from './upstream/clusters.ts';
import { lowerCluster } from './upstream/lower-cluster.ts';
import type { ResolveName } from './upstream/resolve-name.ts';
import type { LowerUpstreamTls } from './upstream/upstream-tls.ts';

// A proxy for tests: filters and clusters from their messages, on real sockets of 127.0.0.1, without xDS around it.

const CLOSERS: (() => void)[] = [];

/** Closes whatever this file's functions opened since the last call; for afterEach. */
export function closeAll(): void {
  for (const close of CLOSERS.splice(0)) close();
}

export interface TestProxy {
  readonly port: number;
  readonly metrics: Metrics;
  readonly clusters: Clusters;
  /** Access log entries so far. */
  readonly log: readonly string[];
  /** Replaces the routes of RDS name `routes`. */
  setRoutes(routes: RouteConfiguration): void;
  setClusters(clusters: readonly Cluster[], removed?: readonly string[]): void;
  drain(): void;
  openConnections(): number;
}

export interface TestProxyOptions {
  readonly clusters?: readonly Cluster[];
  readonly routes?: RouteConfiguration;
  /** Fields of the connection manager beside the usual ones. */
  readonly manager?: Partial<HttpConnectionManager>;
  /** The whole chain, in place of a connection manager. */
  readonly filters?: Parameters<typeof lowerNetworkFilters>[0];
  readonly direction?: Downstream['direction'];
  readonly downstream?: Partial<Downstream>;
  readonly clock?: Clock;
  /** In place of sockets. */
  readonly network?: Network;
  /** In place of plaintext whatever transport sockets say. */
  readonly upstreamTls?: LowerUpstreamTls;
  readonly labels?: Record<string, string>;
  /** In place of knowing no name. */
  readonly resolveName?: ResolveName;
  /** In place of collecting entries. */
  readonly logs?: LogSinks;
}

export const ROUTER = {
  name: 'envoy.filters.http.router',
  typed_config: any('envoy.extensions.filters.http.router.v3.Router', {}),
};

/** Starts one listener with one chain. */
export async function startTestProxy(options: TestProxyOptions): Promise<TestProxy> {
  const clock = options.clock ?? systemClock;
  const network = options.network ?? realNetwork;
  const random = seededRandom(1);
  const node = {
    id: 'sidecar~10.0.0.7~productpage~default',
    cluster: 'productpage.default',
    workload: 'productpage-v1',
    namespace: 'default',
    serviceAccount: 'productpage',
    labels: options.labels ?? { app: 'productpage', version: 'v1' },
    metadata: {},
  };
  const log: string[] = [];
  const logs: LogSinks = options.logs ?? {
    open: () => ({ write: (entry) => void log.push(entry), droppedEntries: 0 }),
    reopen() {},
    flush: async () => {},
  };
  const metrics = new Metrics(node);
  const resolveName: ResolveName =
    options.resolveName ?? (async (host) => ({ ok: false, message: `${host} is not known` }));
  const clusters = new Clusters({ clock, random, network, metrics, resolveName });
  let routes: RouteTable | undefined;
  const runtime: Runtime = {
    clock,
    random,
    node,
    metrics,
    logs,
    exporters: new Exporters(),
    readFile: (path) => readFileSync(path, 'utf8'),
    routes: () => routes,
    cluster: (name) => clusters.get(name),
    draining: () => false,
  };
  const setRoutes = (message: RouteConfiguration): void => {
    const lowered = lowerRouteConfiguration(message);
    if (!lowered.ok) throw new Error(refusalText(lowered.refusals));
    routes = lowered.value;
  };
  const setClusters = (messages: readonly Cluster[], removed: readonly string[] = []): void => {
    const lowered = messages.map((message) => {
      const one = lowerCluster(message, options.upstreamTls ?? (() => ({ ok: true, value: undefined })));
      if (!one.ok) throw new Error(refusalText(one.refusals));
      return one.value;
    });
    clusters.apply(lowered, removed);
  };
  setClusters(options.clusters ?? []);
  if (options.routes !== undefined) setRoutes({ name: 'routes', ...options.routes });
  const manager: HttpConnectionManager = {
    stat_prefix: 'test',
    rds: { route_config_name: 'routes', config_source: { ads: {} } },
    http_filters: [ROUTER],
    ...options.manager,
  };
  const direction = options.direction ?? 'outbound';
  const lowered = lowerNetworkFilters(
    options.filters ?? [
      {
        name: 'http',
        typed_config: any(
          'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
          manager,
        ),
      },
    ],
    { runtime, listener: 'test', filterChain: '', direction, field: 'filters' },
  );
  if (!lowered.ok) throw new Error(refusalText(lowered.refusals));
  const terminal = lowered.value;
  let id = 0;
  const listener = await network.listen({
    host: '127.0.0.1',
    port: 0,
    onConnection: (connection) =>
      terminal.onConnection({
        connection,
        id: ++id,
        listener: 'test',
        filterChain: '',
        direction,
        local: { address: connection.localAddress, port: connection.localPort },
        remote: { address: connection.remoteAddress, port: connection.remotePort },
        requestedServerName: '',
        tls: undefined,
        firstBytes: undefined,
        ...options.downstream,
      }),
  });
  if (!listener.ok) throw new Error(listener.error.message);
  CLOSERS.push(() => {
    void listener.value.close();
    clusters.close();
  });
  return {
    port: listener.value.port,
    metrics,
    clusters,
    log,
    setRoutes,
    setClusters,
    drain: () => terminal.drain(),
    openConnections: () => terminal.openConnections,
  };
}

/** A STATIC cluster of ports on 127.0.0.1. */
export function staticCluster(name: string, ports: readonly number[], more: Cluster = {}): Cluster {
  const lb_endpoints = ports.map((port_value) => ({
    endpoint: { address: { socket_address: { address: '127.0.0.1', port_value } } },
  }));
  return {
    name,
    connect_timeout: '1s',
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints }] },
    ...more,
  };
}

/** Routes of one virtual host for every host. */
export function routesOf(
  ...routes: NonNullable<NonNullable<RouteConfiguration['virtual_hosts']>[number]['routes']>
): RouteConfiguration {
  return { name: 'routes', virtual_hosts: [{ name: 'all', domains: ['*'], routes }] };
}

/** An upstream written with node:http; the body of each request is there when `handler` is called. */
export async function startUpstream(
  handler: (request: IncomingMessage & { body: string }, response: ServerResponse) => void,
  options: { readonly keepAliveTimeout?: number } = {},
): Promise<{ readonly port: number; readonly server: Server }> {
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () =>
      handler(Object.assign(incoming, { body: Buffer.concat(chunks).toString('latin1') }), response),
    );
    incoming.on('error', () => {});
  });
  if (options.keepAliveTimeout !== undefined) server.keepAliveTimeout = options.keepAliveTimeout;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  CLOSERS.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, server };
}

/** An upstream of raw bytes. */
export async function startRawUpstream(
  onSocket: (socket: Socket) => void,
): Promise<{ readonly port: number }> {
  const sockets = new Set<Socket>();
  const server = createTcpServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  CLOSERS.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port };
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly rawHeaders: readonly string[];
  readonly trailers: IncomingMessage['trailers'];
  readonly body: string;
}

/** One request on a connection of its own. */
export function send(
  port: number,
  options: {
    readonly path?: string;
    readonly method?: string;
    readonly headers?: Record<string, string | string[]>;
    readonly body?: string | Buffer;
  } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { path = '/', method = 'GET', headers = {}, body } = options;
    const outgoing = request({ host: '127.0.0.1', port, path, method, headers, agent: false }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('error', reject);
      incoming.on('end', () =>
        resolve({
          status: incoming.statusCode ?? 0,
          headers: incoming.headers,
          rawHeaders: incoming.rawHeaders,
          trailers: incoming.trailers,
          body: Buffer.concat(chunks).toString('latin1'),
        }),
      );
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** Raw bytes in, everything that comes back until the other side ends. `end`: half-close after sending. */
export function sendRaw(
  port: number,
  bytes: string,
  options: { readonly end?: boolean } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
    });
    socket.on('end', () => {
      socket.end();
      resolve(text);
    });
    socket.on('error', (error) => (text === '' ? reject(error) : resolve(text)));
    socket.write(bytes, 'latin1');
    if (options.end) socket.end();
  });
}

/** A raw client connection, with what has come so far. */
export async function openRaw(
  port: number,
): Promise<{ readonly socket: Socket; read(until: RegExp): Promise<string> }> {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  let text = '';
  const waiting: (() => void)[] = [];
  const wake = (): void => {
    for (const resume of waiting.splice(0)) resume();
  };
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
    wake();
  });
  socket.on('end', () => {
    text += '<end>';
    wake();
  });
  socket.on('error', () => {
    text += '<error>';
    wake();
  });
  await new Promise<void>((resolve) => socket.once('connect', resolve));
  CLOSERS.push(() => socket.destroy());
  return {
    socket,
    async read(until) {
      for (;;) {
        const found = until.exec(text);
        if (found !== null) {
          const end = found.index + found[0].length;
          const taken = text.slice(0, end);
          text = text.slice(end);
          return taken;
        }
        if (/<end>|<error>/.test(text)) throw new Error(`ended without ${until}: ${JSON.stringify(text)}`);
        await new Promise<void>((resolve) => waiting.push(resolve));
      }
    },
  };
}

/** Waits until something holds, at most ten seconds: machines may be busy. */
export async function eventually(holds: () => boolean): Promise<void> {
  const untilMs = Date.now() + 10_000;
  while (!holds()) {
    if (Date.now() > untilMs) throw new Error(`did not come to hold: ${holds.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
