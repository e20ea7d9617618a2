import { Deadline } from '../../lib/deadlines.ts';
import type { Http2Connection } from '../../wire/http2/connection.ts';
import { ERROR_CODE } from '../../wire/http2/protocol.ts';
import type { Http2KeepaliveSettings } from './cluster-config.ts';
import type { UpstreamEnvironment } from './environment.ts';

/** Intervals with jitter are rounded to so many steps, so that deadlines share their queues. */
const JITTER_STEPS = 8;

/** Asks by PING whether the other end of a connection is still there, and ends the connection where it is not. */
export class Http2Keepalive {
  readonly #http2: Http2Connection;
  readonly #settings: Http2KeepaliveSettings;
  readonly #environment: UpstreamEnvironment;
  readonly #interval: Deadline;
  readonly #answer: Deadline;
  #receivedBytes = 0;

  constructor(http2: Http2Connection, settings: Http2KeepaliveSettings, environment: UpstreamEnvironment) {
    this.#http2 = http2;
    this.#settings = settings;
    this.#environment = environment;
    this.#interval = new Deadline(() => this.#ping());
    this.#answer = new Deadline(() => this.#unanswered());
    this.#schedule();
  }

  /** A request is about to be sent after `restedMs` without one. */
  beforeRequest(restedMs: number): void {
    const { idleIntervalMs } = this.#settings;
    if (idleIntervalMs > 0 && restedMs >= idleIntervalMs && !this.#answer.pending) this.#ping();
  }

  pong(): void {
    this.#environment.deadlines.clear(this.#answer);
    this.#schedule();
  }

  stop(): void {
    this.#environment.deadlines.clear(this.#interval);
    this.#environment.deadlines.clear(this.#answer);
  }

  #schedule(): void {
    const { intervalMs, jitterPercent } = this.#settings;
    if (intervalMs === 0) return;
    const step = this.#environment.random.below(JITTER_STEPS + 1) / JITTER_STEPS;
    const waitMs = intervalMs * (1 + (step * jitterPercent) / 100);
    this.#environment.deadlines.set(this.#interval, Math.max(1, Math.round(waitMs)));
  }

  #ping(): void {
    this.#environment.deadlines.clear(this.#interval);
    this.#receivedBytes = this.#http2.receivedBytes;
    this.#http2.ping();
    this.#environment.deadlines.set(this.#answer, this.#settings.timeoutMs);
  }

  /** Bytes are a sign of life too: the answer may stand behind many of them. */
  #unanswered(): void {
    if (this.#http2.receivedBytes === this.#receivedBytes) {
      this.stop();
      this.#http2.abort(ERROR_CODE.NO_ERROR, 'No answer came to a PING.');
      return;
    }
    this.#receivedBytes = this.#http2.receivedBytes;
    this.#environment.deadlines.set(this.#answer, this.#settings.timeoutMs);
  }
}
