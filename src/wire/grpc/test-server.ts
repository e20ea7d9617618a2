import { createServer, type Server as NetServer, type Socket } from 'node:net';
import type { ServerDuplexStream, ServerUnaryCall, sendUnaryData } from '@grpc/grpc-js';
import { Metadata, Server, ServerCredentials, status } from '@grpc/grpc-js';
import { systemClock } from '../../lib/clock.ts';
import { network } from '../net.ts';
import type { GrpcClient, GrpcClientOptions } from './client.ts';
import { createGrpcClient } from './client.ts';

// The peer of this folder's tests: a real grpc-js server whose messages are plain bytes. Never shipped.

/** What the paths of the test service do. */
export const PATHS = {
  /** Unary: answers the request's bytes, with metadata `x-head` and trailer `x-trail`. */
  echo: '/test.Echo/Echo',
  /** Unary: fails with the code and the message in the request's JSON. */
  fail: '/test.Echo/Fail',
  /** Unary: never answers. */
  hang: '/test.Echo/Hang',
  /** Bidirectional: answers each message; `quit` ends the call with ABORTED. */
  chat: '/test.Echo/Chat',
} as const;

/** What was observed at the server. */
export interface Observed {
  cancelled: number;
  metadata: Metadata[];
  deadlines: (number | Date)[];
}

/** A running server. */
export interface TestServer {
  readonly port: number;
  readonly observed: Observed;
  readonly server: Server;
}

/** Starts the server on a free port of 127.0.0.1. */
export async function startTestServer(
  credentials = ServerCredentials.createInsecure(),
  port = 0,
): Promise<TestServer> {
  const server = new Server({
    'grpc.max_receive_message_length': -1,
    'grpc.max_send_message_length': -1,
    'grpc.max_concurrent_streams': 100,
  });
  const observed: Observed = { cancelled: 0, metadata: [], deadlines: [] };
  server.addService(
    { echo: unary(PATHS.echo), fail: unary(PATHS.fail), hang: unary(PATHS.hang), chat: bidi(PATHS.chat) },
    handlers(observed),
  );
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, credentials, (error, got) =>
      error ? reject(error) : resolve(got),
    );
  });
  return { port: bound, observed, server };
}

/** A client of a port on this machine, without TLS. */
export function clientOf(port: number, options: Partial<GrpcClientOptions> = {}): GrpcClient {
  return createGrpcClient({
    connect: (signal) => network.connect({ host: '127.0.0.1', port, timeoutMs: 5000, signal }),
    authority: `127.0.0.1:${port}`,
    clock: systemClock,
    ...options,
  });
}

/** A server of raw sockets, for peers that misbehave. */
export async function startRawServer(
  onSocket: (socket: Socket) => void,
): Promise<{ port: number; server: NetServer }> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    onSocket(socket);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return { port: (server.address() as { port: number }).port, server };
}

type Bytes = Buffer;
const asIs = (bytes: Bytes): Bytes => bytes;

function unary(path: string) {
  return { ...codec(path), requestStream: false, responseStream: false } as const;
}

function bidi(path: string) {
  return { ...codec(path), requestStream: true, responseStream: true } as const;
}

function codec(path: string) {
  return {
    path,
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
  };
}

function handlers(observed: Observed) {
  return {
    echo(call: ServerUnaryCall<Bytes, Bytes>, done: sendUnaryData<Bytes>) {
      observed.metadata.push(call.metadata);
      observed.deadlines.push(call.getDeadline());
      const head = new Metadata();
      head.set('x-head', 'begin');
      call.sendMetadata(head);
      const trailer = new Metadata();
      trailer.set('x-trail', 'end');
      done(null, call.request, trailer);
    },
    fail(call: ServerUnaryCall<Bytes, Bytes>, done: sendUnaryData<Bytes>) {
      const { code, message } = JSON.parse(call.request.toString()) as { code: number; message: string };
      done({ code, details: message });
    },
    hang(call: ServerUnaryCall<Bytes, Bytes>, _done: sendUnaryData<Bytes>) {
      call.on('cancelled', () => {
        observed.cancelled++;
      });
    },
    chat(call: ServerDuplexStream<Bytes, Bytes>) {
      call.on('cancelled', () => {
        observed.cancelled++;
      });
      call.on('data', (message: Bytes) => {
        if (message.toString('latin1', 0, 4) === 'quit') call.emit('error', aborted());
        else if (!call.write(message)) {
          call.pause();
          call.once('drain', () => call.resume());
        }
      });
      call.on('end', () => call.end());
    },
  };
}

function aborted(): Error {
  return Object.assign(new Error('quit was asked for'), {
    code: status.ABORTED,
    details: 'quit was asked for',
  });
}
