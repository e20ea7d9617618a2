// A gRPC server over weft's own HTTP/2: what carries ADS and certificates out of the control plane.
// In: connections, and what calls are about. Out: messages as bytes in pieces, which many calls may share.
// Callers: control/serve, identity/workload-api. Never here: protobuf, judging who calls, deadlines (a client that waits no longer resets its call).

import type { Clock } from '../../lib/clock.ts';
import type { Connection, Listener, Network, TlsContext } from '../connection.ts';
import type { Http2Connection, Http2Stream, StreamEvents } from '../http2/connection.ts';
import { driveHttp2 } from '../http2/drive.ts';
import type { RequestHead } from '../http2/head.ts';
import { ERROR_CODE } from '../http2/protocol.ts';
import { Keepalive } from './keepalive.ts';
import { type Caller, type GrpcServerCall, isGrpcRequest, ServerCall } from './server-call.ts';
import { GRPC_CODE } from './status.ts';

/** What a server is made of. */
export interface GrpcServerOptions {
  readonly network: Network;
  readonly clock: Clock;
  /** Port 0 takes a free one; or a Unix socket. */
  readonly listen: { readonly host: string; readonly port: number } | { readonly path: string };
  /** Of connections that come from now on; absent: no TLS. Clients may show a certificate and need not. */
  readonly tls?: () => TlsContext;
  /** A call came: calls `handle` on it, now or later. False: there is no such method. */
  readonly onCall: (call: GrpcServerCall) => boolean;
  /** Largest message from a client. */
  readonly maxReceiveMessageBytes: number;
}

/** A serving server. */
export interface GrpcServer {
  readonly port: number;
  /** Open calls may end for so long, then they are cut (streams of proxies never end by themselves). */
  close(graceMs: number): Promise<void>;
}

/** Connections at once; more are closed as they come. */
const MAX_CONNECTIONS = 20_000;
const HANDSHAKE_TIMEOUT_MS = 10_000;
const KEEPALIVE = { keepaliveTimeMs: 30_000, keepaliveTimeoutMs: 10_000 };
/**
 * One connection is one proxy or one program with a few. What is sent to it is shared with others and queued by reference:
 * a queue costs little memory.
 */
const LIMITS = {
  maxConcurrentStreams: 1000,
  handOverBytes: 512 * 1024,
  sendQueueHighBytes: 1024 * 1024,
  maxSendQueueBytes: 1024 ** 3,
};

/** Serves; resolves when the port is open. Rejects with a sentence where it cannot be had. */
export async function serveGrpcCalls(options: GrpcServerOptions): Promise<GrpcServer> {
  const server = new Connections(options);
  const listening = await options.network.listen({
    ...options.listen,
    onConnection: (one) => void server.take(one),
  });
  if (!listening.ok) throw new Error(listening.error.message);
  return { port: listening.value.port, close: (graceMs) => server.close(listening.value, graceMs) };
}

class Connections {
  readonly #options: GrpcServerOptions;
  readonly #open = new Set<Http2Connection>();
  #isClosing = false;
  #allGone: (() => void) | undefined;

  constructor(options: GrpcServerOptions) {
    this.#options = options;
  }

  async take(plain: Connection): Promise<void> {
    if (this.#isClosing || this.#open.size >= MAX_CONNECTIONS) return plain.destroy();
    const connection = await this.#secured(plain);
    if (connection === undefined) return;
    if (this.#isClosing) return connection.destroy();
    const { clock } = this.#options;
    const caller = callerOf(connection);
    const http2 = driveHttp2(connection, {
      role: 'server',
      clock,
      limits: LIMITS,
      onFault: () => http2.abort(ERROR_CODE.INTERNAL_ERROR, 'an internal error'),
      events: {
        onRequest: (stream, head, ended) => this.#request(stream, head, ended, caller),
        onClose: () => {
          keepalive.stop();
          this.#open.delete(http2);
          if (this.#open.size === 0) this.#allGone?.();
        },
      },
    });
    const keepalive = new Keepalive(http2, clock, KEEPALIVE);
    this.#open.add(http2);
  }

  async close(listener: Listener, graceMs: number): Promise<void> {
    this.#isClosing = true;
    const stopped = listener.close();
    for (const connection of this.#open) connection.shutdown();
    if (this.#open.size > 0) await this.#emptied(graceMs);
    for (const connection of [...this.#open]) connection.abort(ERROR_CODE.NO_ERROR, 'the server ends');
    await stopped;
  }

  #emptied(graceMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#options.clock.setTimeout(resolve, graceMs);
      this.#allGone = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  async #secured(plain: Connection): Promise<Connection | undefined> {
    const { network, tls } = this.#options;
    if (tls === undefined) return plain;
    const secured = await network.acceptTls(plain, {
      context: tls(),
      alpn: ['h2'],
      requestClientCertificate: true,
      // Who shows a certificate is judged by each service: a refused one is as good as none.
      verify: () => undefined,
      timeoutMs: HANDSHAKE_TIMEOUT_MS,
    });
    return secured.ok ? secured.value : undefined;
  }

  #request(stream: Http2Stream, head: RequestHead, ended: boolean, caller: Caller): StreamEvents {
    const call = new ServerCall(stream, head, caller, this.#options.maxReceiveMessageBytes);
    if (!isGrpcRequest(stream, head)) return call;
    if (!this.#options.onCall(call)) call.end(GRPC_CODE.UNIMPLEMENTED, `there is no method ${head.path}`);
    if (ended) call.onData(NOTHING, true);
    return call;
  }
}

const NOTHING = Buffer.alloc(0);

function callerOf({ remoteAddress, tls }: Connection): Caller {
  const peer = tls?.peer;
  return { address: remoteAddress, certificate: peer?.chainError === '' ? peer.certificate : undefined };
}
