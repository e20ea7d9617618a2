import type { Http2Server, ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import { constants, createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { network } from '../net.ts';
import type { Http2Connection } from './connection.ts';
import { driveHttp2 } from './drive.ts';
import type { RequestHead } from './head.ts';
import type { Http2Error } from './http2-error.ts';
import { ERROR_CODE } from './protocol.ts';
import { Exchange } from './test-pair.ts';

// Our client, with node:http2 as the server.

let server: Http2Server;
let sessions: ServerHttp2Session[];
let connection: Http2Connection;
let closed: { error: Http2Error | undefined } | undefined;

beforeEach(async () => {
  sessions = [];
  closed = undefined;
  server = createServer({ settings: { maxConcurrentStreams: 50 } });
  server.on('session', (session) => {
    session.on('error', () => {});
    sessions.push(session);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  connection = await open();
});
afterEach(() => {
  connection.abort(ERROR_CODE.NO_ERROR, '');
  for (const session of sessions) session.destroy();
  server.close();
});

async function open(): Promise<Http2Connection> {
  const { port } = server.address() as AddressInfo;
  const bytes = await network.connect({ host: '127.0.0.1', port, timeoutMs: 5000 });
  if (!bytes.ok) throw new Error(bytes.error.message);
  const onClose = (error: Http2Error | undefined): void => {
    closed = { error };
  };
  return driveHttp2(bytes.value, { role: 'client', clock: systemClock, events: { onClose } });
}

function request(head: Partial<RequestHead> = {}, ended = true): Exchange {
  const exchange = new Exchange();
  const whole = {
    method: 'GET',
    scheme: 'http',
    authority: 'a',
    path: '/',
    protocol: '',
    headers: [],
    ...head,
  };
  exchange.stream = connection.request(whole, ended, exchange);
  return exchange;
}

function done(exchange: Exchange): Promise<Exchange> {
  return new Promise((resolve) => {
    exchange.after = () => {
      if (exchange.end !== undefined) resolve(exchange);
    };
    exchange.after('');
  });
}

describe('our client and a node:http2 server', () => {
  it('exchange heads, informational heads, body and trailers', async () => {
    let trailersSeen: unknown;
    server.on('stream', (stream, headers) => {
      stream.on('trailers', (trailers) => {
        trailersSeen = { ...trailers };
      });
      stream.additionalHeaders({ ':status': 103, link: '</a>' });
      stream.respond(
        { ':status': 201, 'x-method': headers[':method'], 'x-cookie': headers.cookie },
        { waitForTrailers: true },
      );
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '1' }));
      stream.pipe(stream);
    });
    const exchange = request({ method: 'PUT', headers: ['cookie', 'a=1; b=2', 'te', 'trailers'] }, false);
    exchange.stream?.sendData(Buffer.from('hello'), false);
    exchange.stream?.sendTrailers(['x-last', 'yes']);
    await done(exchange);
    expect(exchange.log[0]).toBe('head 103 link </a>');
    expect(exchange.log[1]).toMatch(/^head 201 x-method PUT x-cookie a=1; b=2 date /);
    expect(exchange.log.slice(2)).toEqual(['trailers x-sum 1', 'closed NO_ERROR by both']);
    expect(exchange.body.toString()).toBe('hello');
    expect(trailersSeen).toMatchObject({ 'x-last': 'yes' });
  });

  it.each([0, 1, 16_385, 3_000_000])('carry %i bytes there and back', async (size) => {
    server.on('stream', (stream) => {
      stream.respond({ ':status': 200 });
      stream.pipe(stream);
    });
    const body = Buffer.alloc(size, 'abcdefg');
    const exchange = request({ method: 'POST' }, false);
    exchange.stream?.sendData(body, true);
    await done(exchange);
    expect(exchange.body.equals(body)).toBe(true);
  });

  it('agree on headers over many requests that differ', async () => {
    server.on('stream', (stream, headers) => {
      stream.respond(
        {
          ':status': 200,
          'x-back': headers['x-id'],
          [`x-name-${String(headers['x-id']).length}`]: headers['x-long'],
        },
        { endStream: true },
      );
    });
    for (let i = 0; i < 300; i++) {
      const long = `${i}-`.repeat(i % 120);
      const exchange = request({
        path: `/${i}`,
        headers: ['x-id', `${i}`, 'x-long', long, `x-name-${i % 40}`, 'z'],
      });
      await done(exchange);
      expect(exchange.log[0]).toContain(`x-back ${i} x-name-${`${i}`.length} ${long} date`);
    }
  });

  it('keep to the number of streams that the server allows', async () => {
    const held: ServerHttp2Stream[] = [];
    server.on('stream', (stream) => held.push(stream));
    await expect.poll(() => connection.peerSettings.maxConcurrentStreams).toBe(50);
    const exchanges = Array.from({ length: 50 }, () => request());
    expect([connection.availableStreams, request().stream]).toEqual([0, undefined]);
    await expect.poll(() => held.length).toBe(50);
    for (const stream of held) stream.respond({ ':status': 204 }, { endStream: true });
    for (const exchange of exchanges) expect((await done(exchange)).end?.by).toBe('both');
    expect(connection.availableStreams).toBe(50);
  });

  it('understand resets', async () => {
    server.on('stream', (stream, headers) => {
      stream.on('error', () => {});
      stream.close(
        headers[':path'] === '/busy' ? constants.NGHTTP2_REFUSED_STREAM : constants.NGHTTP2_INTERNAL_ERROR,
      );
    });
    expect((await done(request({ path: '/busy' }))).end).toMatchObject({ by: 'peer', retryable: true });
    expect((await done(request())).end).toMatchObject({ by: 'peer', errorCode: 2, retryable: false });
  });

  it('hold back a server whose bytes are not consumed', async () => {
    server.on('stream', (stream) => {
      stream.respond({ ':status': 200 });
      stream.end(Buffer.alloc(1_000_000));
    });
    const exchange = request();
    exchange.consumes = false;
    await expect.poll(() => exchange.body.length).toBe(262_144);
    exchange.consumes = true;
    exchange.stream?.consume(262_144);
    await done(exchange);
    expect(exchange.body.length).toBe(1_000_000);
  });

  it('go on with open streams after GOAWAY, then close', async () => {
    let stream: ServerHttp2Stream | undefined;
    server.on('stream', (opened) => {
      stream = opened;
    });
    const exchange = request();
    await expect.poll(() => stream !== undefined).toBe(true);
    sessions[0]?.close();
    await expect.poll(() => connection.availableStreams).toBe(0);
    expect(exchange.log).toEqual([]);
    stream?.respond({ ':status': 200 }, { endStream: true });
    await done(exchange);
    expect(exchange.end?.by).toBe('both');
    await expect.poll(() => closed).toEqual({ error: undefined });
  });

  it('know that a server which vanishes has vanished', async () => {
    server.on('stream', () => sessions[0]?.destroy());
    const exchange = await done(request());
    expect(exchange.end?.errorCode).not.toBe(0);
    await expect.poll(() => connection.closed).toBe(true);
  });
});
