import { createServer, type IncomingMessage } from 'node:http';
import {
  constants,
  createServer as createHttp2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { any, type Cluster } from '../../../../xds/resources.ts';
import {
  closeAll,
  eventually,
  openRaw,
  sendRaw,
  startTestProxy,
  staticCluster,
} from '../../../test-proxy.ts';
import { TCP_PROXY_MESSAGE } from './config.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0).reverse()) close();
  closeAll();
});

const OPTIONS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
const HTTP2: Cluster = {
  typed_extension_protocol_options: {
    [OPTIONS]: any(OPTIONS, { explicit_http_config: { http2_protocol_options: {} } }),
  },
};

function startProxy(port: number, tunneling_config: object, more: Cluster = {}) {
  const log_format = {
    text_format_source: { inline_string: '%RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT%\n' },
  };
  return startTestProxy({
    clusters: [staticCluster('c', [port], more)],
    filters: [
      {
        name: 'tcp',
        typed_config: any(TCP_PROXY_MESSAGE, {
          stat_prefix: 'tcp',
          cluster: 'c',
          tunneling_config,
          access_log: [
            {
              typed_config: any('envoy.extensions.access_loggers.stream.v3.StdoutAccessLog', { log_format }),
            },
          ],
        }),
      },
    ],
    downstream: { requestedServerName: 'db.example' },
  });
}

const HOSTNAME = {
  hostname: '%REQUESTED_SERVER_NAME%:5432',
  headers_to_add: [{ header: { key: 'x-from', value: '%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%' } }],
};

async function startHttp2(onStream: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void) {
  const server = createHttp2Server();
  let sessions = 0;
  server.on('session', (session) => {
    sessions++;
    closers.push(() => session.destroy());
  });
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    onStream(stream, headers);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => server.close());
  return { port: (server.address() as AddressInfo).port, sessions: () => sessions };
}

describe('a tunnel over HTTP/2', () => {
  it('is CONNECT; every client has a stream of the same connection, and each half ends by itself', async () => {
    const seen: IncomingHttpHeaders[] = [];
    const upstream = await startHttp2((stream, headers) => {
      seen.push({ ...headers });
      stream.respond({ ':status': 200 });
      let text = '';
      stream.on('data', (bytes: Buffer) => (text += bytes));
      stream.on('end', () => stream.end(`got ${text}`));
    });
    const proxy = await startProxy(upstream.port, HOSTNAME, HTTP2);
    const texts = ['hello', 'there', ''];
    const answers = await Promise.all(texts.map((text) => sendRaw(proxy.port, text, { end: true })));
    expect(answers).toEqual(texts.map((text) => `got ${text}`));
    expect(upstream.sessions()).toBe(1);
    expect(seen[0]).toMatchObject({
      ':method': 'CONNECT',
      ':authority': 'db.example:5432',
      'x-from': '127.0.0.1',
    });
    expect([seen[0]?.[':path'], seen[0]?.[':scheme']]).toEqual([undefined, undefined]);
    await eventually(() => proxy.log.length === 3);
    expect([...proxy.log].sort()).toEqual(['- 0 4\n', '- 5 9\n', '- 5 9\n']);
    expect(proxy.metrics.cluster('c')).toMatchObject({ upstream_rq_active: 0, upstream_cx_active: 1 });
  });

  it('lets the server speak first', async () => {
    const upstream = await startHttp2((stream) => {
      stream.respond({ ':status': 200 });
      stream.write('220 ready\r\n');
    });
    const proxy = await startProxy(upstream.port, HOSTNAME, HTTP2);
    expect(await (await openRaw(proxy.port)).read(/\r\n/)).toBe('220 ready\r\n');
  });

  it('passes resets on, both ways', async () => {
    const codes: number[] = [];
    const upstream = await startHttp2((stream) => {
      stream.respond({ ':status': 200 });
      stream.on('close', () => codes.push(stream.rstCode));
      stream.on('data', (bytes: Buffer) => {
        if (String(bytes) === 'die') stream.close(constants.NGHTTP2_INTERNAL_ERROR);
        else stream.write(bytes);
      });
    });
    const proxy = await startProxy(upstream.port, HOSTNAME, HTTP2);
    const dies = await openRaw(proxy.port);
    dies.socket.write('die');
    await dies.read(/<end>|<error>/);
    const goes = await openRaw(proxy.port);
    goes.socket.write('echo');
    await goes.read(/echo/);
    goes.socket.resetAndDestroy();
    await eventually(() => codes.length === 2);
    expect(codes).toEqual([constants.NGHTTP2_INTERNAL_ERROR, constants.NGHTTP2_CANCEL]);
  });

  it('fails where the answer is no yes, with the reason in flags', async () => {
    const upstream = await startHttp2((stream) => stream.respond({ ':status': 403 }, { endStream: true }));
    const proxy = await startProxy(upstream.port, HOSTNAME, HTTP2);
    expect(await sendRaw(proxy.port, 'x').catch(() => '')).toBe('');
    await eventually(() => proxy.log.length === 1);
    expect(proxy.log).toEqual(['UF,URX 0 0\n']);
    expect(proxy.metrics.cluster('c')).toMatchObject({ upstream_rq_active: 0, upstream_cx_active: 1 });
  });

  it('brings 20 MB both ways', async () => {
    const total = 20 * 1024 * 1024;
    const upstream = await startHttp2((stream) => {
      stream.respond({ ':status': 200 });
      stream.pipe(stream);
    });
    const proxy = await startProxy(upstream.port, HOSTNAME, HTTP2);
    const { socket } = await openRaw(proxy.port);
    socket.removeAllListeners('data');
    let received = 0;
    const ended = new Promise((resolve) => socket.on('end', resolve));
    socket.on('data', (bytes: Buffer) => (received += bytes.length));
    socket.end(Buffer.alloc(total, 'x'));
    await ended;
    expect(received).toBe(total);
  });

  it('is POST where it is told so', async () => {
    const seen: IncomingHttpHeaders[] = [];
    const upstream = await startHttp2((stream, headers) => {
      seen.push({ ...headers });
      stream.respond({ ':status': 200 });
      stream.on('data', (bytes: Buffer) => stream.write(bytes));
    });
    const proxy = await startProxy(upstream.port, { hostname: 'a', use_post: true, post_path: '/t' }, HTTP2);
    const client = await openRaw(proxy.port);
    client.socket.write('echo');
    await client.read(/echo/);
    expect(seen[0]).toMatchObject({ ':method': 'POST', ':path': '/t', ':authority': 'a', ':scheme': 'http' });
  });
});

