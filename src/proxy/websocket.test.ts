import { createServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { any, type Cluster } from '../xds/resources.ts';
import { closeAll, eventually, openRaw, routesOf, startTestProxy, staticCluster } from './test-proxy.ts';

// WebSockets of the `ws` package through the proxy, over HTTP/1 and over extended CONNECT of HTTP/2 (RFC 8441).

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0).reverse()) close();
  closeAll();
});

async function startServer(): Promise<number> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  server.on('connection', (socket, request) => {
    socket.send(`welcome to ${request.url}`);
    socket.on('message', (data, binary) => socket.send(data, { binary }));
  });
  await new Promise((resolve) => server.once('listening', resolve));
  closers.push(() => {
    for (const socket of server.clients) socket.terminate();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const OPTIONS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
const HTTP2: Cluster = {
  typed_extension_protocol_options: {
    [OPTIONS]: any(OPTIONS, { explicit_http_config: { http2_protocol_options: {} } }),
  },
};

function startProxy(port: number, more: Cluster = {}) {
  return startTestProxy({
    clusters: [staticCluster('c', [port], more)],
    routes: routesOf({ match: { prefix: '/' }, route: { cluster: 'c' } }),
    manager: {
      upgrade_configs: [{ upgrade_type: 'websocket' }],
      http2_protocol_options: { allow_connect: true },
    },
  });
}

/** Talks over a new socket: what the server says first, then echoes of a text and of a megabyte. */
async function talk(port: number): Promise<readonly string[]> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/chat?room=1`);
  closers.push(() => socket.terminate());
  const heard: string[] = [];
  socket.on('message', (data: Buffer, binary) =>
    heard.push(binary ? `${data.length} bytes` : data.toString()),
  );
  await new Promise((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  socket.send('hello');
  socket.send(Buffer.alloc(1024 * 1024));
  await eventually(() => heard.length === 3);
  const closed = new Promise<number>((resolve) => socket.once('close', resolve));
  socket.close(1000);
  heard.push(String(await closed));
  return heard;
}

const TALK = ['welcome to /chat?room=1', 'hello', '1048576 bytes', '1000'];

describe('WebSocket', () => {
  it('over HTTP/1 on both sides', async () => {
    const proxy = await startProxy(await startServer());
    expect(await talk(proxy.port)).toEqual(TALK);
    await eventually(() => proxy.metrics.cluster('c').upstream_rq_active === 0);
  });

  it('over HTTP/2 between two proxies, HTTP/1 at both ends', async () => {
    const inner = await startProxy(await startServer());
    const outer = await startProxy(inner.port, HTTP2);
    expect(await talk(outer.port)).toEqual(TALK);
    expect(await talk(outer.port)).toEqual(TALK);
    expect(outer.metrics.cluster('c').upstream_cx_http2_total).toBe(1);
    await eventually(() => inner.metrics.cluster('c').upstream_rq_active === 0);
    await eventually(() => outer.metrics.cluster('c').upstream_rq_active === 0);
  });

  it('gets its answer to the key where an HTTP/2 server gives none', async () => {
    const seen: object[] = [];
    const server = createServer({ settings: { enableConnectProtocol: true } });
    server.on('stream', (stream: ServerHttp2Stream, headers) => {
      seen.push({ ...headers });
      stream.respond({ ':status': 200 });
      stream.on('data', (bytes: Buffer) => stream.write(bytes));
      stream.on('end', () => stream.end());
    });
    server.on('session', (session) => closers.push(() => session.destroy()));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closers.push(() => server.close());
    const proxy = await startProxy((server.address() as AddressInfo).port, HTTP2);
    const client = await openRaw(proxy.port);
    client.socket.write(
      'GET /x HTTP/1.1\r\nhost: a.example\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
    const head = await client.read(/\r\n\r\n/);
    expect(head).toMatch(/^HTTP\/1.1 101 Switching Protocols\r\n/);
    expect(head).toMatch(/upgrade: websocket\r\n/);
    expect(head).toMatch(/sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/);
    expect(seen[0]).toMatchObject({
      ':method': 'CONNECT',
      ':protocol': 'websocket',
      ':path': '/x',
      ':scheme': 'http',
      ':authority': 'a.example',
    });
    client.socket.write('any bytes');
    expect(await client.read(/any bytes/)).toBe('any bytes');
    client.socket.end();
    await client.read(/<end>/);
  });

  it('is refused where the HTTP/2 server does not allow it', async () => {
    const server = createServer();
    server.on('session', (session) => closers.push(() => session.destroy()));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closers.push(() => server.close());
    const proxy = await startProxy((server.address() as AddressInfo).port, HTTP2);
    const client = await openRaw(proxy.port);
    client.socket.write('GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n');
    expect(await client.read(/SETTINGS_ENABLE_CONNECT_PROTOCOL/)).toMatch(/^HTTP\/1.1 502/);
  });
});
