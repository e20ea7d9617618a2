import { describe, expect, it } from 'vitest';
import { DEFAULT_HTTP1_LIMITS } from './limits.ts';
import type { RequestHead } from './message.ts';
import { createRequestParser, createResponseParser } from './parser.ts';
import { recorder, type Told, tellRequests, tellResponses } from './recorder.ts';

const GET = { method: 'GET', upgrade: false };

function headOf(told: readonly Told[], index = 0): RequestHead {
  const heads = told.filter((event) => 'head' in event);
  return heads[index]?.head as RequestHead;
}

describe('a request', () => {
  it('comes with its fields as sent, its path and its authority', () => {
    const told = tellRequests([
      'GET /a?b=1 HTTP/1.1\r\nHost: reviews:9080\r\nX-Odd:  \t two words \t\r\nx-empty:\r\n\r\n',
    ]);
    expect(told).toEqual([
      {
        head: {
          method: 'GET',
          target: '/a?b=1',
          path: '/a?b=1',
          authority: 'reviews:9080',
          version: 11,
          headers: ['Host', 'reviews:9080', 'X-Odd', 'two words', 'x-empty', ''],
          framing: 'none',
          contentLength: 0,
          keepAlive: true,
          upgrade: '',
          expectContinue: false,
        },
      },
      { end: undefined },
    ]);
  });

  it('has a body by length, handed on without a copy', () => {
    const { told, events } = recorder<RequestHead>(() => {});
    const bodies: Buffer[] = [];
    const parser = createRequestParser({ ...events, onData: (bytes) => void bodies.push(bytes) });
    parser.feed(Buffer.from('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc'));
    const rest = Buffer.from('def');
    parser.feed(rest);
    expect(bodies.map(String)).toEqual(['abc', 'def']);
    expect(bodies[1]).toBe(rest);
    expect(told.at(-1)).toEqual({ end: undefined });
    expect([headOf(told).framing, headOf(told).contentLength]).toEqual(['length', 6]);
  });

  it('has a body in chunks, with extensions and trailers', () => {
    const told = tellRequests([
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n',
      '5;a=b;c="d e"\r\nhello\r\n00A ;x\r\n, world!!!\r\n0\r\nX-Sum: 9\r\nX-More:  1 \r\n\r\n',
    ]);
    expect(told.slice(1)).toEqual([{ data: 'hello, world!!!' }, { end: ['X-Sum', '9', 'X-More', '1'] }]);
    expect(headOf(told)).toMatchObject({ framing: 'chunked', contentLength: -1 });
  });

  it('may come many at a time, one after the other on next()', () => {
    const { told, events } = recorder<RequestHead>(() => {});
    const parser = createRequestParser(events);
    parser.feed(
      Buffer.from(
        'GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nxGET /3',
      ),
    );
    expect(told).toHaveLength(2);
    expect([parser.heldBytes > 0, parser.idle]).toEqual([true, false]);
    parser.next();
    expect(told.slice(3)).toEqual([{ data: 'x' }, { end: undefined }]);
    parser.next();
    parser.feed(Buffer.from(' HTTP/1.1\r\nHost: a\r\n\r\n'));
    expect([headOf(told, 2).path, parser.heldBytes, parser.idle]).toEqual(['/3', 0, true]);
  });

  it('may begin after blank lines', () => {
    expect(headOf(tellRequests(['\r\n', '\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n'])).path).toBe('/');
    expect(tellRequests(['\r\n\r\n'])).toEqual([]);
    expect(tellRequests(['\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n'])).toMatchObject([
      { error: 'bad_start_line' },
    ]);
  });

  it.each([
    ['http://B:81/x?y', '/x?y', 'B:81'],
    ['https://b', '/', 'b'],
    ['http://b?q', '/?q', 'b'],
  ])(
    'with the absolute target %s is for the target’s host, whatever Host says',
    (target, path, authority) => {
      const head = headOf(tellRequests([`GET ${target} HTTP/1.1\r\nhOST: other\r\n\r\n`]));
      expect([head.target, head.path, head.authority, head.headers]).toEqual([
        target,
        path,
        authority,
        ['hOST', authority],
      ]);
    },
  );

  it('may be OPTIONS for the server or CONNECT for a host', () => {
    expect(headOf(tellRequests(['OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n']))).toMatchObject({
      path: '*',
      authority: 'a',
    });
    const connect = headOf(tellRequests(['CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\n\r\n']));
    expect(connect).toMatchObject({ method: 'CONNECT', path: '', authority: 'b:443', framing: 'none' });
  });

  it.each([
    ['1.1', '', true],
    ['1.1', 'Connection: close\r\n', false],
    ['1.1', 'Connection: x\r\nConnection: y, Close\r\n', false],
    ['1.0', '', false],
    ['1.0', 'Connection: Keep-Alive\r\n', true],
    ['1.0', 'Connection: keep-alive, close\r\n', false],
  ])('of HTTP/%s with "%s" keeps the connection: %s', (version, fields, keepAlive) => {
    const told = tellRequests([`GET / HTTP/${version}\r\nHost: a\r\n${fields}\r\n`]);
    expect(headOf(told).keepAlive).toBe(keepAlive);
  });

  it('of HTTP/1.0 needs no Host', () => {
    expect(headOf(tellRequests(['GET / HTTP/1.0\r\n\r\n']))).toMatchObject({ version: 10, authority: '' });
  });

  it('may wait for 100 Continue, if it has a body', () => {
    const expecting = (fields: string): boolean =>
      headOf(tellRequests([`POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\n${fields}\r\n`]))
        .expectContinue;
    expect([expecting('Content-Length: 1\r\n'), expecting('')]).toEqual([true, false]);
  });
});

