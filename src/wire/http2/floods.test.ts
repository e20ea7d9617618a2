import { describe, expect, it } from 'vitest';
import { manualClock } from '../../lib/manual-clock.ts';
import type { Http2Limits } from './limits.ts';
import { CLIENT_PREFACE, FRAME } from './protocol.ts';
import { block, End, frame, GET_BLOCK, uint32 } from './test-pair.ts';

const START = Buffer.concat([CLIENT_PREFACE, frame(FRAME.SETTINGS, 0, 0)]);
const HEADERS_END = 0x5;

/** A server that was greeted, whose transport takes everything. */
function serverWith(limits: Partial<Http2Limits> = {}, clock = manualClock()): End {
  const server = new End('server', { limits, clock });
  server.machine.receive(START);
  return server;
}

/** Sends frames until the server gives up; returns how many it took, or -1 if all. */
function flood(server: End, frames: (i: number) => Buffer, upTo = 20_000): number {
  for (let i = 0; i < upTo; i++) {
    server.machine.receive(frames(i));
    server.output();
    if (server.closed) return i;
  }
  return -1;
}

/** The limit that the server's GOAWAY names. */
function blamed(server: End): string {
  expect(server.error?.code).toBe('http2_enhance_your_calm');
  return server.error?.message.match(/limit (\w+)/)?.[1] ?? '';
}

describe('floods end the connection, each by its limit', () => {
  it('rapid reset: requests that are cancelled at once (CVE-2023-44487)', () => {
    const server = serverWith();
    const count = flood(server, (i) =>
      Buffer.concat([
        frame(FRAME.HEADERS, HEADERS_END, 2 * i + 1, GET_BLOCK),
        frame(FRAME.RST_STREAM, 0, 2 * i + 1, uint32(8)),
      ]),
    );
    expect([count, blamed(server)]).toEqual([500, 'earlyResets']);
  });

  it('made-you-reset: requests that the server must reset (CVE-2025-8671)', () => {
    for (const provoke of [
      (id: number) => frame(FRAME.WINDOW_UPDATE, 0, id, uint32(0)),
      (id: number) => frame(FRAME.WINDOW_UPDATE, 0, id, uint32(0x7fff_ffff)),
      (id: number) => frame(FRAME.DATA, 0, id, Buffer.from('after the end')),
      (id: number) => frame(FRAME.HEADERS, HEADERS_END, id, block('x', 'y')),
    ]) {
      const server = serverWith();
      const count = flood(server, (i) =>
        Buffer.concat([frame(FRAME.HEADERS, HEADERS_END, 2 * i + 1, GET_BLOCK), provoke(2 * i + 1)]),
      );
      expect([count, blamed(server)]).toEqual([500, 'earlyResets']);
    }
  });

  it('malformed requests', () => {
    const server = serverWith();
    const count = flood(server, (i) => frame(FRAME.HEADERS, HEADERS_END, 2 * i + 1, block(':method', 'GET')));
    expect([count, blamed(server)]).toEqual([500, 'earlyResets']);
  });

  it('more streams than allowed, again and again', () => {
    const server = serverWith({ maxConcurrentStreams: 1 });
    const count = flood(server, (i) => frame(FRAME.HEADERS, HEADERS_END, 2 * i + 1, GET_BLOCK));
    expect([count, blamed(server)]).toEqual([501, 'earlyResets']);
  });

  it('CONTINUATION without end (CVE-2024-27316), empty or not', () => {
    for (const size of [0, 1]) {
      const server = serverWith();
      server.machine.receive(frame(FRAME.HEADERS, 0, 1, GET_BLOCK));
      const count = flood(server, () => frame(FRAME.CONTINUATION, 0, 1, Buffer.alloc(size)));
      expect([count, blamed(server)]).toEqual([16, 'maxContinuationFrames']);
    }
    const server = serverWith();
    server.machine.receive(frame(FRAME.HEADERS, 0, 1, GET_BLOCK));
    const count = flood(server, () => frame(FRAME.CONTINUATION, 0, 1, Buffer.alloc(16_384)));
    expect([count, blamed(server)]).toEqual([7, 'maxHeaderBlockBytes']);
  });

  it('SETTINGS', () => {
    const server = serverWith();
    expect([flood(server, () => frame(FRAME.SETTINGS, 0, 0)), blamed(server)]).toEqual([
      31,
      'settingsFrames',
    ]);
  });

  it('SETTINGS with endless entries', () => {
    const server = serverWith();
    server.machine.receive(frame(FRAME.SETTINGS, 0, 0, Buffer.alloc(6 * 65)));
    expect(server.error?.code).toBe('http2_enhance_your_calm');
  });

  it('PING', () => {
    const server = serverWith();
    expect([flood(server, () => frame(FRAME.PING, 0, 0, Buffer.alloc(8))), blamed(server)]).toEqual([
      200,
      'pingFrames',
    ]);
  });

  it('DATA without data, padded or not', () => {
    for (const empty of [frame(FRAME.DATA, 0, 1), frame(FRAME.DATA, 8, 1, Buffer.alloc(10, 9))]) {
      const server = serverWith();
      server.machine.receive(frame(FRAME.HEADERS, 0x4, 1, GET_BLOCK));
      expect([flood(server, () => empty), blamed(server)]).toEqual([100, 'emptyDataFrames']);
    }
  });

  it('frames without effect: PRIORITY, unknown types, resets of what is gone', () => {
    const priority = frame(FRAME.PRIORITY, 0, 1, Buffer.alloc(5));
    for (const idle of [
      priority,
      frame(99, 0, 1, Buffer.from('grease')),
      frame(FRAME.PING, 1, 0, Buffer.alloc(8)),
    ]) {
      const server = serverWith();
      expect([flood(server, () => idle), blamed(server)]).toEqual([1000, 'idleFrames']);
    }
    const server = serverWith();
    server.machine.receive(frame(FRAME.HEADERS, HEADERS_END, 1, GET_BLOCK));
    expect([flood(server, () => frame(FRAME.RST_STREAM, 0, 1, uint32(8))), blamed(server)]).toEqual([
      1001,
      'idleFrames',
    ]);
  });

  it('WINDOW_UPDATE', () => {
    const server = serverWith();
    server.machine.receive(frame(FRAME.HEADERS, HEADERS_END, 1, GET_BLOCK));
    const count = flood(server, () => frame(FRAME.WINDOW_UPDATE, 0, 1, uint32(1)));
    expect([count, blamed(server)]).toEqual([2000, 'windowUpdateFrames']);
  });

  it('answers that are never read', () => {
    const server = serverWith({ pingFrames: { burst: 1_000_000, perSecond: 1 }, maxUnsentBytes: 10_000 });
    server.sink.room = false;
    const count = flood(server, () => frame(FRAME.PING, 0, 0, Buffer.alloc(8)));
    expect(blamed(server)).toBe('maxUnsentBytes');
    expect(count).toBeLessThan(600);
  });
});

