/**
 * A gigabyte through one connection of `weft proxy`, to a reader that rests now and then while the sender never does:
 * every byte arrives, and the proxy's memory stays where it was.
 */
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestAuthority } from '../../src/wire/test-certificates.ts';
import { any } from '../../src/xds/resources.ts';
import { type Side, startWeft, stopSide } from '../differential/harness.ts';
import { address } from '../differential/http-bootstrap.ts';

const TOTAL_BYTES = 1024 * 1024 * 1024;
/** What the proxy may take beyond what it had when idle: buffers of two sockets, and garbage on its way out. */
const MORE_MIB = 160;
const BLOCK = Buffer.alloc(64 * 1024, 'weft');
const CHUNK = Buffer.concat([Buffer.from(`${BLOCK.length.toString(16)}\r\n`), BLOCK, Buffer.from('\r\n')]);

/** Writes as much as it can as fast as it can. */
function pour(socket: Socket, block: Buffer, times: number, after: string): void {
  let left = times;
  const more = (): void => {
    while (left > 0) {
      left--;
      if (!socket.write(block)) {
        socket.once('drain', more);
        return;
      }
    }
    socket.end(after);
  };
  more();
}

/** Reads everything, with a rest after every 8 MiB. */
async function readSlowly(stream: Readable): Promise<number> {
  let bytes = 0;
  let sinceRest = 0;
  for await (const part of stream as AsyncIterable<Buffer>) {
    bytes += part.length;
    sinceRest += part.length;
    if (sinceRest < 8 * 1024 * 1024) continue;
    sinceRest = 0;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return bytes;
}

const authority = createTestAuthority();
const leaf = authority.issue({ uris: [], dnsNames: ['localhost'] });
const closers: (() => void)[] = [];
let weft: Side;
/** Its memory before anything went through it. */
let idleMiB = 0;

/** One server for all: bytes to who sends nothing of HTTP, a chunked answer to GET, a count to POST. */
async function startSource(http: boolean): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    if (!http) {
      socket.resume();
      pour(socket, BLOCK, TOTAL_BYTES / BLOCK.length, '');
      return;
    }
    let received = 0;
    let answered = false;
    let tail = '';
    socket.on('data', (bytes: Buffer) => {
      received += bytes.length;
      tail = (tail + bytes.subarray(-7).toString('latin1')).slice(-7);
      if (!answered && bytes.subarray(0, 3).toString() === 'GET') {
        answered = true;
        socket.write('HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n');
        pour(socket, CHUNK, TOTAL_BYTES / BLOCK.length, '0\r\n\r\n');
      } else if (!answered && tail.endsWith('\r\n0\r\n\r\n')) {
        answered = true;
        const text = String(received);
        socket.end(`HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: ${text.length}\r\n\r\n${text}`);
      }
      if (received % (8 * 1024 * 1024) < bytes.length) {
        socket.pause();
        setTimeout(() => socket.resume(), 5);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

beforeAll(async () => {
  const ports = { tcp: await startSource(false), http: await startSource(true) };
  const cluster = (name: 'tcp' | 'http') => ({
    name,
    connect_timeout: '5s',
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: address(ports[name]) } }] }],
    },
  });
  const tcp = {
    name: 'tcp',
    typed_config: any('envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy', {
      stat_prefix: 'tcp',
      cluster: 'tcp',
    }),
  };
  const route = { match: { prefix: '/' }, route: { cluster: 'http', timeout: '0s' } };
  const http = {
    name: 'http',
    typed_config: any('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', {
      stat_prefix: 'http',
      route_config: { virtual_hosts: [{ name: 'all', domains: ['*'], routes: [route] }] },
      http_filters: [
        { name: 'router', typed_config: any('envoy.extensions.filters.http.router.v3.Router', {}) },
      ],
    }),
  };
  const secret = {
    certificate_chain: { inline_string: leaf.chainPem },
    private_key: { inline_string: leaf.privateKeyPem },
  };
  const transport_socket = {
    name: 'tls',
    typed_config: any('envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext', {
      common_tls_context: { tls_certificates: [secret] },
    }),
  };
  const chains = [[{ filters: [tcp] }], [{ filters: [tcp], transport_socket }], [{ filters: [http] }]];
  weft = await startWeft(
    ({ admin, listeners }) => ({
      node: { id: 'streams', cluster: 'test' },
      admin: { address: address(admin) },
      static_resources: {
        listeners: chains.map((filter_chains, i) => ({
          name: `l${i}`,
          address: address(listeners[i] as number),
          filter_chains,
        })),
        clusters: [cluster('tcp'), cluster('http')],
      },
    }),
    chains.length,
  );
  idleMiB = peakMiB();
});

