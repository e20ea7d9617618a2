import { describe, expect, it } from 'vitest';
import { CLIENT_PREFACE, FRAME } from './protocol.ts';
import { block, End, frame, framesIn, GET_BLOCK, uint32 } from './test-pair.ts';

const START = Buffer.concat([CLIENT_PREFACE, frame(FRAME.SETTINGS, 0, 0)]);
const [OPEN, ENDED] = [0x4, 0x5];
const pseudo = [':method', 'GET', ':scheme', 'http', ':authority', 'a', ':path', '/'];

function serverAfter(...frames: Buffer[]): End {
  const server = new End('server');
  server.machine.receive(Buffer.concat([START, ...frames]));
  return server;
}

/** Code of the RST_STREAM for stream 1 that a server writes, -1 where it writes none. */
function resetCode(server: End): number {
  const reset = framesIn(server.output()).find(
    (sent) => sent.type === FRAME.RST_STREAM && sent.streamId === 1,
  );
  return reset?.payload.readUInt32BE() ?? -1;
}

describe('a malformed request is reset, and the connection goes on', () => {
  it.each<[string, string[]]>([
    ['no :method', pseudo.slice(2)],
    ['no :scheme', [...pseudo.slice(0, 2), ...pseudo.slice(4)]],
    ['no :path', pseudo.slice(0, 6)],
    ['an empty :path', [...pseudo.slice(0, 6), ':path', '']],
    ['a :path that is no path', [...pseudo.slice(0, 6), ':path', 'x']],
    ['* for something else than OPTIONS', [...pseudo.slice(0, 6), ':path', '*']],
    ['a control character in a value', [...pseudo, 'x-a', 'a\x01b']],
    ['DEL in a value', [...pseudo, 'x-a', 'a\x7f']],
    ['two equal content-lengths', [...pseudo, 'content-length', '0', 'content-length', '0']],
    ['two :paths', [...pseudo, ':path', '/b']],
    ['two :authorities', [':authority', '', ...pseudo]],
    ['a :status', [...pseudo, ':status', '200']],
    ['an unknown pseudo-header', [...pseudo, ':protocal', 'x']],
    ['a pseudo-header after a field', ['x-a', '1', ...pseudo]],
    ['a pseudo-header after host', ['host', 'a', ...pseudo]],
    ['a host that is another', [...pseudo, 'host', 'b']],
    ['two hosts', [':method', 'GET', ':scheme', 'http', ':path', '/', 'host', 'a', 'host', 'a']],
    ['user info', [':method', 'GET', ':scheme', 'http', ':authority', 'me@a', ':path', '/']],
    ['upper case', [...pseudo, 'X-A', '1']],
    ['a line end in a value', [...pseudo, 'x-a', '1\r\nx-b: 2']],
    ['a line end in a path', [...pseudo.slice(0, 6), ':path', '/ HTTP/1.1\r\nx: y']],
    ['connection', [...pseudo, 'connection', 'close']],
    ['keep-alive', [...pseudo, 'keep-alive', '5']],
    ['proxy-connection', [...pseudo, 'proxy-connection', 'close']],
    ['transfer-encoding', [...pseudo, 'transfer-encoding', 'chunked']],
    ['upgrade', [...pseudo, 'upgrade', 'websocket']],
    ['te other than trailers', [...pseudo, 'te', 'gzip']],
    ['two content-lengths', [...pseudo, 'content-length', '0', 'content-length', '1']],
    ['a content-length without a body', [...pseudo, 'content-length', '1']],
    ['a content-length that is none', [...pseudo, 'content-length', '+1']],
    [':protocol without CONNECT', [...pseudo, ':protocol', 'websocket']],
    ['CONNECT with a :path', [':method', 'CONNECT', ':authority', 'a:1', ':path', '/']],
    ['CONNECT without :authority', [':method', 'CONNECT']],
  ])('%s', (_what, fields) => {
    const server = serverAfter(
      frame(FRAME.HEADERS, ENDED, 1, block(...fields)),
      frame(FRAME.HEADERS, ENDED, 3, GET_BLOCK),
    );
    expect([server.closed, server.requests.length]).toEqual([false, 1]);
    expect(resetCode(server)).toBe(1);
  });

  it.each<[string, Buffer[]]>([
    ['a body longer than content-length', [frame(FRAME.DATA, 0, 1, Buffer.alloc(6))]],
    ['a body shorter than content-length', [frame(FRAME.DATA, 1, 1, Buffer.alloc(4))]],
    ['trailers before the promised end', [frame(FRAME.HEADERS, ENDED, 1, block('x', 'y'))]],
  ])('%s', (_what, frames) => {
    const head = frame(FRAME.HEADERS, OPEN, 1, block(...pseudo, 'content-length', '5'));
    const server = serverAfter(head, ...frames, frame(FRAME.HEADERS, ENDED, 3, GET_BLOCK));
    expect([server.closed, server.requests.length]).toEqual([false, 2]);
    expect(server.requests[0]?.exchange.end).toMatchObject({ errorCode: 1, by: 'local' });
  });

  it.each<[string, Buffer]>([
    ['trailers without END_STREAM', frame(FRAME.HEADERS, OPEN, 1, block('x', 'y'))],
    ['trailers with a pseudo-header', frame(FRAME.HEADERS, ENDED, 1, block(':path', '/'))],
    [
      'trailers with transfer-encoding',
      frame(FRAME.HEADERS, ENDED, 1, block('transfer-encoding', 'chunked')),
    ],
  ])('%s', (_what, trailers) => {
    const server = serverAfter(frame(FRAME.HEADERS, OPEN, 1, GET_BLOCK), trailers);
    expect([server.closed, resetCode(server)]).toEqual([false, 1]);
  });
});

