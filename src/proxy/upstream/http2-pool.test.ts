import {
  constants,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { any, type Cluster } from '../../xds/resources.ts';
import {
  closeAll,
  eventually,
  openRaw,
  routesOf,
  send,
  startRawUpstream,
  startTestProxy,
  staticCluster,
} from '../test-proxy.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  closeAll();
  for (const close of closers.splice(0)) close();
});

type OnStream = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

/** An upstream that speaks HTTP/2 alone, by node:http2. */
async function startHttp2Upstream(onStream: OnStream, settings: object = {}) {
  const server: Http2Server = createServer({ settings });
  const sessions: ServerHttp2Session[] = [];
  const sockets: Socket[] = [];
  server.on('connection', (socket: Socket) => sockets.push(socket));
  server.on('session', (session) => {
    sessions.push(session);
    session.on('error', () => {});
  });
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    onStream(stream, headers);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, sessions, sockets };
}

const OPTIONS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

function http2Cluster(
  ports: readonly number[],
  http2: object = {},
  more: Cluster = {},
  common?: object,
): Cluster {
  return staticCluster('c', ports, {
    typed_extension_protocol_options: {
      [OPTIONS]: any(OPTIONS, {
        explicit_http_config: { http2_protocol_options: http2 },
        ...(common === undefined ? {} : { common_http_protocol_options: common }),
      }),
    },
    ...more,
  });
}

const ROUTES = routesOf({ match: { prefix: '/' }, route: { cluster: 'c', timeout: '5s' } });

function startProxy(cluster: Cluster, routes = ROUTES) {
  return startTestProxy({ clusters: [cluster], routes });
}

const collect = (stream: ServerHttp2Stream, then: (body: string) => void): void => {
  let body = '';
  stream.on('data', (bytes: Buffer) => (body += bytes.toString('latin1')));
  stream.on('end', () => then(body));
};

