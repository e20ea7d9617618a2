/**
 * One bootstrap, two proxies: Envoy and weft side by side behind the same upstreams, the same request bytes to each,
 * and what each sent upstream and answered, in a form that can be compared. Called by router.test.ts.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  any,
  type Cluster,
  type HttpConnectionManager,
  type Route,
  type RouteConfiguration,
  type VirtualHost,
} from '../../src/xds/resources.ts';

/** A listener of its own and requests to send to it. */
export interface RouterCase {
  readonly name: string;
  readonly manager?: Partial<HttpConnectionManager>;
  readonly routes?: readonly Route[];
  /** Fields of the one virtual host beside its routes. */
  readonly host?: Partial<VirtualHost>;
  /** Fields of the route configuration beside its virtual host. */
  readonly table?: Partial<RouteConfiguration>;
  /** In place of one virtual host. */
  readonly hosts?: readonly VirtualHost[];
  /** Each on a connection of its own, one after the other: bytes as the client sends them, `connection: close` not needed. */
  readonly requests: readonly string[];
}

/** What one proxy did with one request. */
export interface Observed {
  readonly upstream: readonly string[];
  readonly answer: string;
}

export interface ProxyPair {
  run(side: 'envoy' | 'weft', index: number, request: string): Promise<Observed>;
  /** The lines of /stats whose names match. */
  stats(side: 'envoy' | 'weft', names: RegExp): Promise<string[]>;
  stop(): Promise<void>;
}

// Clusters every case may use: `a` and `b` answer, `dead` refuses connections, `none` has no endpoint.

const REQUEST_MS = 4000;
const READY_MS = 20_000;
const COPY_MS = 60;

/** The bytes of a GET; lines end in \r\n. */
export function get(path: string, ...headers: string[]): string {
  return head('GET', path, ...headers);
}

export function head(method: string, path: string, ...headers: string[]): string {
  const host = headers.some((line) => /^host:/i.test(line)) ? [] : ['host: a.test'];
  return [`${method} ${path} HTTP/1.1`, ...host, ...headers, '', ''].join('\r\n');
}

/** Asks the upstream for answers other than 200: one per try, the last one again and again. */
export function answers(...heads: string[]): string {
  return `x-answer: ${heads.map((text) => Buffer.from(text).toString('base64')).join(' ')}`;
}

/**
 * Where both refuse a request alike: weft says in words why (the body, and its length and type), Envoy where it can add
 * a sentence only the text before it. Answers of the HTTP/1 parser have no further headers in weft.
 */
export function withoutWords({ envoy, weft }: { readonly envoy: Observed; readonly weft: Observed }) {
  const message = /(?<=\ngrpc-message: .*)%0A.*/;
  if (message.test(weft.answer) && !message.test(envoy.answer))
    return { envoy, weft: { ...weft, answer: weft.answer.replace(message, '') } };
  // What Envoy refuses before it looks for a body ends the connection, also where there is no body to come.
  if (/^HTTP\/1.1 4/.test(envoy.answer) && !/^connection:/m.test(weft.answer))
    return withoutWordsOf({
      envoy: { ...envoy, answer: envoy.answer.replace(/\nconnection: close/, '') },
      weft,
    });
  return withoutWordsOf({ envoy, weft });
}

function withoutWordsOf({ envoy, weft }: { readonly envoy: Observed; readonly weft: Observed }) {
  const [status] = /^HTTP\/1.1 [45]\d\d/.exec(envoy.answer) ?? [];
  if (status === undefined || !weft.answer.startsWith(status)) return { envoy, weft };
  const [envoyText, weftText] = [envoy, weft].map(({ answer }) => answer.split('\n\n').slice(1).join('\n\n'));
  const explained = weftText !== envoyText && weftText?.startsWith(envoyText ?? '');
  if (!explained) return { envoy, weft };
  const parser = !/^server:/m.test(weft.answer);
  const bare = (one: Observed): Observed => ({
    upstream: one.upstream,
    answer: parser
      ? (one.answer.split(' ')[1] ?? '')
      : (one.answer.split('\n\n')[0] ?? '').replace(/\ncontent-(length|type): .*/g, ''),
  });
  return { envoy: bare(envoy), weft: bare(weft) };
}

