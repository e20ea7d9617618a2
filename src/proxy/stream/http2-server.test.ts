import { type ClientHttp2Session, connect, constants, type OutgoingHttpHeaders } from 'node:http2';
import { afterEach, describe, expect, it } from 'vitest';
import { manualClock } from '../../lib/manual-clock.ts';
import {
  closeAll,
  eventually,
  openRaw,
  routesOf,
  send,
  startRawUpstream,
  startTestProxy,
  startUpstream,
  staticCluster,
  type TestProxyOptions,
} from '../test-proxy.ts';

const sessions: ClientHttp2Session[] = [];

afterEach(() => {
  for (const session of sessions.splice(0)) session.destroy();
  closeAll();
});

interface Answer2 {
  readonly status: number;
  readonly headers: Record<string, unknown>;
  readonly informational: readonly number[];
  readonly trailers: Record<string, unknown>;
  readonly body: string;
  readonly resetCode: number;
}

function open(port: number): ClientHttp2Session {
  const session = connect(`http://127.0.0.1:${port}`);
  session.on('error', () => {});
  sessions.push(session);
  return session;
}

/** One request on a session; `body` pieces, then trailers. */
function ask(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders = {},
  body?: string | Buffer,
  trailers?: OutgoingHttpHeaders,
): Promise<Answer2> {
  return new Promise((resolve) => {
    const stream = session.request(
      { ':path': '/', ':authority': 'a.example', ...headers },
      { endStream: body === undefined && trailers === undefined, waitForTrailers: trailers !== undefined },
    );
    const answer = { status: 0, headers: {}, informational: [] as number[], trailers: {}, body: '' };
    stream.on('response', (head) => Object.assign(answer, { status: head[':status'] ?? 0, headers: head }));
    stream.on('headers', (head) => answer.informational.push(Number(head[':status'])));
    stream.on('trailers', (fields) => Object.assign(answer, { trailers: fields }));
    stream.on('data', (chunk: Buffer) => {
      answer.body += chunk.toString('latin1');
    });
    stream.on('wantTrailers', () => stream.sendTrailers(trailers ?? {}));
    stream.on('error', () => {});
    stream.on('close', () => resolve({ ...answer, resetCode: stream.rstCode ?? 0 }));
    if (body !== undefined || trailers !== undefined) stream.end(body);
  });
}

/** A proxy before an upstream that tells what it got. */
async function echoProxy(more: Partial<TestProxyOptions> = {}) {
  const { port } = await startUpstream((request, response) => {
    response.setHeader('X-Upper', 'Kept');
    response.end(
      JSON.stringify({
        method: request.method,
        url: request.url,
        raw: request.rawHeaders,
        body: request.body,
        trailers: request.trailers,
      }),
    );
  });
  return startTestProxy({
    clusters: [staticCluster('c', [port])],
    routes: routesOf({ match: { prefix: '/' }, route: { cluster: 'c' } }),
    ...more,
  });
}