describe('requests over HTTP/2', () => {
  it('carry head, body and answer, all on one connection', async () => {
    const seen: IncomingHttpHeaders[] = [];
    const upstream = await startHttp2Upstream((stream, headers) => {
      seen.push(headers);
      collect(stream, (body) => {
        stream.respond({ ':status': 201, 'x-a': 'b', 'content-length': body.length + 4 });
        stream.end(`got ${body}`);
      });
    });
    const proxy = await startProxy(http2Cluster([upstream.port]));
    const answers = await Promise.all(
      ['x', 'yy', 'zzz'].map((body) =>
        send(proxy.port, {
          method: 'POST',
          path: '/p?q=1',
          body,
          headers: { Host: 'a.example', 'X-Up': '1' },
        }),
      ),
    );
    expect(answers.map(({ status, body }) => [status, body])).toEqual([
      [201, 'got x'],
      [201, 'got yy'],
      [201, 'got zzz'],
    ]);
    expect(answers[0]?.headers['x-a']).toBe('b');
    expect(seen[0]).toMatchObject({
      ':method': 'POST',
      ':path': '/p?q=1',
      ':authority': 'a.example',
      ':scheme': 'http',
      'x-up': '1',
    });
    expect(seen[0]?.['host']).toBeUndefined();
    expect(proxy.metrics.cluster('c')).toMatchObject({
      upstream_cx_http2_total: 1,
      upstream_rq_completed: 3,
    });
  });

  it('carry trailers both ways', async () => {
    const upstream = await startHttp2Upstream((stream) => {
      let trailers = {};
      stream.on('trailers', (fields) => (trailers = fields));
      collect(stream, (body) => {
        stream.respond({ ':status': 200 }, { waitForTrailers: true });
        stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': `${JSON.stringify(trailers)}` }));
        stream.end(body);
      });
    });
    const proxy = await startProxy(http2Cluster([upstream.port]));
    const client = await openRaw(proxy.port);
    client.socket.write(
      'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ntrailer: x-t\r\n\r\n3\r\nabc\r\n0\r\nx-t: 1\r\n\r\n',
    );
    const answer = await client.read(/x-sum: .*\r\n\r\n/);
    expect(answer).toMatch(/transfer-encoding: chunked/);
    expect(answer).toMatch(/3\r\nabc\r\n0\r\nx-sum: {"x-t":"1"}\r\n\r\n$/);
  });

  it('know HEAD, answers without a body, and 1xx', async () => {
    const upstream = await startHttp2Upstream((stream, headers) => {
      if (headers[':path'] === '/hints') stream.additionalHeaders({ ':status': 103, link: '</a>' });
      if (headers[':method'] === 'HEAD')
        stream.respond({ ':status': 200, 'content-length': '5' }, { endStream: true });
      else stream.respond({ ':status': headers[':path'] === '/none' ? 204 : 200 }, { endStream: true });
    });
    const proxy = await startProxy(http2Cluster([upstream.port]));
    expect((await send(proxy.port, { method: 'HEAD' })).headers['content-length']).toBe('5');
    expect((await send(proxy.port)).headers['content-length']).toBe('0');
    expect((await send(proxy.port, { path: '/none' })).headers['content-length']).toBeUndefined();
    const client = await openRaw(proxy.port);
    client.socket.write('GET /hints HTTP/1.1\r\nhost: a\r\n\r\n');
    expect(await client.read(/200 OK/)).toMatch(/^HTTP\/1.1 103 Early Hints\r\nlink: <\/a>\r\n\r\n/);
  });

  it('make another connection when the streams of one are used up, as far as the cluster allows', async () => {
    const open: ServerHttp2Stream[] = [];
    const upstream = await startHttp2Upstream((stream) => void open.push(stream), {
      maxConcurrentStreams: 2,
    });
    const proxy = await startProxy(http2Cluster([upstream.port], { max_concurrent_streams: 2 }));
    const answers = [1, 2, 3, 4, 5].map(() => send(proxy.port));
    await eventually(() => open.length === 5);
    expect(proxy.metrics.cluster('c').upstream_cx_active).toBe(3);
    for (const stream of open) stream.respond({ ':status': 200 }, { endStream: true });
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
  });

  it('wait for a stream where the cluster may make no more connections', async () => {
    const open: ServerHttp2Stream[] = [];
    const upstream = await startHttp2Upstream((stream) => void open.push(stream));
    const proxy = await startProxy(
      http2Cluster(
        [upstream.port],
        { max_concurrent_streams: 1 },
        { circuit_breakers: { thresholds: [{ max_connections: 1, max_pending_requests: 1 }] } },
      ),
    );
    const first = send(proxy.port);
    await eventually(() => open.length === 1);
    const second = send(proxy.port);
    await eventually(() => proxy.metrics.cluster('c').upstream_rq_pending_active === 1);
    expect((await send(proxy.port)).status).toBe(503);
    open[0]?.respond({ ':status': 200 }, { endStream: true });
    await first;
    await eventually(() => open.length === 2);
    open[1]?.respond({ ':status': 200 }, { endStream: true });
    expect((await second).status).toBe(200);
    expect(proxy.metrics.cluster('c')).toMatchObject({
      upstream_cx_total: 1,
      upstream_rq_pending_overflow: 1,
    });
  });
});

