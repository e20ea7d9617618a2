import type { Clock, Timer } from '../../lib/clock.ts';

interface Wait {
  readonly isOver: () => boolean;
  readonly done: (known: boolean) => void;
  readonly timer: Timer;
}

/** Those that wait for something to arrive, each for a bounded time. */
export class Waits {
  readonly #clock: Clock;
  readonly #max: number;
  readonly #waiting = new Set<Wait>();

  constructor(clock: Clock, max: number) {
    this.#clock = clock;
    this.#max = max;
  }

  /** Calls `done` once, later: true when `isOver` holds, false when the time is up or too many wait. */
  until(isOver: () => boolean, limitMs: number, done: (known: boolean) => void): void {
    if (this.#waiting.size >= this.#max) {
      queueMicrotask(() => done(false));
      return;
    }
    const end = (): void => {
      this.#waiting.delete(wait);
      done(isOver());
    };
    const wait = { isOver, done, timer: this.#clock.setTimeout(end, limitMs) };
    this.#waiting.add(wait);
  }

  /** Something arrived: who waits looks again. */
  check(): void {
    for (const wait of this.#waiting) {
      if (!wait.isOver()) continue;
      this.#waiting.delete(wait);
      wait.timer.cancel();
      wait.done(true);
    }
  }
}
