import { expect, it } from 'vitest';
import { FRAME } from './protocol.ts';
import { framesFor, STRETCH_BYTES } from './shared-frames.ts';
import type { End, Exchange } from './test-pair.ts';
import { createPair, framesIn, run } from './test-pair.ts';

const MIB = 1024 * 1024;
const content = (bytes: number): Buffer => Buffer.from(Array.from({ length: bytes }, (_, i) => i % 251));
const wide = { limits: { streamWindowBytes: 4 * MIB, connectionWindowBytes: 4 * MIB } };

/** A request that is answered with pieces which others are sent too, between some of its own, and trailers. */
function download(client: End, server: End, shared: readonly Uint8Array[]): Exchange {
  server.answer = (stream) => {
    stream.respond({ status: 200, headers: [] }, false);
    for (const piece of shared) {
      stream.sendData(Buffer.from('own '), false);
      stream.sendShared(piece);
    }
    stream.sendData(Buffer.from('end'), false);
    stream.sendTrailers(['grpc-status', '0']);
  };
  return client.request();
}

const expected = (shared: readonly Uint8Array[]): Buffer =>
  Buffer.concat([...shared.flatMap((piece) => [Buffer.from('own '), piece]), Buffer.from('end')]);

it('makes the frames of shared bytes once for all connections', () => {
  const pieces = [content(STRETCH_BYTES * 2 + 20_000), content(16_384), content(100)];
  const written = [1, 2].map(() => {
    const { client, server } = createPair(wide);
    const exchange = download(client, server, pieces);
    server.machine.receive(client.output());
    server.machine.flush();
    const parts = [...server.sink.bytes];
    client.machine.receive(server.output());
    run(client, server);
    expect(exchange.body.equals(expected(pieces))).toBe(true);
    expect(exchange.log).toContain('trailers grpc-status 0');
    return parts;
  });
  const [first = [], second = []] = written;
  const same = first.filter((part, i) => part === second[i]);
  const lengths = [STRETCH_BYTES, STRETCH_BYTES, 20_000, 16_384];
  expect(same.map(({ length }) => length)).toEqual(lengths.map((bytes) => bytes + framesFor(bytes) * 9));
  const frames = framesIn(Buffer.concat(first)).filter(({ type }) => type === FRAME.DATA);
  expect(Math.max(...frames.map(({ payload }) => payload.length))).toBe(16_384);
});

it('brings them frame by frame where the windows are small, and under any id of a stream', () => {
  const pieces = [content(STRETCH_BYTES + 1), content(300_000)];
  const { client, server } = createPair({ limits: { streamWindowBytes: 70_000 } });
  const both = [download(client, server, pieces), download(client, server, pieces)];
  run(client, server);
  for (const { body, end } of both) {
    expect(body.equals(expected(pieces))).toBe(true);
    expect(end?.by).toBe('both');
  }
});

it('takes turns with other streams, a stretch a turn', () => {
  const piece = content(4 * STRETCH_BYTES);
  const { client, server } = createPair(wide);
  download(client, server, [piece]);
  download(client, server, [piece]);
  server.machine.receive(client.output());
  const order = framesIn(server.output())
    .filter(({ type, payload }) => type === FRAME.DATA && payload.length === 16_384)
    .map(({ streamId }) => streamId);
  expect(new Set(order.slice(0, 16))).toEqual(new Set([1, 3]));
});

it('ends with shared bytes where they are the last', () => {
  const piece = content(50_000);
  const { client, server } = createPair(wide);
  server.answer = (stream) => {
    stream.respond({ status: 200, headers: [] }, false);
    stream.sendShared(piece);
    stream.sendData(Buffer.alloc(0), true);
  };
  const exchange = client.request();
  run(client, server);
  expect(exchange.body.equals(piece)).toBe(true);
  expect(exchange.log.at(-1)).toBe('closed NO_ERROR by both');
});
