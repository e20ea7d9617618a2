// A gRPC client over weft's own HTTP/2: what carries a proxy's delta ADS and its CSR.
// In: a way to connect, and messages as bytes. Out: messages as bytes and a status. Callers: proxy/configure, proxy's identity, agent.
// Never here: protobuf, retries with a delay (the caller knows when to try again; `backoffMs` says how long), more than one address.

import type { Clock } from '../../lib/clock.ts';
import type { Result } from '../../lib/result.ts';
import type { ByteConnection } from '../http2/byte-connection.ts';
import type { CallEvents, CallParts } from './call.ts';
import { Call } from './call.ts';
import { Channel } from './channel.ts';
import { metadataToSend } from './metadata.ts';
import type { GrpcStatus, Metadata } from './status.ts';
import { GRPC_CODE, localStatus } from './status.ts';

/** What a client is made of. */
export interface GrpcClientOptions {
  /**
   * Makes a connection on which HTTP/2 may start (over TLS: ALPN `h2` was agreed). Called when a call finds no usable
   * connection; calls that come meanwhile share it. A failure ends them with UNAVAILABLE and its message. The signal
   * fires when the client no longer waits.
   */
  readonly connect: (signal: AbortSignal) => Promise<Result<ByteConnection, { readonly message: string }>>;
  /** The `:authority` of calls: `host:port` or `host`. */
  readonly authority: string;
  /** Default `http`; `https` over TLS. */
  readonly scheme?: 'http' | 'https';
  readonly clock: Clock;
  readonly userAgent?: string;
  /** A PING is sent when nothing was read for so long while a call is open. Default 30_000; 0 is never. */
  readonly keepaliveTimeMs?: number;
  /** The connection is given up when the PING is not answered in this time. Default 10_000. */
  readonly keepaliveTimeoutMs?: number;
  /** How long `connect` may take. Default 10_000. */
  readonly connectTimeoutMs?: number;
  /** Largest message accepted. Default 64 MiB; beyond it a call ends with RESOURCE_EXHAUSTED. */
  readonly maxReceiveMessageBytes?: number;
  /** Largest message sent, and most bytes queued in a stream. Default 64 MiB. */
  readonly maxSendMessageBytes?: number;
}

/** What one call carries besides messages. */
export interface CallOptions {
  readonly metadata?: Metadata;
  /** From now until the call must have ended, sent as `grpc-timeout`; DEADLINE_EXCEEDED after it. Default: no limit. */
  readonly timeoutMs?: number;
}

/** What a unary call gives; `error.code` is never 0. */
export type UnaryResult =
  | {
      readonly ok: true;
      readonly message: Uint8Array;
      readonly headers: Metadata;
      readonly trailers: Metadata;
    }
  | { readonly ok: false; readonly error: GrpcStatus };

/** What a stream tells its opener. `onEnd` comes exactly once and last, never from inside `stream()` itself. */
export interface GrpcStreamEvents {
  /** Initial metadata of the server. Not called where the server answers with trailers only. */
  onHeaders?(headers: Metadata): void;
  /** One whole message. It is the receiver's own. */
  onMessage(message: Uint8Array): void;
  /** Queued messages have gone after `send` returned false. */
  onDrain?(): void;
  /** The call is over: code 0 where the server ended it well. Lost connections, deadline and cancel come here too. */
  onEnd(status: GrpcStatus): void;
}

/** The sending side of a bidirectional call. After the end every method is without effect. */
export interface GrpcStream {
  /** Queues one message; before the connection exists, too. False: more waits than is good, `onDrain` follows. */
  send(message: Uint8Array): boolean;
  /** No more messages will be sent; the server's may still come. */
  end(): void;
  /** Gives the call up; `onEnd` follows with CANCELLED. */
  cancel(message?: string): void;
  /** Stops `onMessage` until `resume`; flow control then holds the server back. */
  pause(): void;
  resume(): void;
}

/** A client of one server. It connects when first called and again when the connection was lost. */
export interface GrpcClient {
  /**
   * One message each way. `path` is `/package.Service/Method`. Never rejects. The signal cancels. A call that the server surely
   * did not process (GOAWAY, REFUSED_STREAM) is sent once more on a new connection.
   */
  unary(
    path: string,
    message: Uint8Array,
    options?: CallOptions & { readonly signal?: AbortSignal },
  ): Promise<UnaryResult>;
  /** A bidirectional call. */
  stream(path: string, events: GrpcStreamEvents, options?: CallOptions): GrpcStream;
  /** Ends open calls with CANCELLED and closes the connection; later calls end with CANCELLED too. */
  close(): void;
}

