import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { frame } from '../../wire/http2/test-pair.ts';
import { closeAll, routesOf, send, startTestProxy, type TestProxy } from '../test-proxy.ts';

// Clients that only make work, over real sockets: each is cut, hears which limit it met, and nobody else notices.

const sockets: Socket[] = [];

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  closeAll();
});

const DATA = 0;
const HEADERS = 1;
const PRIORITY = 2;
const RST_STREAM = 3;
const SETTINGS = 4;
const PING = 6;
const GOAWAY = 7;
const WINDOW_UPDATE = 8;
const CONTINUATION = 9;
const END_STREAM = 1;
const END_HEADERS = 4;
const ENHANCE_YOUR_CALM = 11;

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
/** GET http://a/ by the static table. */
const REQUEST = Buffer.from([0x82, 0x86, 0x84, 0x41, 1, 0x61]);

function many(count: number, make: (i: number) => Buffer): Buffer {
  return Buffer.concat(Array.from({ length: count }, (_, i) => make(i)));
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** Everything the proxy sends until it ends the connection. */
function attack(port: number, bytes: Buffer): Promise<Buffer> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    sockets.push(socket);
    const received: Buffer[] = [];
    socket.on('data', (chunk) => received.push(chunk));
    socket.on('error', () => {});
    socket.on('close', () => resolve(Buffer.concat(received)));
    socket.on('end', () => socket.end());
    socket.write(Buffer.concat([Buffer.from(PREFACE, 'latin1'), frame(SETTINGS, 0, 0), bytes]));
  });
}

/** Error code and text of the last GOAWAY. */
function goaway(bytes: Buffer): { readonly code: number; readonly text: string } {
  let last = { code: -1, text: '' };
  for (let at = 0; at + 9 <= bytes.length; ) {
    const length = bytes.readUIntBE(at, 3);
    const end = at + 9 + length;
    if (bytes[at + 3] === GOAWAY)
      last = { code: bytes.readUInt32BE(at + 13), text: bytes.toString('latin1', at + 17, end) };
    at = end;
  }
  return last;
}

function proxy(): Promise<TestProxy> {
  return startTestProxy({
    routes: routesOf({
      match: { prefix: '/' },
      direct_response: { status: 200, body: { inline_string: 'ok' } },
    }),
  });
}

const request = (i: number, flags: number): Buffer => frame(HEADERS, flags, 2 * i + 1, REQUEST);

const FLOODS: readonly (readonly [string, string, () => Buffer])[] = [
  [
    'streams that are reset at once',
    'earlyResets',
    () =>
      many(2000, (i) => Buffer.concat([request(i, END_HEADERS), frame(RST_STREAM, 0, 2 * i + 1, uint32(8))])),
  ],
  ['SETTINGS', 'settingsFrames', () => many(500, () => frame(SETTINGS, 0, 0))],
  ['PING', 'pingFrames', () => many(1000, () => frame(PING, 0, 0, Buffer.alloc(8)))],
  [
    'DATA that carries nothing',
    'emptyDataFrames',
    () => Buffer.concat([request(0, END_HEADERS), many(1000, () => frame(DATA, 0, 1))]),
  ],
  [
    'CONTINUATION without end',
    'maxContinuationFrames',
    () => Buffer.concat([frame(HEADERS, 0, 1, REQUEST), many(1000, () => frame(CONTINUATION, 0, 1))]),
  ],
  [
    'a head without end',
    'maxHeaderBlockBytes',
    () =>
      Buffer.concat([
        frame(HEADERS, 0, 1, REQUEST),
        many(12, () => frame(CONTINUATION, 0, 1, Buffer.alloc(16_000, 0x82))),
      ]),
  ],
  ['PRIORITY', 'idleFrames', () => many(5000, () => frame(PRIORITY, 0, 3, Buffer.alloc(5)))],
  ['WINDOW_UPDATE', 'windowUpdateFrames', () => many(5000, () => frame(WINDOW_UPDATE, 0, 0, uint32(1)))],
];

describe('a client that floods', () => {
  it.each(FLOODS)('with %s meets the limit %s', async (_, limit, flood) => {
    const { port, metrics } = await proxy();
    const received = await attack(port, flood());
    expect(goaway(received)).toEqual({
      code: ENHANCE_YOUR_CALM,
      text: `The peer went beyond the limit ${limit}.`,
    });
    expect((await send(port)).body).toBe('ok');
    expect(metrics.http('test')).toMatchObject({ downstream_cx_protocol_error: 1, downstream_rq_active: 0 });
  });

  it('with a small head that unpacks into a large one is answered with 431', async () => {
    const { port } = await proxy();
    // One field of 3,000 bytes goes into the table, and is then said 5,000 times by its index.
    const field = Buffer.concat([Buffer.from([0x40, 1, 0x78, 0x7f, 0xb9, 0x16]), Buffer.alloc(3000, 0x61)]);
    const block = Buffer.concat([REQUEST, field, Buffer.alloc(5000, 0xbe)]);
    const bomb = frame(HEADERS, END_HEADERS | END_STREAM, 1, block);
    const text = (
      await attack(
        port,
        Buffer.concat([bomb, frame(GOAWAY, 0, 0, Buffer.alloc(8)), frame(99, 0, 0), frame(DATA, 0, 0)]),
      )
    ).toString('latin1');
    expect(text).toContain('431');
    expect((await send(port)).body).toBe('ok');
  });
});
