// HTTP/2 side by side: node bench/wire-http2.ts [SECONDS_PER_RUN] [RUNS]
// 1. the codec alone, in memory; 2. a proxy process per peer (weft's codec, node:http2, Envoy where ENVOY names its
// program) between one load generator and one backend over real sockets: CPU of the proxy process per request.
// Runs are interleaved, and medians given, since other work on the machine comes and goes.

import { type ChildProcess, execFileSync, fork, spawn } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../src/lib/clock.ts';
import type { Listener } from '../src/wire/connection.ts';
import type { Http2Connection, Http2Machine, ResponseEvents } from '../src/wire/http2/connection.ts';
import { driveHttp2 } from '../src/wire/http2/drive.ts';
import type { RequestHead, ResponseHead } from '../src/wire/http2/head.ts';
import { createHttp2 } from '../src/wire/http2/session.ts';
import { network } from '../src/wire/net.ts';

/** 64 requests at a time, as many callers with one each, and as few with several. */
const SHAPES = [
  { connections: 64, streams: 1 },
  { connections: 8, streams: 8 },
] as const;
type Shape = (typeof SHAPES)[number];
const BODY = Buffer.alloc(256, 'x');
const RESPONSE: ResponseHead = {
  status: 200,
  headers: [
    'content-type',
    'application/json',
    'content-length',
    '256',
    'date',
    'Mon, 21 Oct 2030 20:13:21 GMT',
    'server',
    'bench',
  ],
};

let requestNumber = 0;
/** Seven headers, one of which is always another, as in a mesh. */
function requestHead(): RequestHead {
  requestNumber++;
  return {
    method: 'GET',
    scheme: 'http',
    authority: 'reviews:9080',
    path: `/reviews/${requestNumber % 10}`,
    protocol: '',
    headers: [
      ...[
        'accept',
        '*/*',
        'accept-encoding',
        'gzip, deflate',
        'user-agent',
        'bench/1.0',
        'x-forwarded-proto',
        'http',
      ],
      ...['x-request-id', `1b4e28ba-2fa1-11d2-883f-${(requestNumber % 1e9).toString(16).padStart(12, '0')}`],
      ...['cookie', 'session=abcdefghijklmnopqrstuvwxyz0123456789', 'x-b3-sampled', '1'],
    ],
  };
}

// ---- in memory ----

/** Microseconds per request through both ends, without sockets. */
function measureInMemory(requests: number): number {
  let done = 0;
  const clientParts: Buffer[] = [];
  const serverParts: Buffer[] = [];
  const output = (parts: Buffer[]) => ({
    write: (more: readonly Buffer[]) => {
      parts.push(...more);
      return true;
    },
    wantFlush: () => {},
    finish: () => {},
  });
  const client = createHttp2(
    { role: 'client', clock: systemClock, events: { onClose: () => {} } },
    output(clientParts),
  );
  const server: Http2Machine = createHttp2(
    {
      role: 'server',
      clock: systemClock,
      events: {
        onClose: () => {},
        onRequest: (stream) => {
          stream.respond(RESPONSE, false);
          stream.sendData(BODY, true);
          return { onData: () => {}, onTrailers: () => {}, onDrain: () => {}, onClose: () => {} };
        },
      },
    },
    output(serverParts),
  );
  const events: ResponseEvents = {
    onHead: () => {},
    onData: () => {},
    onTrailers: () => {},
    onDrain: () => {},
    onClose: () => {
      done++;
    },
  };
  const started = process.hrtime.bigint();
  while (done < requests) {
    for (let i = 0; i < 8; i++) client.request(requestHead(), true, events);
    client.flush();
    for (const part of clientParts.splice(0)) server.receive(part);
    server.flush();
    for (const part of serverParts.splice(0)) client.receive(part);
  }
  return Number(process.hrtime.bigint() - started) / 1000 / done;
}

// ---- proxies, in processes of their own ----