describe('a request over HTTP/2 to an upstream of HTTP/1', () => {
  it('arrives as it was, and its answer in lower case without hop-by-hop fields', async () => {
    const proxy = await echoProxy();
    const answer = await ask(open(proxy.port), { ':path': '/x?y=1', cookie: ['a=1', 'b=2'], te: 'trailers' });
    const seen = JSON.parse(answer.body);
    expect(answer.status).toBe(200);
    expect(answer.headers['x-upper']).toBe('Kept');
    expect(answer.headers).not.toHaveProperty('connection');
    expect(answer.headers).not.toHaveProperty('keep-alive');
    expect(seen).toMatchObject({ method: 'GET', url: '/x?y=1' });
    expect(seen.raw.slice(0, 2)).toEqual(['host', 'a.example']);
    expect(seen.raw).toEqual(
      expect.arrayContaining(['cookie', 'a=1; b=2', 'te', 'trailers', 'x-forwarded-proto', 'http']),
    );
  });

  it('brings bodies and trailers both ways', async () => {
    const { port } = await startUpstream((request, response) => {
      response.setHeader('trailer', 'x-sum');
      response.write(request.body.slice(0, 10));
      response.addTrailers({
        'x-sum': String(request.body.length),
        'x-their': String(request.trailers['x-mine']),
      });
      response.end();
    });
    const proxy = await startTestProxy({
      clusters: [staticCluster('c', [port])],
      routes: routesOf({ match: { prefix: '/' }, route: { cluster: 'c' } }),
    });
    const body = Buffer.alloc(3_000_000, 'b');
    const answer = await ask(open(proxy.port), { ':method': 'POST' }, body, { 'x-mine': 'yes' });
    expect(answer).toMatchObject({
      status: 200,
      body: 'bbbbbbbbbb',
      trailers: { 'x-sum': '3000000', 'x-their': 'yes' },
    });
  });

  it('shares one connection, interleaved, with HTTP/1 beside it on the same port', async () => {
    const proxy = await echoProxy();
    const session = open(proxy.port);
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, i) => ask(session, { ':path': `/${i}` })),
    );
    expect(answers.map((answer) => JSON.parse(answer.body).url)).toEqual(answers.map((_, i) => `/${i}`));
    expect((await send(proxy.port)).status).toBe(200);
    expect(proxy.openConnections()).toBeLessThanOrEqual(2);
  });

  it('answers HEAD and 304 without a body, and passes 1xx on', async () => {
    const { port } = await startUpstream((request, response) => {
      if (request.url === '/304') response.writeHead(304).end();
      else if (request.url === '/hints') {
        response.writeEarlyHints({ link: '</a.css>; rel=preload' });
        response.end('done');
      } else response.setHeader('content-length', 5).end();
    });
    const proxy = await startTestProxy({
      clusters: [staticCluster('c', [port])],
      routes: routesOf({ match: { prefix: '/' }, route: { cluster: 'c' } }),
    });
    const session = open(proxy.port);
    expect(await ask(session, { ':method': 'HEAD' })).toMatchObject({ status: 200, body: '', resetCode: 0 });
    expect(await ask(session, { ':path': '/304' })).toMatchObject({ status: 304, body: '' });
    expect(await ask(session, { ':path': '/hints' })).toMatchObject({
      status: 200,
      body: 'done',
      informational: [103],
    });
  });

  it('logs HTTP/2 and counts it', async () => {
    const proxy = await echoProxy({
      manager: {
        access_log: [
          {
            name: 'file',
            typed_config: {
              '@type': 'type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog',
              path: '/dev/stdout',
              log_format: {
                text_format_source: { inline_string: '%PROTOCOL% %RESPONSE_CODE% %BYTES_SENT%\n' },
              },
            },
          },
        ],
      },
    });
    await ask(open(proxy.port));
    await eventually(() => proxy.log.length === 1);
    expect(proxy.log[0]).toMatch(/^HTTP\/2 200 \d+\n$/);
    expect(proxy.metrics.http('test')).toMatchObject({
      downstream_cx_http2_total: 1,
      downstream_rq_http2_total: 1,
      downstream_cx_http1_total: 0,
      downstream_rq_active: 0,
    });
  });
});

describe('back-pressure', () => {
  it('a client that does not read stops the upstream', async () => {
    let sent = 0;
    const { port } = await startRawUpstream((socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 200000000\r\n\r\n');
        const piece = Buffer.alloc(65_536, 'x');
        const more = (): void => {
          while (socket.write(piece)) sent += piece.length;
          sent += piece.length;
        };
        socket.on('drain', more);
        more();
      });
    });
    const proxy = await startTestProxy({
      clusters: [staticCluster('c', [port])],
      routes: routesOf({ match: { prefix: '/' }, route: { cluster: 'c' } }),
    });
    const stream = open(proxy.port).request({ ':path': '/' });
    await new Promise((resolve) => stream.once('response', resolve));
    let before = -1;
    while (before !== sent) {
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    // What the kernel's buffers hold, and little more.
    expect(sent).toBeLessThan(20_000_000);
    stream.close(constants.NGHTTP2_CANCEL);
  });

  it('an upstream that does not read stops the client at its window', async () => {
    const { port } = await startRawUpstream((socket) => socket.pause());
    const proxy = await startTestProxy({
      clusters: [staticCluster('c', [port])],
      routes: routesOf({ match: { prefix: '/' }, route: { cluster: 'c' } }),
      manager: { http2_protocol_options: { initial_stream_window_size: 100_000 } },
    });
    const session = open(proxy.port);
    const stream = session.request({ ':path': '/', ':method': 'POST' });
    stream.on('error', () => {});
    const piece = Buffer.alloc(1_000_000, 'x');
    for (let i = 0; i < 50; i++) stream.write(piece);
    let before = -1;
    while (before !== (session.socket.bytesWritten ?? 0)) {
      before = session.socket.bytesWritten;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(before).toBeLessThan(20_000_000);
    stream.close(constants.NGHTTP2_CANCEL);
  });
});

