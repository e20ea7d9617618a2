// How much one stream may ask: a bucket that fills evenly. A proxy sends an answer for each push and a request when it
// needs something new; whoever sends more than this without an end keeps the control plane from the others.

/** What a stream may send at once, in requests. A request costs one, and one more for each {@link BYTES_PER_REQUEST}. */
export const REQUEST_BURST = 5_000;
/** What it may send on and on. */
export const REQUESTS_PER_SECOND = 500;
/** State of the world repeats every name with each answer: of 10,000 resources half a megabyte. */
export const BYTES_PER_REQUEST = 64 * 1024;

/** The budget of one stream. */
export class RequestBudget {
  #left = REQUEST_BURST;
  #filledAtMs: number;

  constructor(monotonicMs: number) {
    this.#filledAtMs = monotonicMs;
  }

  /** False: it has sent more than it may. */
  take(bytes: number, monotonicMs: number): boolean {
    const gained = ((monotonicMs - this.#filledAtMs) / 1000) * REQUESTS_PER_SECOND;
    this.#filledAtMs = monotonicMs;
    this.#left = Math.min(REQUEST_BURST, this.#left + gained) - 1 - bytes / BYTES_PER_REQUEST;
    return this.#left >= 0;
  }
}