const DEFAULTS = {
  scheme: 'http',
  userAgent: 'weft-grpc/1',
  keepaliveTimeMs: 30_000,
  keepaliveTimeoutMs: 10_000,
  connectTimeoutMs: 10_000,
  maxReceiveMessageBytes: 64 * 1024 * 1024,
  maxSendMessageBytes: 64 * 1024 * 1024,
} as const;

/** Makes a client; nothing is connected yet. */
export function createGrpcClient(options: GrpcClientOptions): GrpcClient {
  return new Client(options);
}

class Client implements GrpcClient {
  readonly #options: Required<GrpcClientOptions>;
  readonly #channel: Channel;

  constructor(options: GrpcClientOptions) {
    this.#options = { ...DEFAULTS, ...options };
    this.#channel = new Channel(this.#options);
  }

  stream(path: string, events: GrpcStreamEvents, options: CallOptions = {}): GrpcStream {
    return this.#call(path, events, options);
  }

  async unary(
    path: string,
    message: Uint8Array,
    options: CallOptions & { readonly signal?: AbortSignal } = {},
  ): Promise<UnaryResult> {
    const { clock } = this.#options;
    const startMs = clock.monotonicMs();
    const first = await this.#unaryOnce(path, message, options);
    if (!first.unprocessed) return first.result;
    const { timeoutMs = Number.POSITIVE_INFINITY } = options;
    const leftMs = Math.max(0, timeoutMs - (clock.monotonicMs() - startMs));
    const again = leftMs === Number.POSITIVE_INFINITY ? options : { ...options, timeoutMs: leftMs };
    return (await this.#unaryOnce(path, message, again)).result;
  }

  close(): void {
    this.#channel.close();
  }

  #unaryOnce(
    path: string,
    message: Uint8Array,
    options: CallOptions & { readonly signal?: AbortSignal },
  ): Promise<{ readonly result: UnaryResult; readonly unprocessed: boolean }> {
    const { signal } = options;
    return new Promise((resolve) => {
      const cancel = (): void => call.cancel();
      const collector = new UnaryCollector((result) => {
        signal?.removeEventListener('abort', cancel);
        resolve({ result, unprocessed: call.unprocessed });
      });
      const call: Call = this.#call(path, collector, options);
      call.send(message);
      call.end();
      if (signal?.aborted) cancel();
      else signal?.addEventListener('abort', cancel);
    });
  }

  #call(path: string, events: CallEvents, { metadata = [], timeoutMs }: CallOptions): Call {
    const { scheme, authority, userAgent, clock, maxReceiveMessageBytes, maxSendMessageBytes } =
      this.#options;
    const headers = ['te', 'trailers', 'content-type', 'application/grpc', 'user-agent', userAgent];
    const parts: CallParts = {
      path,
      scheme,
      authority,
      headers: [...headers, ...metadataToSend(metadata)],
      timeoutMs,
      clock,
      maxReceiveMessageBytes,
      maxSendMessageBytes,
      events,
      onOver: (over) => this.#channel.leave(over),
    };
    const call = new Call(parts);
    this.#channel.start(call);
    return call;
  }
}

/** Turns a call's events into the result of a unary one: exactly one message, and OK. */
class UnaryCollector implements CallEvents {
  readonly #resolve: (result: UnaryResult) => void;
  #headers: Metadata = [];
  #message: Uint8Array | undefined;
  #messages = 0;

  constructor(resolve: (result: UnaryResult) => void) {
    this.#resolve = resolve;
  }

  onHeaders(headers: Metadata): void {
    this.#headers = headers;
  }

  onMessage(message: Uint8Array): void {
    this.#message = message;
    this.#messages++;
  }

  onEnd(status: GrpcStatus): void {
    const { trailers } = status;
    if (status.code !== GRPC_CODE.OK) this.#resolve({ ok: false, error: status });
    else if (this.#message !== undefined && this.#messages === 1)
      this.#resolve({ ok: true, message: this.#message, headers: this.#headers, trailers });
    else {
      const message = `The server answered a unary call with ${this.#messages} messages.`;
      this.#resolve({ ok: false, error: localStatus(GRPC_CODE.INTERNAL, message) });
    }
  }
}
