import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CLIENT_PREFACE, FRAME } from './protocol.ts';
import type { Exchange } from './test-pair.ts';
import { block, createPair, End, frame, framesIn, GET_BLOCK, run, uint32 } from './test-pair.ts';

/** Cuts bytes at the given places. */
function split(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  return [...places, bytes.length].map((end, i) => bytes.subarray(i === 0 ? 0 : places[i - 1], end));
}

function oneByOne(bytes: Buffer): Buffer[] {
  return Array.from(bytes, (_, i) => bytes.subarray(i, i + 1));
}

/** All that a server end made of some bytes: what its consumer heard, and what it wrote but for window updates. */
function serverStory(parts: readonly Buffer[]): unknown {
  const server = new End('server');
  server.answer = (stream, _head, _ended, exchange) => {
    exchange.after = (what) => {
      if (what.endsWith('ended')) stream.respond({ status: 200, headers: [] }, true);
    };
  };
  for (const part of parts) server.machine.receive(part);
  return {
    requests: server.requests.map(({ head, exchange }) => [
      head,
      exchange.log,
      exchange.body.toString('hex'),
    ]),
    closed: [server.closed, server.error?.errorCode, server.error?.message],
    goaways: server.goaways,
    written: framesIn(server.output()).filter((sent) => sent.type !== FRAME.WINDOW_UPDATE),
  };
}

const payload = fc.uint8Array({ maxLength: 60 });
const streamId = fc.constantFrom(0, 1, 3, 5, 7, 2);
const flags = fc.oneof(fc.constantFrom(0, 1, 4, 5, 8, 9), fc.nat(255));

/** Frames that a client might send, most of them in order. */
const sensible = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .tuple(streamId, fc.constantFrom(4, 5))
      .map(([id, flag]) => frame(FRAME.HEADERS, flag, id, GET_BLOCK)),
  },
  { weight: 1, arbitrary: streamId.map((id) => frame(FRAME.HEADERS, 5, id, block('x-trailer', '1'))) },
  {
    weight: 1,
    arbitrary: streamId.map((id) =>
      frame(
        FRAME.HEADERS,
        4,
        id,
        block(':method', 'PUT', ':scheme', 'http', ':path', '/', 'content-length', '20'),
      ),
    ),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(streamId, fc.nat(GET_BLOCK.length))
      .map(([id, at]) =>
        Buffer.concat([
          frame(FRAME.HEADERS, 1, id, GET_BLOCK.subarray(0, at)),
          frame(FRAME.CONTINUATION, 4, id, GET_BLOCK.subarray(at)),
        ]),
      ),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(streamId, fc.constantFrom(0, 1), payload)
      .map(([id, flag, bytes]) => frame(FRAME.DATA, flag, id, bytes)),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(streamId, fc.constantFrom(8, 9), payload, fc.nat(30))
      .map(([id, flag, bytes, pad]) =>
        frame(FRAME.DATA, flag, id, Buffer.concat([Buffer.from([pad]), bytes, Buffer.alloc(pad)])),
      ),
  },
  {
    weight: 1,
    arbitrary: fc.constant(frame(FRAME.SETTINGS, 0, 0, Buffer.concat([Buffer.from([0, 4]), uint32(1000)]))),
  },
  { weight: 1, arbitrary: fc.constant(frame(FRAME.PING, 0, 0, Buffer.alloc(8, 1))) },
  { weight: 1, arbitrary: streamId.map((id) => frame(FRAME.RST_STREAM, 0, id, uint32(8))) },
  { weight: 1, arbitrary: streamId.map((id) => frame(FRAME.WINDOW_UPDATE, 0, id, uint32(100))) },
);
const anyFrame = fc
  .tuple(fc.nat(12), flags, streamId, payload)
  .map(([type, flag, id, bytes]) => frame(type, flag, id, bytes));
const start = Buffer.concat([CLIENT_PREFACE, frame(FRAME.SETTINGS, 0, 0)]);

describe('bytes split anywhere', () => {
  it('make the same events and the same answers, in order or not', () => {
    const frames = fc.array(
      fc.oneof({ weight: 8, arbitrary: sensible }, { weight: 1, arbitrary: anyFrame }),
      { maxLength: 20 },
    );
    fc.assert(
      fc.property(frames, fc.array(fc.nat(), { maxLength: 60 }), (sent, cuts) => {
        const bytes = Buffer.concat([start, ...sent]);
        const story = serverStory([bytes]);
        expect(serverStory(split(bytes, cuts))).toEqual(story);
        expect(serverStory(oneByOne(bytes))).toEqual(story);
      }),
      { numRuns: 300 },
    );
  });
});

describe('bytes of any kind', () => {
  const noise = fc.array(
    fc.oneof(
      anyFrame,
      sensible,
      fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes)),
    ),
    { maxLength: 30 },
  );

  it('never make a server throw, or keep streams after its end', () => {
    fc.assert(
      fc.property(noise, fc.boolean(), (parts, greeted) => {
        const server = new End('server');
        if (greeted) server.machine.receive(start);
        for (const part of parts) server.machine.receive(part);
        server.output();
        server.machine.receiveEnd();
        expect([server.closed, server.sink.finished, server.machine.activeStreams]).toEqual([true, true, 0]);
        for (const { exchange } of server.requests) expect(closings(exchange)).toBe(1);
      }),
      { numRuns: 500 },
    );
  });

  it('never make a client throw, or leave a request without its end', () => {
    fc.assert(
      fc.property(noise, (parts) => {
        const client = new End('client');
        const exchanges = [client.request(), client.request({ method: 'POST' }, false)];
        client.machine.receive(frame(FRAME.SETTINGS, 0, 0));
        for (const part of parts) client.machine.receive(part);
        client.output();
        client.machine.lost('over');
        for (const exchange of exchanges) expect(closings(exchange)).toBe(1);
        expect(client.closed).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('never make a difference for the bytes of a real conversation with some of them changed', () => {
    const conversation = recordConversation();
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 5 }),
        fc.array(fc.nat(), { maxLength: 20 }),
        (edits, cuts) => {
          const bytes = Buffer.from(conversation);
          for (const [at, octet] of edits) bytes[at % bytes.length] = octet;
          expect(serverStory(split(bytes, cuts))).toEqual(serverStory([bytes]));
        },
      ),
      { numRuns: 300 },
    );
  });
});

function closings(exchange: Exchange): number {
  return exchange.log.filter((what) => what.startsWith('closed')).length;
}

/** What a client of ours writes for a few requests. */
function recordConversation(): Buffer {
  const { client, server } = createPair();
  const sent: Buffer[] = [];
  const { receive } = server.machine;
  server.machine.receive = (bytes) => {
    sent.push(bytes);
    receive.call(server.machine, bytes);
  };
  for (let i = 0; i < 3; i++) {
    const exchange = client.request(
      { method: 'POST', path: `/${i}`, headers: ['x-id', `${i}`, 'user-agent', 'weft'] },
      false,
    );
    exchange.stream?.sendData(Buffer.alloc(100 * i, i), i === 1);
    if (i !== 1) exchange.stream?.sendTrailers(['x-sum', `${i}`]);
    run(client, server);
  }
  return Buffer.concat([start, ...sent]);
}
