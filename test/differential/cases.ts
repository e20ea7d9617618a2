/**
 * Cases that are a configuration each: one listener a case in the bootstrap of both proxies (harness.ts), the same
 * upstreams behind both, the same request bytes to each; what each sent upstream and answered, in a form that can be
 * compared. Called by router.test.ts and filters.test.ts.
 */
import { connect } from 'node:net';
import {
  any,
  type Cluster,
  type HttpConnectionManager,
  type Route,
  type RouteConfiguration,
  type VirtualHost,
} from '../../src/xds/resources.ts';
import { isWhole, startAnsweringUpstreams } from './answering-upstreams.ts';
import { type Ports, startPair, unusedPorts } from './harness.ts';
import { address } from './http-bootstrap.ts';

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

export interface CasePair {
  run(side: 'envoy' | 'weft', index: number, request: string): Promise<Observed>;
  /** The lines of /stats whose names match. */
  stats(side: 'envoy' | 'weft', names: RegExp): Promise<string[]>;
  stop(): Promise<void>;
}

// Clusters every case may use: `a` and `b` answer, `dead` refuses connections, `none` has no endpoint.

const REQUEST_MS = 4000;
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

/** Both proxies with a listener a case; undefined where there is no Envoy. `more`: clusters beside the usual ones. */
export async function startCases(
  cases: readonly RouterCase[],
  more: readonly Cluster[] = [],
): Promise<CasePair | undefined> {
  const upstream = await startAnsweringUpstreams();
  const [dead = 0] = await unusedPorts(1);
  const pair = await startPair(
    (ports) => bootstrapOf(cases, ports, upstream.ports, dead, more),
    cases.length,
    0,
  );
  if (pair === undefined) {
    upstream.close();
    return undefined;
  }
  return {
    async run(side, index, request) {
      upstream.take();
      const port = pair[side].ports.listeners[index] as number;
      const answer = await ask(port, request);
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
      return (await pair[side].admin('/stats')).split('\n').filter((line) => names.test(line));
    },
    async stop() {
      await pair.stop();
      upstream.close();
    },
  };
}

function bootstrapOf(
  cases: readonly RouterCase[],
  { admin, listeners }: Ports,
  upstreams: { readonly a: number; readonly b: number },
  dead: number,
  more: readonly Cluster[],
): object {
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
        address: address(listeners[index] as number),
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
  return (
    `${[first, ...kept].join('\n')}\n\n${end < 0 ? '' : text.slice(end + 4)}`
      .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '<uuid>')
      // A time-out of 15,000 ms is not the port 15000.
      .replace(new RegExp(`(?<!-(?:ms|timeout): )\\b${port}\\b`, 'g'), '<port>')
      .replace(/127\.0\.0\.1:[0-9]{4,5}/g, '127.0.0.1:<n>')
  );
}

/** Sends the bytes; gives back the answer, read until its end, a close, or the time is over. */
function ask(port: number, request: string): Promise<string> {
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
