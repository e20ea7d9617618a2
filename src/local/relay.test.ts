import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openRelay, type Relay } from './relay.ts';

let folder: string;
let ends: (() => void)[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weft-relay-'));
  ends = [];
});
afterEach(() => {
  for (const end of ends) end();
  rmSync(folder, { recursive: true });
});

const serve = async (onSocket: (socket: Socket) => void): Promise<number> => {
  const server: Server = createServer({ allowHalfOpen: true }, onSocket);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ends.push(() => server.close());
  return (server.address() as AddressInfo).port;
};
/** 127.0.0.1 -> Unix socket -> 127.0.0.1:port, as `weft up` has it. */
const relays = async (port: () => number | undefined): Promise<Relay> => {
  const path = join(folder, 'relay.sock');
  const outer = await openRelay({ host: '127.0.0.1', port: 0 }, () => ({ path }));
  ends.push(() => outer.close());
  const target = () => {
    const now = port();
    return now === undefined ? undefined : { host: '127.0.0.1', port: now };
  };
  const inner = await openRelay({ path }, target);
  ends.push(() => inner.close());
  return outer;
};
const client = (port: number): { socket: Socket; text: () => string } => {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  let text = '';
  socket.setEncoding('utf8').on('data', (data: string) => {
    text += data;
  });
  ends.push(() => socket.destroy());
  return { socket, text: () => text };
};

describe('openRelay', () => {
  it('passes bytes and keeps a half-closed connection open the other way', async () => {
    const port = await serve((socket) => {
      socket.resume().on('end', () => setTimeout(() => socket.end('answer after the end'), 20));
    });
    const { socket, text } = client((await relays(() => port)).port);
    socket.end('question');
    await vi.waitUntil(() => socket.closed, 10_000);
    expect(text()).toBe('answer after the end');
  });

  it('waits for a target that is not there yet', async () => {
    let port: number | undefined;
    const relay = await relays(() => port);
    const { socket, text } = client(relay.port);
    socket.write('hello');
    port = await serve((s) => s.pipe(s));
    await vi.waitUntil(() => text() === 'hello', 10_000);
  });

  it('slows the sender down when the receiver does not read', async () => {
    let far: Socket | undefined;
    const port = await serve((socket) => {
      far = socket.pause();
    });
    const { socket } = client((await relays(() => port)).port);
    let accepted = 0;
    const fill = (): void => {
      while (accepted < 256 && socket.write(Buffer.alloc(1_000_000), () => accepted++))
        if (socket.writableNeedDrain) break;
    };
    socket.on('drain', fill);
    socket.once('connect', fill);
    const sent = (): number => socket.bytesWritten - socket.writableLength;
    let before = -1;
    await vi.waitUntil(() => far !== undefined && sent() > 0 && before === (before = sent()), {
      interval: 200,
      timeout: 10_000,
    });
    expect(sent()).toBeLessThan(100_000_000);
  });

  it('ends one side when the other breaks', async () => {
    const port = await serve((socket) => {
      socket.once('data', () => socket.resetAndDestroy());
    });
    const { socket } = client((await relays(() => port)).port);
    socket.on('error', () => {});
    socket.write('x');
    // A Unix socket does not carry a reset: the break arrives as an end, and as a break where more is written.
    await vi.waitUntil(() => socket.readableEnded, 10_000);
    await vi.waitUntil(() => !socket.write('y') || socket.closed, 10_000);
    await vi.waitUntil(() => socket.closed, 10_000);
  });

  it('says when its port is taken', async () => {
    const port = await serve(() => {});
    await expect(openRelay({ host: '127.0.0.1', port }, () => undefined)).rejects.toMatchObject({
      code: 'EADDRINUSE',
    });
  });
});
