import type { Clock } from '../../lib/clock.ts';

/** Requests are forgotten in this many steps per window. */
const STEPS = 16;

/** How many requests began within a window of time, to a sixteenth of it. */
export class RecentRequests {
  readonly #clock: Clock;
  readonly #stepMs: number;
  readonly #counts = new Array<number>(STEPS).fill(0);
  #total = 0;
  /** The step that is counted in, from monotonic zero. */
  #step = 0;

  constructor(windowMs: number, clock: Clock) {
    this.#clock = clock;
    this.#stepMs = windowMs / STEPS;
    this.#step = this.#now();
  }

  add(): void {
    this.#forget();
    const at = this.#step % STEPS;
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#total++;
  }

  get count(): number {
    this.#forget();
    return this.#total;
  }

  #now(): number {
    return Math.floor(this.#clock.monotonicMs() / this.#stepMs);
  }

  #forget(): void {
    const now = this.#now();
    const last = Math.min(now, this.#step + STEPS);
    for (let step = this.#step + 1; step <= last; step++) {
      this.#total -= this.#counts[step % STEPS] ?? 0;
      this.#counts[step % STEPS] = 0;
    }
    this.#step = now;
  }
}
