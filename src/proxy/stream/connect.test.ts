import { createServer } from 'node:http';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type OutgoingHttpHeaders,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { any, type Cluster } from '../../xds/resources.ts';
import {
  closeAll,
  eventually,
  openRaw,
  routesOf,
  startRawUpstream,
  startTestProxy,
  startUpstream,
  staticCluster,
} from '../test-proxy.ts';

const sessions: ClientHttp2Session[] = [];
const closers: (() => void)[] = [];

afterEach(() => {
  for (const session of sessions.splice(0)) session.destroy();
  for (const close of closers.splice(0)) close();
  closeAll();
});

/** Answers in capitals, and ends when the client has ended. */
function startShouter() {
  return startRawUpstream((socket) => {
    socket.on('data', (bytes) => socket.write(bytes.toString().toUpperCase()));
    socket.on('end', () => socket.end('BYE'));
  });
}

async function tunnelProxy(port: number, manager = {}) {
  return startTestProxy({
    clusters: [staticCluster('c', [port])],
    routes: routesOf({
      match: { connect_matcher: {} },
      route: { cluster: 'c', upgrade_configs: [{ upgrade_type: 'CONNECT', connect_config: {} }] },
    }),
    manager,
  });
}

/** A server of HTTP/1 that switches to a protocol of shouting. */
async function startSwitching() {
  const server = createServer((_request, response) => response.writeHead(200).end('not switched'));
  const seen: Record<string, unknown>[] = [];
  server.on('upgrade', (request, socket: Duplex) => {
    seen.push({ method: request.method, url: request.url, ...request.headers });
    socket.on('error', () => {});
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\nWELCOME ',
    );
    socket.on('data', (bytes: Buffer) => socket.write(bytes.toString().toUpperCase()));
    socket.on('end', () => socket.end('BYE'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, seen };
}

interface Tunnel {
  readonly stream: ClientHttp2Stream;
  readonly status: number;
  text(): string;
}

async function openTunnel(port: number, headers: OutgoingHttpHeaders): Promise<Tunnel> {
  const session = connect(`http://127.0.0.1:${port}`);
  sessions.push(session);
  session.on('error', () => {});
  await new Promise((resolve) => session.once('remoteSettings', resolve));
  const stream = session.request(headers, { endStream: false });
  stream.on('error', () => {});
  let text = '';
  stream.on('data', (bytes: Buffer) => (text += bytes.toString()));
  const head = await new Promise<Record<string, unknown>>((resolve) => stream.once('response', resolve));
  return { stream, status: Number(head[':status']), text: () => text };
}

const OVER_HTTP2: Cluster = {
  typed_extension_protocol_options: {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': any(
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
      { explicit_http_config: { http2_protocol_options: {} } },
    ),
  },
};

const PLAIN_CONNECT = { ':method': 'CONNECT', ':authority': '10.0.0.1:80' };

describe('CONNECT that ends here', () => {
  it('over HTTP/1 becomes a TCP connection, each side ending on its own', async () => {
    const { port } = await startShouter();
    const proxy = await tunnelProxy(port);
    const { socket, read } = await openRaw(proxy.port);
    socket.write('CONNECT 10.0.0.1:80 HTTP/1.1\r\nhost: 10.0.0.1:80\r\n\r\n');
    const head = await read(/\r\n\r\n/);
    expect(head).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(head).not.toMatch(/content-length|transfer-encoding/);
    socket.write('hello');
    await read(/HELLO/);
    socket.end();
    await read(/BYE<end>/);
    await eventually(() => proxy.metrics.http('test').downstream_rq_active === 0);
  });

  it('over HTTP/2 does so, many on one connection', async () => {
    const { port } = await startShouter();
    const proxy = await tunnelProxy(port);
    const one = await openTunnel(proxy.port, PLAIN_CONNECT);
    expect(one.status).toBe(200);
    one.stream.write('hello');
    await eventually(() => one.text() === 'HELLO');
    one.stream.end();
    await eventually(() => one.text() === 'HELLOBYE' && one.stream.closed);
    expect(one.stream.rstCode).toBe(0);
    await eventually(() => proxy.metrics.http('test').downstream_rq_active === 0);
  });

  it('goes where its authority says, where the cluster asks for that', async () => {
    const { port } = await startShouter();
    const proxy = await startTestProxy({
      clusters: [
        {
          name: 'c',
          type: 'ORIGINAL_DST',
          lb_policy: 'CLUSTER_PROVIDED',
          connect_timeout: '1s',
          original_dst_lb_config: { use_http_header: true, http_header_name: ':authority' },
        },
      ],
      routes: routesOf({
        match: { connect_matcher: {} },
        route: { cluster: 'c', upgrade_configs: [{ upgrade_type: 'CONNECT', connect_config: {} }] },
      }),
    });
    const tunnel = await openTunnel(proxy.port, { ':method': 'CONNECT', ':authority': `127.0.0.1:${port}` });
    expect(tunnel.status).toBe(200);
    tunnel.stream.end('hello');
    await eventually(() => tunnel.text() === 'HELLOBYE');
  });

  it('tells the far end who came, by PROXY protocol', async () => {
    const { port } = await startRawUpstream((socket) => socket.pipe(socket));
    const proxy = await startTestProxy({
      clusters: [staticCluster('c', [port])],
      routes: routesOf({
        match: { connect_matcher: {} },
        route: {
          cluster: 'c',
          upgrade_configs: [
            { upgrade_type: 'CONNECT', connect_config: { proxy_protocol_config: { version: 'V1' } } },
          ],
        },
      }),
    });
    const tunnel = await openTunnel(proxy.port, PLAIN_CONNECT);
    tunnel.stream.end('hello');
    await eventually(() => /^PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 \d+ \d+\r\nhello$/.test(tunnel.text()));
    expect(tunnel.text()).toContain(` ${proxy.port}\r\n`);
  });

  it('comes from another proxy, as CONNECT or as POST', async () => {
    const { port } = await startShouter();
    const end = await startTestProxy({
      clusters: [staticCluster('c', [port])],
      routes: routesOf(
        ...[{ connect_matcher: {} }, { prefix: '/' }].map((match) => ({
          match,
          route: {
            cluster: 'c',
            upgrade_configs: [{ upgrade_type: 'CONNECT', connect_config: { allow_post: true } }],
          },
        })),
      ),
    });
    for (const use_post of [false, true]) {
      const begin = await startTestProxy({
        clusters: [staticCluster('t', [end.port], OVER_HTTP2)],
        filters: [
          {
            name: 'tcp',
            typed_config: any('envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy', {
              stat_prefix: 'tcp',
              cluster: 't',
              tunneling_config: { hostname: 'app.example:80', use_post, ...(use_post && { post_path: '/' }) },
            }),
          },
        ],
      });
      const { socket, read } = await openRaw(begin.port);
      socket.write('hello');
      await read(/HELLO/);
      socket.end();
      await read(/BYE<end>/);
      await eventually(() => end.metrics.http('test').downstream_rq_active === 0);
      expect(end.metrics.cluster('c')).toMatchObject({ upstream_rq_active: 0 });
    }
    await eventually(() => end.metrics.cluster('c').upstream_cx_active === 0);
  });

  it('carries much in both directions', async () => {
    const { port } = await startRawUpstream((socket) => socket.pipe(socket));
    const proxy = await tunnelProxy(port);
    const { stream } = await openTunnel(proxy.port, PLAIN_CONNECT);
    let received = 0;
    stream.on('data', (bytes: Buffer) => (received += bytes.length));
    stream.end(Buffer.alloc(20_000_000, 'x'));
    await new Promise((resolve) => stream.once('close', resolve));
    expect(received).toBe(20_000_000);
  });

  it('answers 503 where nobody listens, and cuts the stream where the other side cuts', async () => {
    const { port } = await startRawUpstream((socket) => socket.once('data', () => socket.resetAndDestroy()));
    const proxy = await tunnelProxy(port);
    const { stream } = await openTunnel(proxy.port, PLAIN_CONNECT);
    stream.write('x');
    await new Promise((resolve) => stream.once('close', resolve));
    expect(stream.rstCode).not.toBe(0);
    proxy.setClusters([staticCluster('c', [1])]);
    expect((await openTunnel(proxy.port, PLAIN_CONNECT)).status).toBe(503);
  });
});

describe('CONNECT that is not allowed', () => {
  it('is answered with 403, over HTTP/1 with the end of the connection', async () => {
    const proxy = await startTestProxy({
      routes: routesOf({ match: { prefix: '/' }, direct_response: { status: 200 } }),
    });
    const { socket, read } = await openRaw(proxy.port);
    socket.write('CONNECT 10.0.0.1:80 HTTP/1.1\r\nhost: 10.0.0.1:80\r\n\r\n');
    const answer = await read(/<end>/);
    expect(answer).toMatch(/^HTTP\/1\.1 403 /);
    expect(answer).toContain('connection: close');
    expect((await openTunnel(proxy.port, PLAIN_CONNECT)).status).toBe(403);
  });
});

describe('an extended CONNECT', () => {
  const ROUTES = routesOf({
    match: { prefix: '/' },
    route: { cluster: 'c', upgrade_configs: [{ upgrade_type: 'websocket' }] },
  });
  const HEAD = {
    ':method': 'CONNECT',
    ':protocol': 'websocket',
    ':path': '/chat',
    ':scheme': 'http',
    ':authority': 'a.example',
  };
  const manager = { http2_protocol_options: { allow_connect: true } };

  it('is an Upgrade to a server of HTTP/1', async () => {
    const upstream = await startSwitching();
    const proxy = await startTestProxy({
      clusters: [staticCluster('c', [upstream.port])],
      routes: ROUTES,
      manager,
    });
    const tunnel = await openTunnel(proxy.port, { ...HEAD, 'sec-websocket-version': '13' });
    expect(tunnel.status).toBe(200);
    expect(upstream.seen[0]).toMatchObject({
      method: 'GET',
      url: '/chat',
      host: 'a.example',
      upgrade: 'websocket',
      connection: 'upgrade',
      'sec-websocket-version': '13',
    });
    expect(upstream.seen[0]).toHaveProperty('sec-websocket-key');
    expect(proxy.metrics.http('test').downstream_cx_upgrades_active).toBe(1);
    tunnel.stream.write('hello');
    await eventually(() => tunnel.text() === 'WELCOME HELLO');
    tunnel.stream.end();
    await eventually(() => tunnel.text().endsWith('BYE') && tunnel.stream.closed);
    expect(proxy.metrics.http('test').downstream_cx_upgrades_active).toBe(0);
    expect(proxy.metrics.http('test').downstream_cx_upgrades_total).toBe(1);
  });

  it('hears it where the server does not switch', async () => {
    const { port } = await startUpstream((_request, response) => response.end('no'));
    const proxy = await startTestProxy({ clusters: [staticCluster('c', [port])], routes: ROUTES, manager });
    const tunnel = await openTunnel(proxy.port, HEAD);
    expect(tunnel.status).toBe(200);
    await eventually(() => tunnel.text() === 'no');
  });

  it('is refused where routes do not have it', async () => {
    const { port } = await startUpstream((_request, response) => response.end('no'));
    const proxy = await startTestProxy({
      clusters: [staticCluster('c', [port])],
      routes: routesOf({ match: { prefix: '/' }, route: { cluster: 'c' } }),
      manager,
    });
    expect((await openTunnel(proxy.port, HEAD)).status).toBe(403);
  });
});

describe('an Upgrade over HTTP/1', () => {
  it('that is refused ends the connection, and h2c is not asked for at all', async () => {
    const proxy = await startTestProxy({
      routes: routesOf({ match: { prefix: '/' }, direct_response: { status: 200 } }),
    });
    const { socket, read } = await openRaw(proxy.port);
    const head = 'GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: ';
    socket.write(`${head}h2c\r\n\r\n`);
    expect(await read(/\r\n\r\n/)).toMatch(/^HTTP\/1\.1 200 /);
    socket.write(`${head}websocket\r\n\r\n`);
    expect(await read(/<end>/)).toMatch(/^HTTP\/1\.1 403 .*connection: close/s);
  });
});
