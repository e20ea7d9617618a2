import type { Clock, Timer } from '../../lib/clock.ts';
import type { Http2Connection } from '../http2/connection.ts';
import { ERROR_CODE } from '../http2/protocol.ts';

/** When to ask, and how long to wait for the answer. */
export interface KeepaliveTimes {
  readonly keepaliveTimeMs: number;
  readonly keepaliveTimeoutMs: number;
}

/** Watches a connection for silence while calls are open on it, until stop(). Any byte is a sign of life. */
export class Keepalive {
  readonly #connection: Http2Connection;
  readonly #clock: Clock;
  readonly #times: KeepaliveTimes;
  #timer: Timer | undefined;
  #seenBytes = 0;

  constructor(connection: Http2Connection, clock: Clock, times: KeepaliveTimes) {
    this.#connection = connection;
    this.#clock = clock;
    this.#times = times;
    if (times.keepaliveTimeMs > 0) this.#watch();
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #watch(): void {
    this.#seenBytes = this.#connection.receivedBytes;
    this.#timer = this.#clock.setTimeout(() => this.#ask(), this.#times.keepaliveTimeMs);
  }

  #ask(): void {
    if (this.#isAlive() || this.#connection.activeStreams === 0) {
      this.#watch();
      return;
    }
    this.#connection.ping();
    this.#timer = this.#clock.setTimeout(() => this.#judge(), this.#times.keepaliveTimeoutMs);
  }

  #judge(): void {
    if (this.#isAlive()) this.#watch();
    else {
      const message = `The server has not answered a PING for ${this.#times.keepaliveTimeoutMs} ms.`;
      this.#connection.abort(ERROR_CODE.NO_ERROR, message);
    }
  }

  #isAlive(): boolean {
    return this.#connection.receivedBytes !== this.#seenBytes;
  }
}
