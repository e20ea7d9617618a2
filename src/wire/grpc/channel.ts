import type { Clock } from '../../lib/clock.ts';
import type { Result } from '../../lib/result.ts';
import { fail } from '../../lib/result.ts';
import type { ByteConnection } from '../http2/byte-connection.ts';
import type { Http2Connection } from '../http2/connection.ts';
import { driveHttp2 } from '../http2/drive.ts';
import type { Call } from './call.ts';
import type { KeepaliveTimes } from './keepalive.ts';
import { Keepalive } from './keepalive.ts';
import type { GrpcStatus } from './status.ts';
import { GRPC_CODE, localStatus } from './status.ts';

/** Calls that wait for a connection or for a stream; one more ends with RESOURCE_EXHAUSTED. */
const MAX_WAITING_CALLS = 1000;
/** What a queue of framed messages takes beyond the messages. */
const QUEUE_SLACK_BYTES = 64 * 1024;

/** What a connect function gives. */
export type Connected = Result<ByteConnection, { readonly message: string }>;

/** What a channel is made of. */
export interface ChannelOptions extends KeepaliveTimes {
  readonly connect: (signal: AbortSignal) => Promise<Connected>;
  readonly clock: Clock;
  readonly connectTimeoutMs: number;
  readonly maxSendMessageBytes: number;
}

/** One connection at a time for new calls: made when a call needs it, left when the server goes away. */
export class Channel {
  readonly #options: ChannelOptions;
  readonly #calls = new Set<Call>();
  #waiting: Call[] = [];
  #connection: Http2Connection | undefined;
  #connecting: AbortController | undefined;
  #closed = false;

  constructor(options: ChannelOptions) {
    this.#options = options;
  }

  /** Begins a call now or as soon as there is a connection with a free stream. */
  start(call: Call): void {
    if (call.over) return;
    const refusal = this.#refusal();
    if (refusal !== undefined) {
      queueMicrotask(() => call.finish(refusal));
      return;
    }
    this.#calls.add(call);
    this.#waiting.push(call);
    this.#admit();
  }

  /** The call is over; its stream may be another's. */
  leave(call: Call): void {
    this.#calls.delete(call);
    if (this.#waiting.includes(call)) this.#waiting = this.#waiting.filter((other) => other !== call);
    this.#admit();
  }

  close(): void {
    this.#closed = true;
    this.#connecting?.abort();
    for (const call of [...this.#calls]) call.cancel('The client was closed.');
    this.#connection?.shutdown();
  }

  #refusal(): GrpcStatus | undefined {
    if (this.#closed) return localStatus(GRPC_CODE.CANCELLED, 'The client was closed.');
    if (this.#waiting.length < MAX_WAITING_CALLS) return undefined;
    return localStatus(GRPC_CODE.RESOURCE_EXHAUSTED, `${MAX_WAITING_CALLS} calls wait already.`);
  }

  /** Gives waiting calls their streams, or sees to a connection. */
  #admit(): void {
    while (this.#waiting.length > 0 && (this.#connection?.availableStreams ?? 0) > 0)
      (this.#waiting.shift() as Call).open(this.#connection as Http2Connection);
    if (
      this.#waiting.length > 0 &&
      this.#connection === undefined &&
      this.#connecting === undefined &&
      !this.#closed
    )
      this.#connect();
  }

  #connect(): void {
    const { clock, connectTimeoutMs } = this.#options;
    const controller = new AbortController();
    this.#connecting = controller;
    const settle = (connected: Connected): void => this.#settle(controller, connected);
    const timer = clock.setTimeout(() => {
      settle(fail({ message: `Connecting took longer than ${connectTimeoutMs} ms.` }));
      controller.abort();
    }, connectTimeoutMs);
    void this.#tryConnect(controller.signal).then((connected) => {
      timer.cancel();
      settle(connected);
    });
  }

  async #tryConnect(signal: AbortSignal): Promise<Connected> {
    try {
      return await this.#options.connect(signal);
    } catch (error) {
      return fail({ message: `Connecting failed: ${String(error)}` });
    }
  }

  #settle(controller: AbortController, connected: Connected): void {
    if (this.#connecting !== controller || this.#closed) {
      if (connected.ok) connected.value.destroy();
      return;
    }
    this.#connecting = undefined;
    if (connected.ok) this.#use(connected.value);
    else this.#turnAway(connected.error.message);
  }

  #turnAway(message: string): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const call of waiting) call.finish(localStatus(GRPC_CODE.UNAVAILABLE, message));
  }

  #use(bytes: ByteConnection): void {
    const { clock, maxSendMessageBytes } = this.#options;
    const leave = (): void => this.#leaveConnection(connection);
    const events = {
      onSettings: () => this.#admit(),
      onGoaway: leave,
      onClose: () => {
        keepalive.stop();
        leave();
      },
    };
    const limits = { maxSendQueueBytes: maxSendMessageBytes + QUEUE_SLACK_BYTES };
    const connection = driveHttp2(bytes, { role: 'client', clock, events, limits });
    const keepalive = new Keepalive(connection, clock, this.#options);
    this.#connection = connection;
    this.#admit();
  }

  /** New calls go elsewhere; those on it go on. */
  #leaveConnection(connection: Http2Connection): void {
    if (this.#connection === connection) this.#connection = undefined;
    this.#admit();
  }
}