export async function startPair(
  envoyBinary: string,
  cases: readonly RouterCase[],
  more: readonly Cluster[] = [],
): Promise<ProxyPair> {
  const folder = await mkdtemp(join(tmpdir(), 'weft-router-'));
  const upstream = await startUpstreams();
  const ports = await quietPorts(2 * cases.length + 3);
  const dead = ports[2 * cases.length + 2] as number;
  const portOf = (side: 'envoy' | 'weft', index: number): number =>
    ports[side === 'envoy' ? index : cases.length + index] as number;
  const children: ChildProcess[] = [];
  const start = async (side: 'envoy' | 'weft', command: string, args: readonly string[]): Promise<void> => {
    const admin = ports[2 * cases.length + (side === 'envoy' ? 0 : 1)] as number;
    const file = join(folder, `${side}.json`);
    const bootstrap = bootstrapOf(cases, (index) => portOf(side, index), admin, upstream.ports, dead, more);
    await writeFile(file, JSON.stringify(bootstrap));
    const child = spawn(command, [...args, file], { stdio: ['ignore', 'pipe', 'pipe'] });
    children.push(child);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text) => (output += text));
    await listening(portOf(side, cases.length - 1), () =>
      child.exitCode === null ? undefined : `${side} did not start:\n${output.slice(-4000)}`,
    );
  };
  const main = fileURLToPath(new URL('../../src/proxy/main.ts', import.meta.url));
  await Promise.all([
    start('envoy', envoyBinary, ['--use-dynamic-base-id', '--concurrency', '1', '-l', 'error', '-c']),
    start('weft', process.execPath, [main, '--config-path']),
  ]);
  return {
    async run(side, index, request) {
      upstream.take();
      const port = portOf(side, index);
      const answer = await exchange(port, request);
      // Copies of requests are sent beside, and later.
      if (/mirror/.test(cases[index]?.name ?? ''))
        await new Promise((resolve) => setTimeout(resolve, COPY_MS));
      const seen = upstream.take();
      const own = comparable(answer, port);
      // An answer to HEAD without a body: Envoy calls it chunked, weft says how long the body of a GET would be.
      const isHead = request.startsWith('HEAD ');
      return {
        upstream: seen.map((text) => comparable(text, port)).sort(),
        answer: isHead ? own.replace(/\n(content-length: 0|transfer-encoding: chunked)/, '') : own,
      };
    },
    async stats(side, names) {
      const admin = ports[2 * cases.length + (side === 'envoy' ? 0 : 1)] as number;
      const text = await (await fetch(`http://127.0.0.1:${admin}/stats`)).text();
      return text.split('\n').filter((line) => names.test(line));
    },
    async stop() {
      for (const child of children) child.kill('SIGKILL');
      upstream.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function bootstrapOf(
  cases: readonly RouterCase[],
  portOf: (index: number) => number,
  admin: number,
  upstreams: { readonly a: number; readonly b: number },
  dead: number,
  more: readonly Cluster[],
): object {
  const address = (port_value: number) => ({ socket_address: { address: '127.0.0.1', port_value } });
  const cluster = (name: string, ports: readonly number[], more: Cluster = {}): Cluster => ({
    name,
    type: 'STATIC',
    connect_timeout: '1s',
    load_assignment: {
      cluster_name: name,
      endpoints: [
        {
          lb_endpoints: ports.map((port) => ({
            endpoint: { address: address(port), hostname: `${name}.host` },
          })),
        },
      ],
    },
    ...more,
  });
  return {
    node: { id: 'node', cluster: 'test' },
    admin: { address: address(admin) },
    static_resources: {
      clusters: [
        cluster('a', [upstreams.a]),
        cluster('b', [upstreams.b]),
        cluster('dead', [dead]),
        cluster('none', []),
        ...more,
      ],
      listeners: cases.map((one, index) => ({
        name: `case-${index}`,
        address: address(portOf(index)),
        filter_chains: [{ filters: [{ name: 'http', typed_config: managerOf(one) }] }],
      })),
    },
  };
}

function managerOf(one: RouterCase) {
  const hosts = one.hosts ?? [{ name: 'all', domains: ['*'], routes: one.routes ?? [], ...one.host }];
  return any('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', {
    stat_prefix: 'test',
    http_filters: [
      {
        name: 'envoy.filters.http.router',
        typed_config: any('envoy.extensions.filters.http.router.v3.Router', {}),
      },
    ],
    route_config: { name: 'routes', validate_clusters: false, virtual_hosts: hosts, ...one.table },
    ...one.manager,
  });
}

/** Header names in lower case (weft keeps their case, Envoy does not), times and random names replaced. */
function comparable(text: string, port: number): string {
  const end = text.indexOf('\r\n\r\n');
  const [first = '', ...lines] = text.slice(0, end < 0 ? text.length : end).split('\r\n');
  const kept = lines
    .map((line) => line.replace(/^[^:]*/, (name) => name.toLowerCase()))
    .map((line) => line.replace(/^date: .*/, 'date: <date>'))
    .map((line) => line.replace(/^(x-envoy-upstream-service-time): \d+/, '$1: <ms>'))
    // Later tries are told what is left.
    .map((line) =>
      line.replace(
        /^(x-envoy-expected-rq-timeout-ms|grpc-timeout): (\d+)/,
        (_, name, ms) => `${name}: ${Math.ceil(Number(ms) / 100) * 100}`,
      ),
    )
    .filter((line) => !/^x-answer:/.test(line))
    .sort();
  return `${[first, ...kept].join('\n')}\n\n${end < 0 ? '' : text.slice(end + 4)}`
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '<uuid>')
    .replaceAll(String(port), '<port>')
    .replace(/127\.0\.0\.1:[0-9]{4,5}/g, '127.0.0.1:<n>');
}

/** Sends the bytes; gives back the answer, read until its end, a close, or the time is over. */
function exchange(port: number, request: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    let text = '';
    const done = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(text);
    };
    const timer = setTimeout(() => {
      text += '<no end>';
      done();
    }, REQUEST_MS);
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1');
      if (isWhole(text, request.startsWith('HEAD '))) done();
    });
    socket.on('close', done);
    socket.on('error', done);
    socket.write(request, 'latin1');
  });
}