describe('a broken connection is ended with the code of RFC 9113', () => {
  it.each<[string, string, Buffer]>([
    ['DATA on stream 0', 'protocol_error', frame(FRAME.DATA, 0, 0)],
    ['DATA on an idle stream', 'protocol_error', frame(FRAME.DATA, 0, 1)],
    ['HEADERS on stream 0', 'protocol_error', frame(FRAME.HEADERS, ENDED, 0, GET_BLOCK)],
    ['HEADERS on an even stream', 'protocol_error', frame(FRAME.HEADERS, ENDED, 2, GET_BLOCK)],
    ['CONTINUATION alone', 'protocol_error', frame(FRAME.CONTINUATION, 4, 1)],
    [
      'something inside a header block',
      'protocol_error',
      Buffer.concat([frame(FRAME.HEADERS, 1, 1, GET_BLOCK), frame(FRAME.PING, 0, 0, Buffer.alloc(8))]),
    ],
    [
      'DATA inside a header block',
      'protocol_error',
      Buffer.concat([frame(FRAME.HEADERS, 0, 1, GET_BLOCK), frame(FRAME.DATA, 0, 1)]),
    ],
    ['PUSH_PROMISE', 'protocol_error', frame(FRAME.PUSH_PROMISE, 4, 1, Buffer.alloc(4))],
    ['RST_STREAM on an idle stream', 'protocol_error', frame(FRAME.RST_STREAM, 0, 1, uint32(0))],
    ['RST_STREAM of 3 bytes', 'frame_size_error', frame(FRAME.RST_STREAM, 0, 1, Buffer.alloc(3))],
    ['WINDOW_UPDATE of 0', 'protocol_error', frame(FRAME.WINDOW_UPDATE, 0, 0, uint32(0))],
    [
      'WINDOW_UPDATE beyond 2^31-1',
      'flow_control_error',
      frame(FRAME.WINDOW_UPDATE, 0, 0, uint32(0x7fff_ffff)),
    ],
    ['WINDOW_UPDATE on an idle stream', 'protocol_error', frame(FRAME.WINDOW_UPDATE, 0, 1, uint32(1))],
    ['SETTINGS on a stream', 'protocol_error', frame(FRAME.SETTINGS, 0, 1)],
    ['SETTINGS of 5 bytes', 'frame_size_error', frame(FRAME.SETTINGS, 0, 0, Buffer.alloc(5))],
    ['SETTINGS ACK with a payload', 'frame_size_error', frame(FRAME.SETTINGS, 1, 0, Buffer.alloc(6))],
    ['ENABLE_PUSH 2', 'protocol_error', frame(FRAME.SETTINGS, 0, 0, Buffer.from([0, 2, 0, 0, 0, 2]))],
    [
      'INITIAL_WINDOW_SIZE 2^31',
      'flow_control_error',
      frame(FRAME.SETTINGS, 0, 0, Buffer.from([0, 4, 128, 0, 0, 0])),
    ],
    ['MAX_FRAME_SIZE 1', 'protocol_error', frame(FRAME.SETTINGS, 0, 0, Buffer.from([0, 5, 0, 0, 0, 1]))],
    ['PING of 7 bytes', 'frame_size_error', frame(FRAME.PING, 0, 0, Buffer.alloc(7))],
    ['GOAWAY of 7 bytes', 'frame_size_error', frame(FRAME.GOAWAY, 0, 0, Buffer.alloc(7))],
    ['a frame of 16385 bytes', 'frame_size_error', frame(FRAME.DATA, 0, 1, Buffer.alloc(16_385))],
    [
      'padding beyond the payload',
      'protocol_error',
      Buffer.concat([frame(FRAME.HEADERS, OPEN, 1, GET_BLOCK), frame(FRAME.DATA, 8, 1, Buffer.from([9]))]),
    ],
    [
      'HPACK rubbish',
      'compression_error',
      frame(FRAME.HEADERS, ENDED, 1, Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff])),
    ],
  ])('%s', (_what, code, bytes) => {
    const server = serverAfter(bytes);
    expect(server.error?.code).toBe(`http2_${code}`);
    expect(framesIn(server.output()).at(-1)?.type).toBe(FRAME.GOAWAY);
  });

  it('more than the window of a stream ends that stream', () => {
    const server = new End('server', {
      limits: { streamWindowBytes: 65_535, connectionWindowBytes: 100_000 },
    });
    server.answer = (_stream, _head, _ended, exchange) => {
      exchange.consumes = false;
    };
    server.machine.receive(START);
    const body = (id: number) => frame(FRAME.DATA, 0, id, Buffer.alloc(16_384));
    for (const id of [1, 3]) server.machine.receive(frame(FRAME.HEADERS, OPEN, id, GET_BLOCK));
    for (let i = 0; i < 4; i++) server.machine.receive(body(1));
    expect(server.requests[0]?.exchange.end).toMatchObject({ errorCode: 3, by: 'local' });
    for (let i = 0; i < 3; i++) server.machine.receive(body(3));
    for (let i = 0; i < 5; i++) server.machine.receive(body(1));
    expect([server.closed, server.requests[1]?.exchange.body.length]).toEqual([false, 3 * 16_384]);
  });

  it('more than the connection window', () => {
    const server = new End('server', {
      limits: { streamWindowBytes: 200_000, connectionWindowBytes: 100_000 },
    });
    server.answer = (_stream, _head, _ended, exchange) => {
      exchange.consumes = false;
    };
    server.machine.receive(Buffer.concat([START, frame(FRAME.HEADERS, OPEN, 1, GET_BLOCK)]));
    for (let i = 0; i < 7; i++) server.machine.receive(frame(FRAME.DATA, 0, 1, Buffer.alloc(16_384)));
    expect(server.error?.code).toBe('http2_flow_control_error');
    expect(server.requests[0]?.exchange.body.length).toBe(6 * 16_384);
  });

  it.each<[string, Buffer]>([
    ['another protocol', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['a preface that goes wrong', Buffer.from('PRI * HTTP/2.0\r\n\r\nXX')],
    ['no SETTINGS', Buffer.concat([CLIENT_PREFACE, frame(FRAME.PING, 0, 0, Buffer.alloc(8))])],
  ])('at the start: %s', (_what, bytes) => {
    const server = new End('server');
    server.machine.receive(bytes);
    expect(server.error?.code).toBe('http2_protocol_error');
  });
});

