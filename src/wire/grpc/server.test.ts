import { Client, credentials, type ServiceError } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { network } from '../net.ts';
import { createGrpcClient, type GrpcClient } from './client.ts';
import { type GrpcServer, serveGrpcCalls } from './server.ts';
import type { GrpcServerCall } from './server-call.ts';
import type { GrpcStatus } from './status.ts';

const SHARED = Buffer.alloc(300_000, 7);

/** Messages of a flood, and after how many it had to wait first. */
const FLOOD = 30;
const flood = { sent: 0, waitedAt: 0 };

/** Sends shared bytes until it is to wait, and goes on when it may. */
function sendFlood(call: GrpcServerCall): void {
  let room = true;
  for (; room && flood.sent < FLOOD; flood.sent++) room = call.send([SHARED]);
  if (!room && flood.waitedAt === 0) flood.waitedAt = flood.sent;
}

/**
 * `/echo` sends each message back with the shared bytes before it, `/flood` FLOOD messages; `/refuse` ends at once; there
 * is nothing else.
 */
function onCall(call: GrpcServerCall, closed: string[]): boolean {
  if (call.path === '/flood')
    call.handle({
      onMessage: () => sendFlood(call),
      onDrain: () => sendFlood(call),
      onEnd: () => {},
      onClose: () => {},
    });
  else if (call.path === '/refuse') call.end(7, `not you, ${call.header('x-who') ?? 'nobody'}: 100 %`);
  else if (call.path !== '/echo') return false;
  else
    call.handle({
      onMessage: (message) => void call.send([SHARED, message]),
      onEnd: () => call.end(0, ''),
      onClose: () => closed.push('closed'),
    });
  return true;
}

describe('a gRPC server', () => {
  let server: GrpcServer;
  let client: GrpcClient;
  let other: Client;
  let closed: string[] = [];

  beforeEach(async () => {
    closed = [];
    server = await serveGrpcCalls({
      network,
      clock: systemClock,
      listen: { host: '127.0.0.1', port: 0 },
      onCall: (call) => onCall(call, closed),
      maxReceiveMessageBytes: 1000,
    });
    const { port } = server;
    client = createGrpcClient({
      connect: (signal) => network.connect({ host: '127.0.0.1', port, timeoutMs: 5000, signal }),
      authority: 'localhost',
      clock: systemClock,
    });
    other = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  });

  afterEach(async () => {
    client.close();
    other.close();
    await server.close(0);
  });

  /** Sends the messages, then ends; what came back and how it ended. */
  function talk(path: string, messages: readonly Buffer[]): Promise<readonly [number[], GrpcStatus]> {
    return new Promise((resolve) => {
      const sizes: number[] = [];
      const stream = client.stream(path, {
        onMessage: (message) => void sizes.push(message.length),
        onEnd: (status) => resolve([sizes, status]),
      });
      for (const message of messages) stream.send(message);
      stream.end();
    });
  }

  it('carries messages both ways, those of several pieces as one, until the client has said all', async () => {
    const [sizes, status] = await talk('/echo', [Buffer.from('a'), Buffer.from('bcd')]);
    expect(sizes).toEqual([300_001, 300_003]);
    expect(status.code).toBe(0);
    expect(closed).toEqual(['closed']);
  });

  it('is told to wait while a client does not read, and goes on afterwards', async () => {
    Object.assign(flood, { sent: 0, waitedAt: 0 });
    let got = 0;
    await new Promise<void>((resolve) => {
      const stream = client.stream('/flood', {
        onMessage(message) {
          got++;
          if (got === 1) {
            stream.pause();
            // Whatever the windows take is on its way by then.
            setTimeout(() => stream.resume(), 50);
          }
          expect(message.length).toBe(SHARED.length);
          if (got === FLOOD) resolve();
        },
        onEnd: () => resolve(),
      });
      stream.send(Buffer.from('go'));
    });
    expect(got).toBe(FLOOD);
    // A queue of 1 MiB, and the message that it begins with.
    expect(flood.waitedAt).toBe(Math.ceil((1024 * 1024) / SHARED.length));
  });

  it('ends calls with a status and a sentence', async () => {
    expect((await talk('/refuse', []))[1]).toMatchObject({ code: 7, message: 'not you, nobody: 100 %' });
    expect((await talk('/nothing', []))[1]).toMatchObject({
      code: 12,
      message: 'there is no method /nothing',
    });
    const [, tooLarge] = await talk('/echo', [Buffer.alloc(1001)]);
    expect(tooLarge).toMatchObject({ code: 8, message: 'a message of 1001 bytes is too large' });
  });

  it('is understood by grpc-js, in streams and unary calls', async () => {
    const asIs = (bytes: Buffer): Buffer => bytes;
    const stream = other.makeBidiStreamRequest('/echo', asIs, asIs);
    const answers: number[] = [];
    stream.on('data', (message: Buffer) => answers.push(message.length));
    stream.write(Buffer.from('xy'));
    stream.end();
    await new Promise((resolve) => stream.on('end', resolve));
    expect(answers).toEqual([300_002]);
    const error = await new Promise<ServiceError | null>((resolve) => {
      other.makeUnaryRequest('/refuse', asIs, asIs, Buffer.from('x'), resolve);
    });
    expect(error).toMatchObject({ code: 7, details: 'not you, nobody: 100 %' });
  });

  it('answers what is no call of gRPC as HTTP says', async () => {
    const answer = await fetch(`http://127.0.0.1:${server.port}/echo`).catch(() => 'no HTTP/1.1');
    expect(answer).toBe('no HTTP/1.1');
  });

  it('cuts streams that never end when it closes', async () => {
    const ended = new Promise<GrpcStatus>((resolve) => {
      const stream = client.stream('/echo', {
        onMessage: () => void server.close(10),
        onEnd: resolve,
      });
      stream.send(Buffer.from('a'));
    });
    expect((await ended).code).not.toBe(0);
  });
});