describe('what an endpoint did not look at', () => {
  it('is sent again after REFUSED_STREAM, a POST too, once', async () => {
    let count = 0;
    const upstream = await startHttp2Upstream((stream, headers) => {
      if (headers[':path'] === '/never' || ++count === 1) stream.close(constants.NGHTTP2_REFUSED_STREAM);
      else
        collect(stream, (body) => {
          stream.respond({ ':status': 200 });
          stream.end(body);
        });
    });
    const proxy = await startProxy(http2Cluster([upstream.port]));
    expect((await send(proxy.port, { method: 'POST', body: 'once' })).body).toBe('once');
    const never = await send(proxy.port, { path: '/never' });
    expect(never.status).toBe(503);
    expect(never.body).toMatch(/remote refused stream reset/);
  });

  it('is sent again after GOAWAY, on another connection', async () => {
    const upstream = await startHttp2Upstream((stream, headers) =>
      collect(stream, (body) => {
        stream.respond({ ':status': 200 });
        stream.end(`${headers[':path']} ${body}`);
      }),
    );
    let first = true;
    const { port } = await startRawUpstream((socket) => {
      if (first) {
        first = false;
        socket.write(Buffer.from('000000040000000000' + '0000080700000000000000000000000000', 'hex'));
        return;
      }
      const behind = connect(upstream.port, '127.0.0.1');
      behind.on('error', () => {});
      socket.pipe(behind).pipe(socket);
    });
    const proxy = await startProxy(http2Cluster([port]));
    expect((await send(proxy.port, { method: 'POST', path: '/a', body: 'b' })).body).toBe('/a b');
    expect(proxy.metrics.cluster('c')).toMatchObject({ upstream_cx_total: 2, upstream_cx_close_notify: 1 });
  });

  it('goes to a new connection after a GOAWAY that came in peace; what is open is finished', async () => {
    const open: ServerHttp2Stream[] = [];
    const upstream = await startHttp2Upstream((stream) => void open.push(stream));
    const proxy = await startProxy(http2Cluster([upstream.port]));
    const first = send(proxy.port);
    await eventually(() => open.length === 1);
    open[0]?.session?.goaway(0, open[0].id as number);
    await eventually(() => proxy.metrics.cluster('c').upstream_cx_close_notify === 1);
    const second = send(proxy.port);
    await eventually(() => open.length === 2);
    expect(open[1]?.session).not.toBe(open[0]?.session);
    for (const stream of open) stream.respond({ ':status': 200 }, { endStream: true });
    expect([(await first).status, (await second).status]).toEqual([200, 200]);
  });
});

