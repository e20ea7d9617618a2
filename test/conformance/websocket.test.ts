import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { type Side, startWeft, stopSide } from '../differential/harness.ts';
import { httpBootstrap } from '../differential/http-bootstrap.ts';

// A client and a server of `ws`, a `weft proxy` between them.

const http = createServer((_, response) => response.end('no socket'));
const server = new WebSocketServer({ server: http });
let proxy: Side;
/** The server's end of the newest connection. */
let last: WebSocket | undefined;

beforeAll(async () => {
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const { port } = http.address() as AddressInfo;
  server.on('connection', (socket) => {
    last = socket;
    socket.on('message', (data: Buffer, isBinary) => {
      const text = data.length < 10 ? data.toString() : '';
      if (text === 'bye') socket.close(4001, 'enough');
      else if (text === 'count') for (let i = 0; i < 1000; i++) socket.send(`${i} ${'x'.repeat(1000)}`);
      else socket.send(data, { binary: isBinary });
    });
  });
  proxy = await startWeft(httpBootstrap({ upstreamPorts: [port] }));
});

afterAll(async () => {
  await stopSide(proxy);
  server.close();
  http.closeAllConnections();
  http.close();
});

async function open(): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${proxy.ports.listeners[0]}/`);
  await once(socket, 'open');
  return socket;
}

/** The next message, with whether it was binary. */
async function next(socket: WebSocket): Promise<readonly [Buffer, boolean]> {
  const [data, isBinary] = (await once(socket, 'message')) as [Buffer, boolean];
  return [data, isBinary];
}

describe('WebSocket through the proxy', () => {
  it('carries text and binary, and keeps which is which', async () => {
    const socket = await open();
    socket.send('grüße');
    expect(await next(socket)).toEqual([Buffer.from('grüße'), false]);
    socket.send(Buffer.from([0, 255, 13, 10]));
    expect(await next(socket)).toEqual([Buffer.from([0, 255, 13, 10]), true]);
    socket.close();
    await once(socket, 'close');
  });

  it('carries a message of 8 MiB whole', async () => {
    const socket = await open();
    const sent = randomBytes(8 * 1024 * 1024);
    socket.send(sent);
    const [received] = await next(socket);
    const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
    expect(digest(received)).toBe(digest(sent));
    socket.terminate();
  });

  it('carries both directions at once, in order', async () => {
    const socket = await open();
    socket.send('count');
    const numbers: number[] = [];
    let echoes = 0;
    const done = new Promise<void>((resolve) =>
      socket.on('message', (data: Buffer) => {
        const text = data.toString();
        if (text.startsWith('echo')) expect(text).toBe(`echo ${echoes++}`);
        else numbers.push(Number(text.split(' ')[0]));
        if (echoes === 500 && numbers.length === 1000) resolve();
      }),
    );
    for (let i = 0; i < 500; i++) socket.send(`echo ${i}`);
    await done;
    expect(numbers).toEqual(Array.from({ length: 1000 }, (_, i) => i));
    socket.terminate();
  });

  it('carries pings, pongs, and a close with its code in both directions', async () => {
    const socket = await open();
    socket.ping('are you there');
    expect(String((await once(socket, 'pong'))[0])).toBe('are you there');
    const closes = Promise.all([once(last as WebSocket, 'close'), once(socket, 'close')]);
    socket.close(4002, 'done');
    expect((await closes).map(([code]) => code)).toEqual([4002, 4002]);
    const other = await open();
    other.send('bye');
    const [code, reason] = (await once(other, 'close')) as [number, Buffer];
    expect([code, reason.toString()]).toEqual([4001, 'enough']);
  });

  it('stays open while nobody speaks', async () => {
    const socket = await open();
    await new Promise((resolve) => setTimeout(resolve, 1500));
    socket.send('still here');
    expect((await next(socket))[0].toString()).toBe('still here');
    socket.terminate();
  });

  it('a client that is cut leaves no connection behind', async () => {
    const socket = await open();
    const closed = once(last as WebSocket, 'close');
    socket.terminate();
    await closed;
    expect(last?.readyState).toBe(WebSocket.CLOSED);
  });
});