describe('ends before the end', () => {
  it('a client that resets its stream cancels the upstream, and others go on', async () => {
    let gone = false;
    const { port } = await startUpstream((request, response) => {
      if (request.url === '/slow')
        response.on('close', () => {
          gone = true;
        });
      else response.end('ok');
    });
    const proxy = await startTestProxy({
      clusters: [staticCluster('c', [port])],
      routes: routesOf({ match: { prefix: '/' }, route: { cluster: 'c' } }),
    });
    const session = open(proxy.port);
    const stream = session.request({ ':path': '/slow' });
    stream.on('error', () => {});
    await eventually(() => proxy.metrics.http('test').downstream_rq_active === 1);
    stream.close(constants.NGHTTP2_CANCEL);
    await eventually(() => gone);
    expect((await ask(session)).body).toBe('ok');
    expect(proxy.metrics.http('test').downstream_rq_rx_reset).toBe(1);
  });

  it('an upstream that breaks off resets the stream alone', async () => {
    const { port } = await startRawUpstream((socket) => {
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc'));
    });
    const proxy = await startTestProxy({
      clusters: [staticCluster('c', [port])],
      routes: routesOf(
        { match: { prefix: '/direct' }, direct_response: { status: 204 } },
        { match: { prefix: '/' }, route: { cluster: 'c' } },
      ),
    });
    const session = open(proxy.port);
    expect(await ask(session)).toMatchObject({ status: 200, resetCode: constants.NGHTTP2_INTERNAL_ERROR });
    expect((await ask(session, { ':path': '/direct' })).status).toBe(204);
  });

  it('an answer before the end of the request is whole, then the stream ends without an error', async () => {
    const proxy = await startTestProxy({
      routes: routesOf({
        match: { prefix: '/' },
        direct_response: { status: 413, body: { inline_string: 'no' } },
      }),
    });
    const session = open(proxy.port);
    const answer = await new Promise<Answer2>((resolve) => {
      const stream = session.request({ ':path': '/', ':method': 'POST' });
      let body = '';
      let status = 0;
      stream.on('response', (head) => {
        status = head[':status'] ?? 0;
      });
      stream.on('data', (chunk) => {
        body += chunk;
      });
      stream.on('error', () => {});
      stream.on('close', () =>
        resolve({
          status,
          body,
          headers: {},
          informational: [],
          trailers: {},
          resetCode: stream.rstCode ?? 0,
        }),
      );
      stream.write('begin');
    });
    expect(answer).toMatchObject({ status: 413, body: 'no', resetCode: 0 });
  });

  it('heads beyond the limits are answered with 431', async () => {
    const proxy = await echoProxy({ manager: { max_request_headers_kb: 4 } });
    const session = open(proxy.port);
    expect((await ask(session, { 'x-big': 'v'.repeat(10_000) })).status).toBe(431);
    expect((await ask(session, { 'x-big': 'v'.repeat(2000) })).status).toBe(200);
    const many = Object.fromEntries(Array.from({ length: 120 }, (_, i) => [`x-${i}`, '1']));
    expect((await ask(session, many)).status).toBe(431);
  });

  it('gRPC callers are answered in trailers', async () => {
    const proxy = await startTestProxy({
      routes: routesOf({ match: { prefix: '/' }, route: { cluster: 'none' } }),
    });
    const answer = await ask(
      open(proxy.port),
      { ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers' },
      'x',
    );
    expect(answer).toMatchObject({
      status: 200,
      body: '',
      headers: { 'grpc-status': '14', 'content-type': 'application/grpc' },
    });
    expect(answer.headers).not.toHaveProperty('content-length');
  });
});

describe('the end of a connection', () => {
  it('a drain lets open streams end and takes no others', async () => {
    let answer: (() => void) | undefined;
    const { port } = await startUpstream((_request, response) => {
      answer = () => response.end('late');
    });
    const proxy = await startTestProxy({
      clusters: [staticCluster('c', [port])],
      routes: routesOf({ match: { prefix: '/' }, route: { cluster: 'c' } }),
    });
    const session = open(proxy.port);
    const goaways: number[] = [];
    session.on('goaway', (code) => goaways.push(code));
    const asked = ask(session);
    await eventually(() => answer !== undefined);
    proxy.drain();
    await eventually(() => goaways.length >= 1);
    answer?.();
    expect((await asked).body).toBe('late');
    await eventually(() => proxy.openConnections() === 0);
    expect(goaways.every((code) => code === 0)).toBe(true);
  });

  it('ends after its requests, its age and its idle time', async () => {
    const direct = routesOf({ match: { prefix: '/' }, direct_response: { status: 200 } });
    const byRequests = await startTestProxy({
      routes: direct,
      manager: { common_http_protocol_options: { max_requests_per_connection: 2 } },
    });
    const session = open(byRequests.port);
    expect((await ask(session)).status).toBe(200);
    expect((await ask(session)).status).toBe(200);
    await eventually(() => byRequests.openConnections() === 0);
    const clock = manualClock();
    const byTime = await startTestProxy({
      routes: direct,
      clock,
      manager: { common_http_protocol_options: { idle_timeout: '10s' } },
    });
    const idle = open(byTime.port);
    expect((await ask(idle)).status).toBe(200);
    clock.advance(9_000);
    expect((await ask(idle)).status).toBe(200);
    clock.advance(9_000);
    expect(byTime.openConnections()).toBe(1);
    clock.advance(2_000);
    await eventually(() => byTime.openConnections() === 0);
  });

  it('is drained at its age, and not held up by a client that does not answer', async () => {
    const clock = manualClock();
    const proxy = await startTestProxy({
      clock,
      routes: routesOf({ match: { prefix: '/' }, direct_response: { status: 200 } }),
      manager: { common_http_protocol_options: { max_connection_duration: '60s' }, drain_timeout: '3s' },
    });
    const { socket, read } = await openRaw(proxy.port);
    socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00', 'latin1');
    await read(/\x04/);
    clock.advance(60_000);
    await read(/weftping/);
    clock.advance(3_000);
    await read(/<end>/);
  });

  it('comes with a bad message only where that is asked for', async () => {
    const direct = routesOf({ match: { prefix: '/' }, direct_response: { status: 200 } });
    const strict = { http2_protocol_options: { override_stream_error_on_invalid_http_message: false } };
    const outcomes = await Promise.all(
      [{}, strict].map(async (manager) => {
        const proxy = await startTestProxy({ routes: direct, manager });
        const session = open(proxy.port);
        const closed = new Promise((resolve) => session.once('close', () => resolve('closed')));
        const bad = await ask(session, { ':path': 'no-slash' });
        const after = manager === strict ? await closed : (await ask(session)).status;
        return [bad.status, after];
      }),
    );
    expect(outcomes).toEqual([
      [0, 200],
      [0, 'closed'],
    ]);
  });

  it('is not begun with options that are not understood', async () => {
    const manager = {
      http2_protocol_options: {
        allow_metadata: true,
        initial_stream_window_size: 10,
        custom_settings_parameters: [{ identifier: 99, value: 1 }],
      },
    };
    await expect(startTestProxy({ routes: routesOf(), manager })).rejects.toThrow(
      /http2_protocol_options\.custom_settings_parameters.*http2_protocol_options\.allow_metadata.*initial_stream_window_size/,
    );
  });

  it('a client that does not answer PING in time is cut', async () => {
    const clock = manualClock();
    const proxy = await startTestProxy({
      clock,
      routes: routesOf({ match: { prefix: '/' }, direct_response: { status: 200 } }),
      manager: { http2_protocol_options: { connection_keepalive: { interval: '10s', timeout: '5s' } } },
    });
    const { socket, read } = await openRaw(proxy.port);
    socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00', 'latin1');
    await read(/\x04/);
    clock.advance(10_000);
    await read(/weftping/);
    clock.advance(5_000);
    await read(/did not answer/);
  });
});