describe('how streams end', () => {
  it('by reset before the answer: 503 that says so, and the connection stays', async () => {
    const upstream = await startHttp2Upstream((stream, headers) => {
      if (headers[':path'] === '/') stream.respond({ ':status': 200 }, { endStream: true });
      else stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    });
    const proxy = await startProxy(http2Cluster([upstream.port]));
    const answer = await send(proxy.port, { path: '/reset' });
    expect([answer.status, answer.body]).toEqual([503, expect.stringMatching(/reset reason: remote reset/)]);
    expect((await send(proxy.port)).status).toBe(200);
    expect(proxy.metrics.cluster('c')).toMatchObject({ upstream_cx_total: 1, upstream_rq_rx_reset: 1 });
  });

  it('by an answer before the request is complete: the answer counts, the rest is not sent', async () => {
    const ends: number[] = [];
    const upstream = await startHttp2Upstream((stream) => {
      stream.on('close', () => ends.push(stream.rstCode));
      stream.respond({ ':status': 413, 'content-length': '0' }, { endStream: true });
    });
    const proxy = await startProxy(http2Cluster([upstream.port]));
    const client = await openRaw(proxy.port);
    client.socket.write('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nabc');
    expect(await client.read(/\r\n\r\n/)).toMatch(/^HTTP\/1.1 413/);
    await eventually(() => ends.length === 1);
    expect(proxy.metrics.cluster('c').upstream_cx_active).toBe(1);
  });

  it('by a client that goes: the stream is cancelled', async () => {
    const codes: number[] = [];
    const open: ServerHttp2Stream[] = [];
    const upstream = await startHttp2Upstream((stream) => {
      open.push(stream);
      stream.on('close', () => codes.push(stream.rstCode));
    });
    const proxy = await startProxy(http2Cluster([upstream.port]));
    const client = await openRaw(proxy.port);
    client.socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    await eventually(() => open.length === 1);
    client.socket.destroy();
    await eventually(() => codes.length === 1);
    expect(codes).toEqual([constants.NGHTTP2_CANCEL]);
    expect(proxy.metrics.cluster('c')).toMatchObject({ upstream_rq_active: 0, upstream_cx_active: 1 });
  });

  it('by the end of the connection: every stream on it fails, and says why', async () => {
    const open: ServerHttp2Stream[] = [];
    const upstream = await startHttp2Upstream((stream) => void open.push(stream));
    const proxy = await startProxy(http2Cluster([upstream.port]));
    const answers = [send(proxy.port), send(proxy.port)];
    await eventually(() => open.length === 2);
    for (const socket of upstream.sockets) socket.destroy();
    for (const answer of await Promise.all(answers)) expect(answer.body).toMatch(/connection termination/);
    await eventually(() => proxy.metrics.cluster('c').upstream_cx_active === 0);
  });

  it('by an upstream that speaks no HTTP/2', async () => {
    const { port } = await startRawUpstream((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    const proxy = await startProxy(http2Cluster([port]));
    const answer = await send(proxy.port);
    expect([answer.status, answer.body]).toEqual([502, expect.stringMatching(/protocol error/)]);
  });
});

describe('how connections end', () => {
  it('after as many requests as they may carry', async () => {
    const sessions = new Set<unknown>();
    const upstream = await startHttp2Upstream((stream) => {
      sessions.add(stream.session);
      stream.respond({ ':status': 200 }, { endStream: true });
    });
    const proxy = await startProxy(http2Cluster([upstream.port], {}, {}, { max_requests_per_connection: 2 }));
    for (let i = 0; i < 5; i++) expect((await send(proxy.port)).status).toBe(200);
    expect(sessions.size).toBe(3);
    expect(proxy.metrics.cluster('c').upstream_cx_max_requests).toBe(2);
    await eventually(() => proxy.metrics.cluster('c').upstream_cx_active === 1);
  });

  it('when their endpoint leaves: once what they carry is over', async () => {
    const open: ServerHttp2Stream[] = [];
    const upstream = await startHttp2Upstream((stream) => void open.push(stream));
    const proxy = await startProxy(http2Cluster([upstream.port]));
    const answer = send(proxy.port);
    await eventually(() => open.length === 1);
    proxy.setClusters([], ['c']);
    open[0]?.respond({ ':status': 200 });
    open[0]?.end('late');
    expect((await answer).body).toBe('late');
    await eventually(() => upstream.sessions[0]?.closed === true);
  });

  it('where no answer comes to a PING', async () => {
    const { port } = await startRawUpstream((socket) => {
      socket.on('data', () => {});
      socket.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]));
    });
    const proxy = await startProxy(
      http2Cluster([port], { connection_keepalive: { interval: '0.05s', timeout: '0.05s' } }),
    );
    const answer = await send(proxy.port, { method: 'POST', body: 'x' });
    expect([answer.status, answer.body]).toEqual([503, expect.stringMatching(/connection termination/)]);
  });
});

