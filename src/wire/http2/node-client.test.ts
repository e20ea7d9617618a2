import type {
  ClientHttp2Session,
  ClientHttp2Stream,
  IncomingHttpHeaders,
  OutgoingHttpHeaders,
} from 'node:http2';
import { connect, constants } from 'node:http2';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import type { Listener } from '../connection.ts';
import { network } from '../net.ts';
import type { Http2Connection, Http2Stream, StreamEvents } from './connection.ts';
import { driveHttp2 } from './drive.ts';
import type { RequestHead } from './head.ts';
import { ERROR_CODE } from './protocol.ts';

// Our server, with node:http2 as the client.

interface Answer {
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders;
  readonly informational: number[];
  readonly body: Buffer;
}

type Handler = (stream: Http2Stream, head: RequestHead, ended: boolean) => Partial<StreamEvents>;

let listener: Listener;
let session: ClientHttp2Session;
let connections: Http2Connection[];
let handler: Handler;

beforeEach(async () => {
  connections = [];
  const listening = await network.listen({
    onConnection: (bytes) => {
      const events = {
        onRequest: (stream: Http2Stream, head: RequestHead, ended: boolean): StreamEvents => ({
          onData: (part) => stream.consume(part.length),
          onTrailers: () => {},
          onDrain: () => {},
          onClose: () => {},
          ...handler(stream, head, ended),
        }),
        onClose: () => {},
      };
      connections.push(
        driveHttp2(bytes, { role: 'server', clock: systemClock, events, allowConnectProtocol: true }),
      );
    },
  });
  if (!listening.ok) throw new Error(listening.error.message);
  listener = listening.value;
  session = connect(`http://127.0.0.1:${listener.port}`);
  session.on('error', () => {});
});
afterEach(async () => {
  session.destroy();
  await listener.close();
});

function collect(request: ClientHttp2Stream): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    const informational: number[] = [];
    let headers: IncomingHttpHeaders = {};
    let trailers: IncomingHttpHeaders = {};
    request.on('headers', (head) => informational.push(Number(head[':status'])));
    request.on('response', (head) => {
      headers = head;
    });
    request.on('trailers', (last) => {
      trailers = last;
    });
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => resolve({ headers, trailers, informational, body: Buffer.concat(parts) }));
    request.on('error', reject);
  });
}

function get(headers: OutgoingHttpHeaders = {}): Promise<Answer> {
  return collect(session.request({ ':path': '/', ...headers }));
}

/** Answers with what came, as it comes. */
const echo: Handler = (stream, head, ended) => {
  stream.respond({ status: 200, headers: ['x-path', head.path] }, ended);
  return {
    onData(bytes, last) {
      if (!stream.sendData(bytes, last)) waiting.set(stream, (waiting.get(stream) ?? 0) + bytes.length);
      else stream.consume(bytes.length);
    },
    onDrain() {
      stream.consume(waiting.get(stream) ?? 0);
      waiting.delete(stream);
    },
    onTrailers: (trailers) => stream.sendTrailers(trailers),
  };
};
const waiting = new Map<Http2Stream, number>();

