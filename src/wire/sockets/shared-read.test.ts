import { createHash, randomBytes } from 'node:crypto';
import { connect, Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { Connection } from '../connection.ts';
import { giveBack } from '../lent-bytes.ts';
import { network } from '../net.ts';
import { withSharedRead } from './shared-read.ts';

/** Collects what a connection brings, as the buffers that it was handed. */
function collect(connection: Connection): { readonly parts: Buffer[]; readonly ended: Promise<void> } {
  const parts: Buffer[] = [];
  const ended = new Promise<void>((resolve) =>
    connection.handle({
      onData: (bytes) => parts.push(bytes),
      onEnd: () => connection.end(),
      onDrain: () => {},
      onClose: () => resolve(),
    }),
  );
  return { parts, ended };
}

const hash = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Differs in every byte from the others, so that bytes of one connection in another show. */
const bodyOf = (i: number): Buffer => Buffer.alloc(i % 2 === 0 ? 3_000_000 + i : 300 + i, i + 1);

describe('reading into a shared buffer', () => {
  it('buffers stay as they were handed on, however many connections read large and small at once', async () => {
    const got: ReturnType<typeof collect>[] = [];
    const listener = await network.listen({ onConnection: (connection) => got.push(collect(connection)) });
    if (!listener.ok) throw new Error(listener.error.message);
    const sent = Array.from({ length: 12 }, (_, i) => bodyOf(i));
    await Promise.all(
      sent.map(
        (body) =>
          new Promise<void>((resolve) => {
            const socket = connect(listener.value.port, '127.0.0.1', () => socket.end(body));
            socket.resume().once('close', () => resolve());
          }),
      ),
    );
    await Promise.all(got.map(({ ended }) => ended));
    await listener.value.close();
    const received = got.map(({ parts }) => hash(Buffer.concat(parts)));
    expect(received.sort()).toEqual(sent.map(hash).sort());
  });

  it('goes on in memory that came back, and leaves alone what was kept', async () => {
    const kept: Buffer[] = [];
    const copies: Buffer[] = [];
    const memories = new Set<ArrayBufferLike>();
    let reads = 0;
    const ended = new Promise<void>((resolve) => {
      void network
        .listen({
          onConnection: (connection) =>
            connection.handle({
              onData(bytes) {
                copies.push(Buffer.from(bytes));
                if (++reads % 4 === 0) kept.push(bytes, copies.at(-1) as Buffer);
                else giveBack(bytes);
                if (bytes.length > 32_768) memories.add(bytes.buffer);
              },
              onEnd: () => connection.end(),
              onDrain() {},
              onClose: () => resolve(),
            }),
        })
        .then((listener) => {
          if (!listener.ok) throw new Error(listener.error.message);
          const socket = connect(listener.value.port, '127.0.0.1', () => socket.end(sent));
          socket.resume().once('close', () => void listener.value.close());
        });
    });
    const sent = randomBytes(20_000_000);
    await ended;
    expect(hash(Buffer.concat(copies))).toBe(hash(sent));
    for (let i = 0; i < kept.length; i += 2) expect(kept[i]?.equals(kept[i + 1] as Buffer)).toBe(true);
    expect(memories.size).toBeLessThan(reads / 2);
  });

  it('nothing is read before somebody handles it, and nothing is lost', async () => {
    let accepted: Connection | undefined;
    const listener = await network.listen({ onConnection: (connection) => (accepted = connection) });
    if (!listener.ok) throw new Error(listener.error.message);
    const upstream = await network.connect({ port: listener.value.port, timeoutMs: 5_000 });
    if (!upstream.ok) throw new Error(upstream.error.message);
    upstream.value.write('hello');
    upstream.value.end();
    upstream.value.resume();
    await new Promise((resolve) => setTimeout(resolve, 20));
    accepted!.resume();
    const here = collect(accepted!);
    const there = collect(upstream.value);
    await Promise.all([here.ended, there.ended]);
    await listener.value.close();
    expect(Buffer.concat(here.parts).toString()).toBe('hello');
  });

  it('a socket whose inside is not as expected is left as it is', () => {
    const socket = new Socket();
    expect(withSharedRead(socket)).toBe(socket);
  });
});