describe('a malformed response ends its stream only', () => {
  it.each<[string, Buffer[]]>([
    ['no :status', [frame(FRAME.HEADERS, ENDED, 1, block('x', 'y'))]],
    ['a :status that is none', [frame(FRAME.HEADERS, ENDED, 1, block(':status', 'ok'))]],
    ['a :path', [frame(FRAME.HEADERS, ENDED, 1, block(':status', '200', ':path', '/'))]],
    ['101', [frame(FRAME.HEADERS, OPEN, 1, block(':status', '101'))]],
    ['1xx that ends', [frame(FRAME.HEADERS, ENDED, 1, block(':status', '100'))]],
    ['DATA before the head', [frame(FRAME.DATA, 0, 1, Buffer.from('x'))]],
    [
      'a body shorter than promised',
      [
        frame(FRAME.HEADERS, OPEN, 1, block(':status', '200', 'content-length', '2')),
        frame(FRAME.DATA, 1, 1, Buffer.from('x')),
      ],
    ],
    [
      'a head that promises a body and ends',
      [frame(FRAME.HEADERS, ENDED, 1, block(':status', '200', 'content-length', '2'))],
    ],
  ])('%s', (_what, frames) => {
    const client = new End('client');
    const exchange = client.request();
    client.machine.receive(Buffer.concat([frame(FRAME.SETTINGS, 0, 0), ...frames]));
    expect(exchange.end).toMatchObject({ errorCode: 1, by: 'local' });
    expect(client.closed).toBe(false);
  });
});