describe('our server and a node:http2 client', () => {
  it('exchange heads, informational heads, body and trailers', async () => {
    let seen: RequestHead | undefined;
    handler = (stream, head) => {
      seen = head;
      stream.respond({ status: 103, headers: ['link', '</style.css>'] }, false);
      stream.respond(
        { status: 200, headers: ['content-type', 'text/plain', 'set-cookie', 'a=1', 'set-cookie', 'b=2'] },
        false,
      );
      stream.sendData(Buffer.from('hello'), false);
      stream.sendTrailers(['x-sum', '5']);
      return {};
    };
    const answer = await get({ ':path': '/a?b=c', cookie: ['x=1', 'y=2'], 'x-utf8': 'caf\u00e9' });
    expect(answer.informational).toEqual([103]);
    expect(answer.headers).toMatchObject({
      ':status': 200,
      'content-type': 'text/plain',
      'set-cookie': ['a=1', 'b=2'],
    });
    expect(answer.trailers).toMatchObject({ 'x-sum': '5' });
    expect(answer.body.toString()).toBe('hello');
    expect(seen).toMatchObject({
      method: 'GET',
      scheme: 'http',
      path: '/a?b=c',
      authority: `127.0.0.1:${listener.port}`,
    });
    expect(seen?.headers).toEqual(['x-utf8', 'caf\u00e9', 'cookie', 'x=1; y=2']);
  });

  it('agree on headers over many requests that differ, as both tables turn over', async () => {
    handler = (stream, head) => {
      stream.respond(
        { status: 200, headers: head.headers.flatMap((text, i) => (i % 2 === 0 ? [`r-${text}`] : [text])) },
        true,
      );
      return {};
    };
    for (let i = 0; i < 300; i++) {
      const sent = {
        'x-same': 'always',
        'x-id': `${i}`,
        [`x-name-${i % 40}`]: 'v'.repeat(i % 100),
        'x-long': 'w'.repeat(i * 5),
      };
      const { headers } = await get(sent);
      for (const [name, value] of Object.entries(sent)) expect(headers[`r-${name}`]).toBe(value);
    }
  });

  it.each([0, 1, 16_384, 16_385, 262_144, 3_000_000])('echo a body of %i bytes', async (size) => {
    handler = echo;
    const body = Buffer.alloc(size, 'abcdefg');
    const request = session.request({ ':path': '/', ':method': 'POST' });
    const answer = collect(request);
    request.end(body);
    expect((await answer).body.equals(body)).toBe(true);
  });

  it('run 200 requests at once', async () => {
    handler = echo;
    const bodies = Array.from({ length: 200 }, (_, i) => Buffer.alloc(i * 100, i));
    const answers = bodies.map((body) => {
      const request = session.request({ ':path': '/', ':method': 'POST' });
      const answer = collect(request);
      request.end(body);
      return answer;
    });
    for (const [i, answer] of (await Promise.all(answers)).entries())
      expect(answer.body.equals(bodies[i] as Buffer)).toBe(true);
  });

  it('hold back a sender whose bytes are not consumed', async () => {
    let received = 0;
    let stream: Http2Stream | undefined;
    let pass = 0;
    handler = (opened) => {
      stream = opened;
      return {
        onData(bytes, ended) {
          received += bytes.length;
          if (pass > 0) opened.consume(bytes.length);
          if (ended) opened.respond({ status: 204, headers: [] }, true);
        },
      };
    };
    const request = session.request({ ':path': '/', ':method': 'POST' });
    const answer = collect(request);
    request.end(Buffer.alloc(1_000_000));
    await expect.poll(() => received).toBe(262_144);
    const pong = new Promise((resolve) => session.ping(resolve));
    await pong;
    expect(received).toBe(262_144);
    pass = 1;
    stream?.consume(received);
    await answer;
    expect(received).toBe(1_000_000);
  });

  it('cancel in both directions', async () => {
    const ends: unknown[] = [];
    handler = (stream, head) => {
      if (head.path === '/refuse') stream.reset(ERROR_CODE.REFUSED_STREAM);
      return { onClose: (end) => ends.push([end.by, end.errorCode]) };
    };
    await expect(get({ ':path': '/refuse' })).rejects.toThrow('NGHTTP2_REFUSED_STREAM');
    const request = session.request({ ':path': '/wait' });
    request.on('error', () => {});
    await expect.poll(() => connections[0]?.activeStreams).toBe(1);
    request.close(constants.NGHTTP2_CANCEL);
    await expect
      .poll(() => ends)
      .toEqual([
        ['local', ERROR_CODE.REFUSED_STREAM],
        ['peer', ERROR_CODE.CANCEL],
      ]);
  });

  it('finish what is open when the server shuts down', async () => {
    let stream: Http2Stream | undefined;
    handler = (opened) => {
      stream = opened;
      return {};
    };
    const answer = get();
    await expect.poll(() => connections[0]?.activeStreams).toBe(1);
    const goaways: number[] = [];
    session.on('goaway', (code) => goaways.push(code));
    connections[0]?.shutdown();
    await expect.poll(() => goaways).toEqual([0, 0]);
    stream?.respond({ status: 200, headers: [] }, true);
    expect((await answer).headers[':status']).toBe(200);
    await expect.poll(() => [session.destroyed, connections[0]?.closed]).toEqual([true, true]);
  });

  it('refuse a head that is too large, with 431', async () => {
    handler = echo;
    const large = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`x-${i}`, 'y'.repeat(3500)]));
    session.destroy();
    session = connect(`http://127.0.0.1:${listener.port}`, { maxSendHeaderBlockLength: 1_000_000 });
    session.on('error', () => {});
    expect((await get(large)).headers[':status']).toBe(431);
    expect((await get()).headers[':status']).toBe(200);
  });

  it('open extended CONNECT', async () => {
    handler = echo;
    await new Promise((resolve) => session.once('remoteSettings', resolve));
    const request = session.request(
      { ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/chat', ':scheme': 'http' },
      { endStream: false },
    );
    const answer = collect(request);
    request.write('ping');
    await new Promise((resolve) => request.once('data', resolve));
    request.end('pong');
    expect((await answer).body.toString()).toBe('pingpong');
  });
});