describe('what is not a flood', () => {
  it('is anything at the allowed rate, for as long as it likes', () => {
    const clock = manualClock();
    const server = serverWith({}, clock);
    const count = flood(server, (i) => {
      clock.advance(100);
      const cancelled = [
        frame(FRAME.HEADERS, HEADERS_END, 2 * i + 1, GET_BLOCK),
        frame(FRAME.RST_STREAM, 0, 2 * i + 1, uint32(8)),
      ];
      return Buffer.concat([frame(FRAME.PING, 0, 0, Buffer.alloc(8)), ...cancelled]);
    });
    expect(count).toBe(-1);
  });

  it('is WINDOW_UPDATE for what was sent', () => {
    const server = serverWith({ windowUpdateFrames: { burst: 20, perSecond: 0 } });
    server.answer = (stream) => {
      stream.respond({ status: 200, headers: [] }, false);
    };
    server.machine.receive(frame(FRAME.HEADERS, HEADERS_END, 1, GET_BLOCK));
    const count = flood(
      server,
      () => {
        server.requests[0]?.exchange.stream?.sendData(Buffer.alloc(100), false);
        const updates = [0, 1].map((id) => frame(FRAME.WINDOW_UPDATE, 0, id, uint32(100)));
        return Buffer.concat(updates);
      },
      1000,
    );
    expect(count).toBe(-1);
  });
});

describe('header bombs', () => {
  /** One entry of 4000 bytes in the table, then its index as often as wanted. */
  function bomb(copies: number): Buffer {
    const entry = Buffer.concat([
      Buffer.from([0x40, 1]),
      Buffer.from('x'),
      Buffer.from([0x7f, 0xa1, 0x1e]),
      Buffer.alloc(4000, 'y'),
    ]);
    return Buffer.concat([GET_BLOCK, entry, Buffer.alloc(copies, 0xbe)]);
  }

  it('are answered with 431, and the connection goes on', () => {
    const server = serverWith();
    server.machine.receive(frame(FRAME.HEADERS, HEADERS_END, 1, bomb(10_000)));
    server.machine.receive(
      frame(FRAME.HEADERS, HEADERS_END, 3, Buffer.concat([GET_BLOCK, Buffer.from([0xbe])])),
    );
    expect([server.closed, server.requests.length]).toEqual([false, 1]);
    expect(server.requests[0]?.head.headers[1]?.length).toBe(4000);
    expect(server.output().includes(block(':status', '431').subarray(-3))).toBe(true);
  });

  it('made of many small fields are answered with 431', () => {
    const server = serverWith();
    const crumbs = Buffer.concat(Array.from({ length: 500 }, () => block('cookie', 'a')));
    server.machine.receive(frame(FRAME.HEADERS, HEADERS_END, 1, Buffer.concat([GET_BLOCK, crumbs])));
    expect([server.closed, server.requests.length]).toEqual([false, 0]);
  });

  it('in trailers reset the stream', () => {
    const server = serverWith();
    server.machine.receive(frame(FRAME.HEADERS, 0x4, 1, GET_BLOCK));
    server.machine.receive(frame(FRAME.HEADERS, HEADERS_END, 1, bomb(10_000).subarray(GET_BLOCK.length)));
    expect(server.requests[0]?.exchange.log.at(-1)).toBe('closed ENHANCE_YOUR_CALM by local');
  });

  it('reset a response, as does an endless row of 1xx heads', () => {
    const client = new End('client');
    const [large, endless] = [client.request(), client.request()];
    client.machine.receive(frame(FRAME.SETTINGS, 0, 0));
    client.machine.receive(frame(FRAME.HEADERS, 0x4, 1, bomb(10_000).subarray(GET_BLOCK.length)));
    for (let i = 0; i < 17; i++)
      client.machine.receive(frame(FRAME.HEADERS, 0x4, 3, block(':status', '103')));
    expect([large, endless].map((exchange) => exchange.end?.errorCode)).toEqual([11, 11]);
    expect(client.closed).toBe(false);
  });
});