/** Whether a message is there to its end: by length, chunks, or because it has no body. */
function isWhole(text: string, noBody = false): boolean {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return false;
  const top = text.slice(0, end);
  const length = /\r\ncontent-length: *(\d+)/i.exec(top)?.[1];
  if (noBody) return true;
  if (/\r\ntransfer-encoding: *chunked/i.test(top)) return text.endsWith('0\r\n\r\n');
  if (length !== undefined) return text.length - end - 4 >= Number(length);
  return !top.startsWith('HTTP/') || / (204|304) |^HTTP\/1.1 1/.test(top);
}

interface Upstreams {
  readonly ports: { readonly a: number; readonly b: number };
  /** Requests since the last call, prefixed with who took them. */
  take(): string[];
  close(): void;
}

async function startUpstreams(): Promise<Upstreams> {
  const seen: string[] = [];
  const sockets = new Set<Socket>();
  const tries = new Map<string, number>();
  const servers: Server[] = [];
  const open = async (name: string): Promise<number> => {
    const server = createServer((socket) => {
      sockets.add(socket);
      let text = '';
      socket.on('error', () => {});
      socket.on('close', () => sockets.delete(socket));
      socket.on('data', (bytes) => {
        text += bytes.toString('latin1');
        if (!isWhole(text)) return;
        const request = text;
        text = '';
        seen.push(`${name} ${request}`);
        reply(socket, request, tries);
      });
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as { port: number }).port;
  };
  const ports = { a: await open('a'), b: await open('b') };
  return {
    ports,
    take() {
      tries.clear();
      return seen.splice(0);
    },
    close() {
      for (const socket of sockets) socket.destroy();
      for (const server of servers) server.close();
    },
  };
}

function reply(socket: Socket, request: string, tries: Map<string, number>): void {
  const asked = /\r\nx-answer: *(.*)\r\n/i.exec(request)?.[1]?.split(' ');
  const number = tries.get('all') ?? 0;
  tries.set('all', number + 1);
  const encoded = asked?.[Math.min(number, asked.length - 1)];
  const text = encoded === undefined ? '200 OK' : Buffer.from(encoded, 'base64').toString('latin1');
  if (text === 'close') socket.destroy();
  else if (text === 'silence') return;
  // Every try has a connection of its own: what a proxy does when an idle one is closed under a request is not compared.
  else if (/\r\n\r\n/.test(text)) socket.write(text.replace('\r\n', '\r\nconnection: close\r\n'), 'latin1');
  else socket.write(`HTTP/1.1 ${text}\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok`, 'latin1');
}

/** Free ports below those that the system gives to clients: nobody takes one before the proxies listen. */
async function quietPorts(count: number): Promise<readonly number[]> {
  const ports: number[] = [];
  const start = 10_000 + Math.floor(Math.random() * 15_000);
  for (let port = start; ports.length < count && port < 32_000; port++)
    if (await isFree(port)) ports.push(port);
  return ports;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.on('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

async function listening(port: number, failed: () => string | undefined): Promise<void> {
  const untilMs = Date.now() + READY_MS;
  while (!(await canConnect(port))) {
    const why = failed();
    if (why !== undefined) throw new Error(why);
    if (Date.now() > untilMs) throw new Error(`nobody listens on ${port}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
