import { Http2Error } from './http2-error.ts';
import type { Http2Limits, Rate } from './limits.ts';
import { ERROR_CODE } from './protocol.ts';

/** A bucket of tokens; the clock is asked only when it is empty. */
class Bucket {
  readonly #rate: Rate;
  readonly #monotonicMs: () => number;
  #tokens: number;
  #filledAtMs: number;

  constructor(rate: Rate, monotonicMs: () => number) {
    this.#rate = rate;
    this.#monotonicMs = monotonicMs;
    this.#tokens = rate.burst;
    this.#filledAtMs = monotonicMs();
  }

  take(): boolean {
    if (this.#tokens < 1) this.#refill();
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }

  add(tokens: number): void {
    this.#tokens = Math.min(this.#rate.burst, this.#tokens + tokens);
  }

  #refill(): void {
    const nowMs = this.#monotonicMs();
    this.add(((nowMs - this.#filledAtMs) * this.#rate.perSecond) / 1000);
    this.#filledAtMs = nowMs;
  }
}

/** Which of the peer's doings are counted: the limits that are rates. */
export type FloodKind =
  | 'earlyResets'
  | 'settingsFrames'
  | 'pingFrames'
  | 'emptyDataFrames'
  | 'idleFrames'
  | 'windowUpdateFrames';

/** Counts what costs a peer little and us much. */
export class FloodGuard {
  readonly #buckets: Readonly<Record<FloodKind, Bucket>>;
  readonly #windowUpdatesPerDataFrame: number;

  constructor(limits: Http2Limits, monotonicMs: () => number) {
    this.#windowUpdatesPerDataFrame = limits.windowUpdatesPerDataFrame;
    const bucket = (kind: FloodKind): Bucket => new Bucket(limits[kind], monotonicMs);
    this.#buckets = {
      earlyResets: bucket('earlyResets'),
      settingsFrames: bucket('settingsFrames'),
      pingFrames: bucket('pingFrames'),
      emptyDataFrames: bucket('emptyDataFrames'),
      idleFrames: bucket('idleFrames'),
      windowUpdateFrames: bucket('windowUpdateFrames'),
    };
  }

  /** Counts one; throws Http2Error (ENHANCE_YOUR_CALM) when it is one too many. */
  count(kind: FloodKind): void {
    if (!this.#buckets[kind].take()) throw flood(kind);
  }

  /** DATA frames were sent: the peer may update windows for them. */
  dataSent(frames = 1): void {
    this.#buckets.windowUpdateFrames.add(frames * this.#windowUpdatesPerDataFrame);
  }
}

/** The error of a peer beyond a flood limit. */
export function flood(limit: keyof Http2Limits): Http2Error {
  return new Http2Error(ERROR_CODE.ENHANCE_YOUR_CALM, `The peer went beyond the limit ${limit}.`);
}