describe('back-pressure', () => {
  it('lets the endpoint send no more than a window ahead of a client that does not read', async () => {
    let sent = 0;
    const upstream = await startHttp2Upstream((stream) => {
      stream.respond({ ':status': 200 });
      const block = Buffer.alloc(64 * 1024);
      const more = (): void => {
        for (;;) {
          sent += block.length;
          if (sent > 64 * 1024 * 1024) {
            stream.end();
            return;
          }
          if (!stream.write(block)) break;
        }
        stream.once('drain', more);
      };
      more();
    });
    const proxy = await startProxy(http2Cluster([upstream.port]));
    const socket = connect(proxy.port, '127.0.0.1');
    closers.push(() => socket.destroy());
    socket.on('error', () => {});
    socket.pause();
    socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    let before = -1;
    await eventually(() => sent > 0);
    while (before !== sent) {
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    // The kernel's buffers of two sockets are most of it.
    expect(sent).toBeLessThan(16 * 1024 * 1024);
    let received = 0;
    socket.on('data', (bytes) => (received += bytes.length));
    socket.resume();
    await eventually(() => received > 64 * 1024 * 1024);
  });

  it('holds a client back whose upstream does not read, and brings everything when it does', async () => {
    const streams: ServerHttp2Stream[] = [];
    const upstream = await startHttp2Upstream((stream) => {
      stream.pause();
      streams.push(stream);
    });
    const proxy = await startProxy(http2Cluster([upstream.port]));
    const socket = connect(proxy.port, '127.0.0.1');
    closers.push(() => socket.destroy());
    const total = 32 * 1024 * 1024;
    socket.write(`POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${total}\r\n\r\n`);
    const block = Buffer.alloc(64 * 1024);
    let written = 0;
    const more = (): void => {
      while (written < total) {
        written += block.length;
        if (!socket.write(block)) break;
      }
      if (written < total) socket.once('drain', more);
    };
    more();
    await eventually(() => streams.length === 1);
    let before = -1;
    while (before !== written) {
      before = written;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    expect(written).toBeLessThan(total);
    let received = 0;
    const stream = streams[0] as ServerHttp2Stream;
    stream.on('data', (bytes: Buffer) => (received += bytes.length));
    stream.on('end', () => stream.respond({ ':status': 200 }, { endStream: true }));
    stream.resume();
    await eventually(() => received === total);
  });
});

describe('clients that do not read', () => {
  it('do not hold up others on the same connection', async () => {
    const upstream = await startHttp2Upstream((stream, headers) => {
      stream.respond({ ':status': 200 });
      if (headers[':path'] === '/small') {
        stream.end('small');
        return;
      }
      const block = Buffer.alloc(16 * 1024);
      const pour = (): void => {
        while (!stream.destroyed && stream.write(block));
        if (!stream.destroyed) stream.once('drain', pour);
      };
      pour();
    });
    const proxy = await startProxy(http2Cluster([upstream.port]));
    for (let i = 0; i < 12; i++) {
      const socket = connect(proxy.port, '127.0.0.1');
      socket.on('error', () => {});
      closers.push(() => socket.destroy());
      socket.pause();
      socket.write('GET /large HTTP/1.1\r\nhost: a\r\n\r\n');
    }
    await eventually(() => proxy.metrics.cluster('c').upstream_rq_total === 12);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(proxy.metrics.cluster('c').upstream_rq_active).toBe(12);
    expect((await send(proxy.port, { path: '/small' })).body).toBe('small');
    expect(proxy.metrics.cluster('c').upstream_cx_total).toBe(1);
  });
});

describe('idle connections', () => {
  it('are closed after their time, with a word', async () => {
    const upstream = await startHttp2Upstream((stream) =>
      stream.respond({ ':status': 200 }, { endStream: true }),
    );
    const proxy = await startProxy(http2Cluster([upstream.port], {}, {}, { idle_timeout: '0.1s' }));
    let goaways = 0;
    expect((await send(proxy.port)).status).toBe(200);
    upstream.sessions[0]?.on('goaway', () => goaways++);
    await eventually(() => proxy.metrics.cluster('c').upstream_cx_idle_timeout === 1);
    await eventually(() => goaways === 1);
    expect((await send(proxy.port)).status).toBe(200);
    expect(proxy.metrics.cluster('c').upstream_cx_total).toBe(2);
  });
});

describe('the legacy fields', () => {
  it('ask for HTTP/2 too', async () => {
    const upstream = await startHttp2Upstream((stream) =>
      stream.respond({ ':status': 200 }, { endStream: true }),
    );
    const proxy = await startProxy(staticCluster('c', [upstream.port], { http2_protocol_options: {} }));
    expect((await send(proxy.port)).status).toBe(200);
  });
});