describe('a tunnel over HTTP/1', () => {
  it('is CONNECT on a connection of its own', async () => {
    const heads: IncomingMessage[] = [];
    const server = createServer();
    server.on('connect', (request: IncomingMessage, socket: Socket, head: Buffer) => {
      heads.push(request);
      socket.write('HTTP/1.1 200 Connection established\r\n\r\nwelcome ');
      let text = String(head);
      socket.on('data', (bytes) => (text += bytes));
      socket.on('end', () => socket.end(`got ${text}`));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closers.push(() => {
      server.closeAllConnections();
      server.close();
    });
    const proxy = await startProxy((server.address() as AddressInfo).port, HOSTNAME);
    expect(await sendRaw(proxy.port, 'hello', { end: true })).toBe('welcome got hello');
    const [head] = heads;
    expect([head?.method, head?.url, head?.headers]).toEqual([
      'CONNECT',
      'db.example:5432',
      { host: 'db.example:5432', 'x-from': '127.0.0.1' },
    ]);
    await eventually(() => proxy.metrics.cluster('c').upstream_cx_active === 0);
    expect(proxy.log).toEqual(['- 5 17\n']);
  });
});

describe('sni_cluster', () => {
  it('takes the cluster from the server name', async () => {
    const upstream = await startHttp2((stream) => stream.respond({ ':status': 200 }, { endStream: true }));
    const sni = {
      name: 'sni',
      typed_config: any('envoy.extensions.filters.network.sni_cluster.v3.SniCluster', {}),
    };
    const terminal = {
      name: 'tcp',
      typed_config: any(TCP_PROXY_MESSAGE, { stat_prefix: 'tcp', cluster: 'BlackHole' }),
    };
    const proxy = await startTestProxy({
      clusters: [staticCluster('outbound_.80_._.a', [upstream.port])],
      filters: [sni, terminal],
      downstream: { requestedServerName: 'outbound_.80_._.a' },
    });
    const client = await openRaw(proxy.port);
    client.socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    await eventually(() => upstream.sessions() === 1);
  });
});