describe('an upgrade', () => {
  it('makes everything after the request raw once it is granted', () => {
    const { told, events } = recorder<RequestHead>(() => {});
    const parser = createRequestParser(events);
    parser.feed(
      Buffer.from(
        'GET /ws HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\nearly ',
      ),
    );
    expect(headOf(told).upgrade).toBe('websocket');
    expect(told).toHaveLength(2);
    parser.becomeRaw();
    parser.feed(Buffer.from('GET / HTTP/1.1'));
    parser.end();
    expect(told.slice(2)).toEqual([{ data: 'early GET / HTTP/1.1' }, { end: undefined }]);
  });

  it('granted before the body is complete waits for its end', () => {
    const { told, events } = recorder<RequestHead>(() => {});
    const parser = createRequestParser(events);
    parser.feed(Buffer.from('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx'));
    parser.becomeRaw();
    parser.feed(Buffer.from('\r\n0\r\nT: 1\r\n\r\nraw'));
    parser.end();
    expect(told.slice(1)).toEqual([{ data: 'x' }, { end: ['T', '1'] }, { data: 'raw' }, { end: undefined }]);
  });

  it('needs Connection to name it, and HTTP/1.1', () => {
    expect(headOf(tellRequests(['GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\n\r\n'])).upgrade).toBe('');
    const old = 'GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n';
    expect(headOf(tellRequests([old])).upgrade).toBe('');
  });

  it('is answered with 101, after which the response is raw', () => {
    const granted =
      'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nHTTP/1.1 bytes';
    const told = tellResponses([granted], [{ method: 'GET', upgrade: true }]);
    expect(told.slice(1)).toEqual([{ data: 'HTTP/1.1 bytes' }, { end: undefined }]);
    expect(headOf(told)).toMatchObject({ status: 101, framing: 'raw', keepAlive: false });
    expect(tellResponses([granted], [GET])).toEqual([{ error: 'unexpected_switch', status: 502 }]);
  });
});