/** A proxy on weft's codec: what wire/http2 makes possible, without the mesh around it. */
async function weftProxy(upstreamPort: number): Promise<number> {
  const upstream = await connectTo(upstreamPort);
  const listening = await network.listen({
    onConnection: (bytes) => {
      driveHttp2(bytes, {
        role: 'server',
        clock: systemClock,
        events: {
          onClose: () => {},
          onRequest: (down, head, ended) => {
            const up = upstream.request(head, ended, {
              onHead: (response, over) => down.respond(response, over),
              onData: (part, over) => {
                down.sendData(part, over);
                up?.consume(part.length);
              },
              onTrailers: (trailers) => down.sendTrailers(trailers),
              onDrain: () => {},
              onClose: (end) => {
                if (end.by !== 'both') down.reset(end.errorCode);
              },
            });
            return {
              onData: (part, over) => {
                up?.sendData(part, over);
                down.consume(part.length);
              },
              onTrailers: (trailers) => up?.sendTrailers(trailers),
              onDrain: () => {},
              onClose: (end) => {
                if (end.by !== 'both') up?.reset(end.errorCode);
              },
            };
          },
        },
      });
    },
  });
  return portOf(listening);
}

/** The same over node:http2, with its core streams. */
async function nodeProxy(upstreamPort: number): Promise<number> {
  const { connect, createServer } = await import('node:http2');
  const upstream = connect(`http://127.0.0.1:${upstreamPort}`);
  const server = createServer();
  server.on('stream', (down, headers, flags) => {
    const up = upstream.request(headers, { endStream: (flags & 1) !== 0 });
    up.on('response', (response) => {
      delete response.date;
      down.respond(response);
    });
    up.on('data', (part) => down.write(part));
    up.on('end', () => down.end());
    if ((flags & 1) === 0) down.pipe(up);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return (server.address() as { port: number }).port;
}

/** Envoy with one listener and one cluster, one worker. */
function envoyConfig(port: number, adminPort: number, upstreamPort: number): string {
  const router = {
    name: 'r',
    typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
  };
  const manager = {
    '@type':
      'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    stat_prefix: 'bench',
    codec_type: 'HTTP2',
    generate_request_id: false,
    route_config: {
      virtual_hosts: [
        { name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: 'up' } }] },
      ],
    },
    http_filters: [router],
  };
  const address = (at: number) => ({ socket_address: { address: '127.0.0.1', port_value: at } });
  const endpoint = { endpoint: { address: address(upstreamPort) } };
  const http2 = {
    '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
    explicit_http_config: { http2_protocol_options: {} },
  };
  return JSON.stringify({
    admin: { address: address(adminPort) },
    static_resources: {
      listeners: [
        { address: address(port), filter_chains: [{ filters: [{ name: 'hcm', typed_config: manager }] }] },
      ],
      clusters: [
        {
          name: 'up',
          type: 'STATIC',
          load_assignment: { cluster_name: 'up', endpoints: [{ lb_endpoints: [endpoint] }] },
          typed_extension_protocol_options: {
            'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': http2,
          },
        },
      ],
    },
  });
}

// ---- the bench itself ----

interface Peer {
  readonly name: string;
  readonly port: number;
  readonly process: ChildProcess;
  /** Per shape, one value a run. */
  readonly cpuUsPerRequest: number[][];
  readonly perSecond: number[][];
}

async function startNodePeer(name: string, upstreamPort: number): Promise<Peer> {
  const child = fork(import.meta.filename, ['proxy', name, String(upstreamPort)]);
  const port = await new Promise<number>((resolve) => {
    child.once('message', (message) => resolve(message as number));
  });
  return {
    name,
    port,
    process: child,
    cpuUsPerRequest: SHAPES.map(() => []),
    perSecond: SHAPES.map(() => []),
  };
}

async function startEnvoy(program: string, upstreamPort: number): Promise<Peer> {
  const [port, adminPort] = [18_080 + (process.pid % 1000), 19_080 + (process.pid % 1000)];
  const file = join(tmpdir(), `bench-envoy-${process.pid}.json`);
  writeFileSync(file, envoyConfig(port, adminPort, upstreamPort));
  const child = spawn(
    program,
    ['-c', file, '--concurrency', '1', '-l', 'error', '--base-id', String(process.pid % 30_000)],
    { stdio: 'inherit' },
  );
  await sleep(2000);
  rmSync(file);
  return {
    name: 'envoy',
    port,
    process: child,
    cpuUsPerRequest: SHAPES.map(() => []),
    perSecond: SHAPES.map(() => []),
  };
}

/** CPU time of a process so far, user and system, in microseconds (Linux). */
function cpuUs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? [];
  const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK']));
  return ((Number(fields[11]) + Number(fields[12])) * 1e6) / ticksPerSecond;
}

async function connectTo(port: number): Promise<Http2Connection> {
  const bytes = await network.connect({ host: '127.0.0.1', port, timeoutMs: 5000 });
  if (!bytes.ok) throw new Error(bytes.error.message);
  return driveHttp2(bytes.value, { role: 'client', clock: systemClock, events: { onClose: () => {} } });
}

