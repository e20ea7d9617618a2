import type { Socket } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { manualClock } from '../../lib/manual-clock.ts';
import { fail } from '../../lib/result.ts';
import type { GrpcClient } from './client.ts';
import { createGrpcClient } from './client.ts';
import { GRPC_CODE } from './status.ts';
import type { TestServer } from './test-server.ts';
import { clientOf, PATHS, startRawServer, startTestServer } from './test-server.ts';

// A server's SETTINGS, and GOAWAY(lastStreamId 0, NO_ERROR).
const SETTINGS = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
const GOAWAY_NOTHING_DONE = Buffer.from([0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

function using(client: GrpcClient): GrpcClient {
  closing.push(() => client.close());
  return client;
}

async function rawServer(onSocket: (socket: Socket) => void): Promise<number> {
  const sockets: Socket[] = [];
  const { port, server } = await startRawServer((socket) => {
    sockets.push(socket);
    onSocket(socket);
  });
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return port;
}

async function testServer(): Promise<TestServer> {
  const peer = await startTestServer();
  closing.push(() => peer.server.forceShutdown());
  return peer;
}

it('ends calls with the reason when connecting fails, and tries again with the next call', async () => {
  let attempts = 0;
  const client = using(
    clientOf(0, {
      connect: () => Promise.resolve(fail({ message: `no route, attempt ${++attempts}` })),
    }),
  );
  const both = await Promise.all([
    client.unary(PATHS.echo, Buffer.from('a')),
    client.unary(PATHS.echo, Buffer.from('b')),
  ]);
  const third = await client.unary(PATHS.echo, Buffer.from('c'));
  expect([...both, third].map((result) => !result.ok && [result.error.code, result.error.message])).toEqual([
    [GRPC_CODE.UNAVAILABLE, 'no route, attempt 1'],
    [GRPC_CODE.UNAVAILABLE, 'no route, attempt 1'],
    [GRPC_CODE.UNAVAILABLE, 'no route, attempt 2'],
  ]);
});

it('treats a connect function that throws as a failure', async () => {
  const client = using(
    clientOf(0, {
      connect: () => {
        throw new Error('boom');
      },
    }),
  );
  const result = await client.unary(PATHS.echo, Buffer.from('a'));
  expect(!result.ok && result.error.message).toContain('boom');
});

it('gives up connecting after its time, and says so to connect()', async () => {
  const clock = manualClock();
  let given: AbortSignal | undefined;
  const connect = (signal: AbortSignal) => {
    given = signal;
    return new Promise<never>(() => {});
  };
  const client = using(createGrpcClient({ connect, authority: 'nowhere', clock, connectTimeoutMs: 300 }));
  const result = client.unary(PATHS.echo, Buffer.from('a'));
  clock.advance(300);
  expect(await result).toMatchObject({ ok: false, error: { code: GRPC_CODE.UNAVAILABLE } });
  expect(given?.aborted).toBe(true);
});

it('sends a unary call once more when the server surely did not look at it', async () => {
  const peer = await testServer();
  const turnedAway = await rawServer((socket) =>
    socket.write(Buffer.concat([SETTINGS, GOAWAY_NOTHING_DONE])),
  );
  const ports = [turnedAway, peer.port];
  const client = using(clientOf(0, { connect: (signal) => dial(ports.shift() as number, signal) }));
  const result = await client.unary(PATHS.echo, Buffer.from('x'));
  expect(result.ok).toBe(true);
  expect(ports).toEqual([]);
});

it('does not send it a third time', async () => {
  let connections = 0;
  const port = await rawServer((socket) => {
    connections++;
    socket.write(Buffer.concat([SETTINGS, GOAWAY_NOTHING_DONE]));
  });
  const result = await using(clientOf(port)).unary(PATHS.echo, Buffer.from('x'));
  expect(!result.ok && result.error.code).toBe(GRPC_CODE.UNAVAILABLE);
  expect(connections).toBe(2);
});

it('does not send it again when the connection broke after the request was written', async () => {
  let connections = 0;
  const port = await rawServer((socket) => {
    connections++;
    socket.once('data', () => socket.destroy());
  });
  const result = await using(clientOf(port)).unary(PATHS.echo, Buffer.from('x'));
  expect(!result.ok && result.error.code).toBe(GRPC_CODE.UNAVAILABLE);
  expect(connections).toBe(1);
});

it('notices a server that has fallen silent, by PING', async () => {
  const clock = manualClock();
  const heard: Buffer[] = [];
  const port = await rawServer((socket) => {
    socket.write(SETTINGS);
    socket.on('data', (bytes) => heard.push(bytes as Buffer));
  });
  const client = using(clientOf(port, { clock, keepaliveTimeMs: 1000, keepaliveTimeoutMs: 500 }));
  const result = client.unary(PATHS.echo, Buffer.from('x'));
  const hasPingLater = () => {
    clock.advance(1000);
    return Buffer.concat(heard).includes('weftping');
  };
  await expect.poll(() => heard.length).toBeGreaterThan(0);
  // The first look sees the server's SETTINGS, the second sees silence.
  await expect.poll(hasPingLater, { timeout: 5000 }).toBe(true);
  clock.advance(500);
  expect(await result).toMatchObject({ ok: false, error: { code: GRPC_CODE.UNAVAILABLE } });
});

it('keeps a call open for as long as the server answers PINGs', async () => {
  const peer = await testServer();
  const client = using(clientOf(peer.port, { keepaliveTimeMs: 10, keepaliveTimeoutMs: 5000 }));
  const result = await client.unary(PATHS.hang, Buffer.from('x'), { timeoutMs: 200 });
  expect(!result.ok && result.error.code).toBe(GRPC_CODE.DEADLINE_EXCEEDED);
});

it.each([
  ['an HTTP/1.1 server', 'HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n'],
  ['a server of something else', '\0\0\0\0\0\0\0\0\0\0\0\0'],
  ['a server that hangs up', ''],
])('ends with UNAVAILABLE at %s', async (_what, answer) => {
  const port = await rawServer((socket) => socket.end(answer));
  const result = await using(clientOf(port)).unary(PATHS.echo, Buffer.from('x'));
  expect(!result.ok && result.error.code).toBe(GRPC_CODE.UNAVAILABLE);
});

async function dial(port: number, signal: AbortSignal) {
  const { network } = await import('../net.ts');
  return network.connect({ host: '127.0.0.1', port, timeoutMs: 5000, signal });
}