describe('a response', () => {
  it.each([
    ['to HEAD', 'HEAD', '200 OK', 'Content-Length: 5', 'none', ''],
    ['204', 'GET', '204 No Content', 'X: y', 'none', ''],
    ['304', 'GET', '304 Not Modified', 'Content-Length: 5', 'none', ''],
    ['with a length', 'GET', '200 OK', 'Content-Length: 5', 'length', 'hello'],
    ['with a length of nothing', 'GET', '200 OK', 'Content-Length: 0', 'none', ''],
    ['in chunks', 'GET', '200 OK', 'Transfer-Encoding: chunked', 'chunked', '5\r\nhello\r\n0\r\n\r\n'],
    ['with neither', 'GET', '200 OK', 'X: y', 'until-close', 'hello'],
    ['to CONNECT', 'CONNECT', '200 OK', 'X: y', 'raw', 'hello'],
    ['refusing CONNECT', 'CONNECT', '403 No', 'Content-Length: 5', 'length', 'hello'],
  ])('%s ends where it should', (_name, method, status, field, framing, body) => {
    const told = tellResponses(
      [`HTTP/1.1 ${status}\r\n${field}\r\n\r\n${body}`],
      [{ method, upgrade: false }],
    );
    expect(headOf(told).framing).toBe(framing);
    expect(told.slice(1)).toEqual([...(body === '' ? [] : [{ data: 'hello' }]), { end: undefined }]);
  });

  it('may be announced by 1xx heads, up to a limit', () => {
    const hint = 'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n';
    const told = tellResponses(
      [`HTTP/1.1 100\r\n\r\n${hint}HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n`],
      [GET],
    );
    expect(told).toMatchObject([
      { informational: 100 },
      { informational: 103 },
      { head: { status: 200 } },
      {},
    ]);
    expect(tellResponses([hint.repeat(17)], [GET]).at(-1)).toEqual({
      error: 'too_many_informational',
      status: 502,
    });
  });

  it('may have no phrase, or one with bytes beyond ASCII', () => {
    const told = tellResponses(
      [
        'HTTP/1.1 200\r\nContent-Length: 0\r\n\r\nHTTP/1.1 404 \r\nContent-Length: 0\r\n\r\nHTTP/1.0 599 d\xe9j\xe0 vu\r\n\r\n',
      ],
      [GET, GET, GET],
    );
    expect(told.filter((event) => 'head' in event).map((event) => event.head)).toMatchObject([
      { status: 200, reason: '', keepAlive: true },
      { status: 404, reason: '' },
      { status: 599, reason: 'd\xe9j\xe0 vu', version: 10, keepAlive: false },
    ]);
  });

  it('is not read before its request, nor mistaken for another one’s', () => {
    const { told, events } = recorder(() => {});
    const parser = createResponseParser(events);
    parser.feed(Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'));
    expect([told.length, parser.heldBytes > 0, parser.idle]).toEqual([0, true, false]);
    parser.next(GET);
    expect([told.length, parser.idle]).toEqual([2, true]);
  });

  it('that never begins differs from one that breaks off', () => {
    const closed = tellResponses(['HTTP/1.1 200 OK\r\n\r\nall'], [GET, GET]);
    expect(closed.slice(1)).toEqual([
      { data: 'all' },
      { end: undefined },
      { error: 'ended_before_head', status: 502 },
    ]);
    expect(tellResponses([], [GET])).toEqual([{ error: 'ended_before_head', status: 502 }]);
    expect(tellResponses(['HTTP/1.1 2'], [GET])).toEqual([{ error: 'incomplete', status: 502 }]);
    expect(tellResponses(['HTTP/1.1 100\r\n\r\n'], [GET]).at(-1)).toEqual({
      error: 'incomplete',
      status: 502,
    });
    const short = tellResponses(['HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc'], [GET]);
    expect(short.at(-1)).toEqual({ error: 'incomplete', status: 502 });
  });

  it.each([
    'HTTP/1.1 99 x',
    'HTTP/1.1 2000 x',
    'HTTP/1.1  200 x',
    'HTTP/1.1 20x x',
    'HTTP/1.1',
    'ICY 200 OK',
    'HTTP/1.1 200OK',
  ])('may not start with %j', (line) =>
    expect(tellResponses([`${line}\r\n\r\n`], [GET])).toMatchObject([{ status: 502 }]),
  );
});

describe('back-pressure', () => {
  it('holds everything while paused, also from within an event', () => {
    const { told, events } = recorder<RequestHead>(() => {});
    const parser = createRequestParser({
      ...events,
      onHead(head) {
        events.onHead(head);
        parser.pause();
      },
    });
    parser.feed(Buffer.from('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc'));
    parser.end();
    expect([told.length, parser.heldBytes]).toEqual([1, 3]);
    parser.resume();
    expect(told.slice(1)).toEqual([{ data: 'abc' }, { end: undefined }]);
  });

  it('refuses to hold without end', () => {
    const { told, events } = recorder<RequestHead>(() => {});
    const parser = createRequestParser(events, { ...DEFAULT_HTTP1_LIMITS, maxHeldBytes: 100 });
    for (let i = 0; i < 5; i++) parser.feed(Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n'));
    expect(told.at(-1)).toEqual({ error: 'too_much_held', status: 400 });
    parser.feed(Buffer.from('GET'));
    parser.next();
    expect([told.length, parser.heldBytes]).toEqual([3, 0]);
  });
});