function portOf(
  listening: { ok: true; value: Listener } | { ok: false; error: { message: string } },
): number {
  if (!listening.ok) throw new Error(listening.error.message);
  return listening.value.port;
}

async function startBackend(): Promise<number> {
  const listening = await network.listen({
    onConnection: (bytes) => {
      driveHttp2(bytes, {
        role: 'server',
        clock: systemClock,
        limits: { maxConcurrentStreams: 1000 },
        events: {
          onClose: () => {},
          onRequest: (stream) => {
            stream.respond(RESPONSE, false);
            stream.sendData(BODY, true);
            return { onData: () => {}, onTrailers: () => {}, onDrain: () => {}, onClose: () => {} };
          },
        },
      });
    },
  });
  return portOf(listening);
}

/** Keeps all streams busy for a time; returns the number of complete answers. */
async function load(
  connections: readonly Http2Connection[],
  streams: number,
  seconds: number,
): Promise<number> {
  let done = 0;
  let open = 0;
  const endAt = performance.now() + seconds * 1000;
  await new Promise<void>((resolve, reject) => {
    const next = (connection: Http2Connection): void => {
      if (performance.now() > endAt) {
        if (open === 0) resolve();
        return;
      }
      open++;
      let bytes = 0;
      const stream = connection.request(requestHead(), true, {
        onHead: () => {},
        onData: (part) => {
          bytes += part.length;
          stream?.consume(part.length);
        },
        onTrailers: () => {},
        onDrain: () => {},
        onClose: (end) => {
          open--;
          if (end.by !== 'both' || bytes !== BODY.length)
            reject(new Error(`a request failed: ${end.message}`));
          done++;
          next(connection);
        },
      });
    };
    for (const connection of connections) for (let i = 0; i < streams; i++) next(connection);
  });
  return done;
}

async function measure(peer: Peer, shape: number, seconds: number): Promise<void> {
  const { connections: count, streams } = SHAPES[shape] as Shape;
  const connections = await Promise.all(Array.from({ length: count }, () => connectTo(peer.port)));
  await load(connections, streams, seconds / 4);
  const [cpuBefore, before] = [cpuUs(peer.process.pid as number), performance.now()];
  const requests = await load(connections, streams, seconds);
  peer.cpuUsPerRequest[shape]?.push((cpuUs(peer.process.pid as number) - cpuBefore) / requests);
  peer.perSecond[shape]?.push((requests * 1000) / (performance.now() - before));
  for (const connection of connections) connection.shutdown();
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

function report(name: string, cpu: readonly number[], perSecond: readonly number[]): void {
  const range = `${Math.min(...cpu).toFixed(1)}-${Math.max(...cpu).toFixed(1)}`;
  const rate = median(perSecond).toFixed(0).padStart(6);
  console.log(
    `  ${name.padEnd(12)} ${median(cpu).toFixed(1).padStart(6)} us CPU a request (${range}), ${rate} requests/s`,
  );
}

async function main(): Promise<void> {
  const seconds = Number(process.argv[2] ?? 3);
  const runs = Number(process.argv[3] ?? 5);
  measureInMemory(50_000);
  const inMemory = Array.from({ length: 5 }, () => measureInMemory(50_000));
  console.log(`codec alone, client and server: ${median(inMemory).toFixed(2)} us a request`);
  const upstreamPort = await startBackend();
  const peers = [await startNodePeer('weft', upstreamPort), await startNodePeer('node:http2', upstreamPort)];
  if (process.env['ENVOY'] !== undefined) peers.push(await startEnvoy(process.env['ENVOY'], upstreamPort));
  for (let run = 0; run < runs; run++)
    for (let shape = 0; shape < SHAPES.length; shape++)
      for (const peer of peers) await measure(peer, shape, seconds);
  for (const [shape, { connections, streams }] of SHAPES.entries()) {
    console.log(`${connections} connections with ${streams} request(s) at a time`);
    for (const peer of peers)
      report(peer.name, peer.cpuUsPerRequest[shape] ?? [], peer.perSecond[shape] ?? []);
  }
  for (const peer of peers) peer.process.kill();
  process.exit(0);
}

if (process.argv[2] === 'proxy') {
  const proxy = process.argv[3] === 'weft' ? weftProxy : nodeProxy;
  process.on('disconnect', () => process.exit(0));
  process.send?.(await proxy(Number(process.argv[4])));
} else await main();
