import { describe, expect, it } from 'vitest';
import { FRAME } from './protocol.ts';
import type { End, Exchange } from './test-pair.ts';
import { createPair, frame, framesIn, run, uint32 } from './test-pair.ts';

const MIB = 1024 * 1024;

/** A client's request whose server answers with so many bytes. */
function download(client: End, server: End, bytes: number, consumes: boolean): Exchange {
  server.answer = (stream) => {
    stream.respond({ status: 200, headers: [] }, false);
    stream.sendData(Buffer.alloc(bytes, 'x'), true);
  };
  const exchange = client.request();
  exchange.consumes = consumes;
  return exchange;
}

describe('flow control', () => {
  it('brings a body larger than both windows to a consumer that consumes', () => {
    const { client, server } = createPair();
    const exchange = download(client, server, 5 * MIB, true);
    run(client, server);
    expect(exchange.body.length).toBe(5 * MIB);
    expect(exchange.end?.by).toBe('both');
  });

  it('stops at the stream window while nothing is consumed, and goes on afterwards', () => {
    const { client, server } = createPair({ limits: { streamWindowBytes: 100_000 } });
    const exchange = download(client, server, 250_000, false);
    run(client, server);
    expect(exchange.body.length).toBe(100_000);
    exchange.stream?.consume(49_999);
    run(client, server);
    expect(exchange.body.length).toBe(100_000);
    exchange.stream?.consume(1);
    run(client, server);
    expect(exchange.body.length).toBe(150_000);
    exchange.stream?.consume(100_000);
    run(client, server);
    expect(exchange.body.length).toBe(250_000);
    expect(exchange.log.at(-1)).toBe('closed NO_ERROR by both');
  });

  it('stops at the connection window, shared by streams, and lets other streams go on when one is dropped', () => {
    const { client, server } = createPair({
      limits: { streamWindowBytes: 200_000, connectionWindowBytes: 300_000 },
    });
    const stuck = download(client, server, 200_000, false);
    const alsoStuck = download(client, server, 200_000, false);
    run(client, server);
    expect(stuck.body.length + alsoStuck.body.length).toBe(300_000);
    alsoStuck.stream?.reset(8);
    const third = download(client, server, 400_000, true);
    run(client, server);
    expect(third.body.length).toBe(400_000);
    expect(stuck.body.length).toBe(200_000);
  });

  it('shares the connection fairly, a frame a turn', () => {
    const { client, server } = createPair({
      limits: { connectionWindowBytes: 400_000, streamWindowBytes: 400_000 },
    });
    const exchanges = Array.from({ length: 4 }, () => download(client, server, MIB, false));
    run(client, server);
    const sizes = exchanges.map((exchange) => exchange.body.length);
    expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(2 * 16_384);
  });

  it('says false to a producer above the mark, and onDrain when it is well below', () => {
    const { client, server } = createPair();
    const exchange = client.request({ method: 'POST' }, false);
    server.answer = (_stream, _head, _ended, received) => {
      received.consumes = false;
    };
    expect(exchange.stream?.sendData(Buffer.alloc(16_384), false)).toBe(true);
    expect(exchange.stream?.sendData(Buffer.alloc(MIB), false)).toBe(false);
    run(client, server);
    const received = server.requests[0]?.exchange as Exchange;
    expect(received.body.length).toBe(256 * 1024);
    expect(exchange.drains).toBe(0);
    received.consumes = true;
    received.stream?.consume(received.body.length);
    run(client, server);
    expect(received.body.length).toBe(16_384 + MIB);
    expect([exchange.drains, exchange.stream?.queuedBytes]).toEqual([1, 0]);
  });

  it('ends a stream whose producer does not listen', () => {
    const { client } = createPair({ limits: { maxSendQueueBytes: 1000 } });
    client.sink.room = false;
    const exchange = client.request({ method: 'POST' }, false);
    client.machine.flush();
    exchange.stream?.sendData(Buffer.alloc(1000), false);
    exchange.stream?.sendData(Buffer.alloc(1), false);
    expect(exchange.end).toMatchObject({ errorCode: 2, by: 'local' });
    expect(exchange.end?.message).toContain('maxSendQueueBytes');
  });

  it('writes no body while the transport is full', () => {
    const { client, server } = createPair();
    client.sink.room = false;
    const exchange = client.request({ method: 'POST' }, false);
    run(client, server);
    exchange.stream?.sendData(Buffer.alloc(100_000, 'y'), true);
    run(client, server);
    const received = server.requests[0]?.exchange as Exchange;
    expect(received.body.length).toBe(0);
    client.sink.room = true;
    client.machine.drained();
    run(client, server);
    expect(received.body.equals(Buffer.alloc(100_000, 'y'))).toBe(true);
  });

  it('keeps the windows through a lowered and a raised initial window', () => {
    const { client, server } = createPair();
    const exchange = client.request({ method: 'POST' }, false);
    const settings = (bytes: number): Buffer =>
      frame(FRAME.SETTINGS, 0, 0, Buffer.concat([Buffer.from([0, 4]), uint32(bytes)]));
    exchange.stream?.sendData(Buffer.alloc(200_000), false);
    client.output();
    client.machine.receive(settings(0));
    exchange.stream?.sendData(Buffer.alloc(60_000), false);
    expect(dataBytes(client)).toBe(0);
    client.machine.receive(settings(210_000));
    expect(dataBytes(client)).toBe(10_000);
    client.machine.receive(frame(FRAME.WINDOW_UPDATE, 0, 1, uint32(70_000)));
    expect(dataBytes(client)).toBe(50_000);
    expect(server.error).toBeUndefined();
  });

  it('gives back padding by itself', () => {
    const { client, server } = createPair(
      {},
      { limits: { streamWindowBytes: 65_535, connectionWindowBytes: 65_535 } },
    );
    client.request({ method: 'POST' }, false);
    run(client, server);
    const padded = frame(FRAME.DATA, 0x8, 1, Buffer.concat([Buffer.from([255]), Buffer.alloc(256)]));
    for (let i = 0; i < 1000; i++) {
      server.machine.receive(padded);
      server.output();
    }
    expect(server.error).toBeUndefined();
    expect(server.requests[0]?.exchange.body.length).toBe(1000);
  });

  it('announces what was consumed in halves of a window, not byte by byte', () => {
    const { client, server } = createPair();
    server.answer = (_stream, _head, _ended, received) => {
      received.consumes = false;
    };
    client.request({ method: 'POST' }, false).stream?.sendData(Buffer.alloc(200_000), false);
    run(client, server);
    const updates: number[] = [];
    for (let i = 0; i < 200_000; i += 100) {
      server.requests[0]?.exchange.stream?.consume(100);
      updates.push(...framesIn(server.output()).map((sent) => sent.payload.readUInt32BE()));
    }
    expect(updates).toEqual([131_100]);
  });
});

function dataBytes(end: End): number {
  let bytes = 0;
  for (const sent of framesIn(end.output())) if (sent.type === FRAME.DATA) bytes += sent.payload.length;
  return bytes;
}