afterAll(async () => {
  for (const close of closers) close();
  if (weft !== undefined) await stopSide(weft);
});

/** The most memory that the proxy has ever had, in MiB. */
function peakMiB(): number {
  const text = readFileSync(`/proc/${weft.process.pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+)/.exec(text)?.[1]) / 1024;
}

async function measured(name: string, transfer: () => Promise<number>): Promise<number> {
  const beforeMiB = peakMiB();
  const startMs = performance.now();
  const bytes = await transfer();
  const seconds = (performance.now() - startMs) / 1000;
  const rate = Math.round(bytes / seconds / 1024 / 1024);
  console.log(`${name}: ${rate} MiB/s, peak memory ${Math.round(beforeMiB)} -> ${Math.round(peakMiB())} MiB`);
  return bytes;
}

describe.skipIf(process.platform !== 'linux')('a gigabyte', () => {
  it('over TCP', async () => {
    const socket = connect(weft.ports.listeners[0] as number, '127.0.0.1');
    expect(await measured('TCP', () => readSlowly(socket))).toBe(TOTAL_BYTES);
    expect(peakMiB()).toBeLessThan(idleMiB + MORE_MIB);
  });

  it('over TLS', async () => {
    const socket = connectTls({
      port: weft.ports.listeners[1] as number,
      host: '127.0.0.1',
      ca: authority.rootPem,
      servername: 'localhost',
    });
    expect(await measured('TLS', () => readSlowly(socket))).toBe(TOTAL_BYTES);
    expect(peakMiB()).toBeLessThan(idleMiB + MORE_MIB);
  });

  it('in chunks, as an answer', async () => {
    const transfer = () =>
      new Promise<number>((resolve, reject) => {
        const port = weft.ports.listeners[2] as number;
        const outgoing = request({ port, host: '127.0.0.1', agent: false }, (answer) =>
          readSlowly(answer).then(resolve, reject),
        );
        outgoing.on('error', reject).end();
      });
    expect(await measured('chunked answer', transfer)).toBe(TOTAL_BYTES);
    expect(peakMiB()).toBeLessThan(idleMiB + MORE_MIB);
  });

  it('in chunks, as a request', async () => {
    const socket = connect(weft.ports.listeners[2] as number, '127.0.0.1');
    socket.write('POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n');
    let left = TOTAL_BYTES / BLOCK.length;
    const more = (): void => {
      while (left > 0) {
        left--;
        if (!socket.write(CHUNK)) {
          socket.once('drain', more);
          return;
        }
      }
      socket.write('0\r\n\r\n');
    };
    const transfer = async () => {
      more();
      let text = '';
      for await (const part of socket as AsyncIterable<Buffer>) {
        text += part;
        if (/\r\n\r\n\d{10}$/.test(text)) break;
      }
      expect(text).toMatch(/^HTTP\/1.1 200/);
      return Number(/\d+$/.exec(text)?.[0]);
    };
    // Head and chunk lines are counted too.
    expect(await measured('chunked request', transfer)).toBeGreaterThan(TOTAL_BYTES);
    expect(peakMiB()).toBeLessThan(idleMiB + MORE_MIB);
  });
});
