import { Deadline, type Deadlines } from '../../../../lib/deadlines.ts';

/** What a try may take. Milliseconds; 0 is none. */
export interface TryTimes {
  readonly perTryMs: number;
  readonly perTryIdleMs: number;
}

/** The time limits of one try, from when both its connection and the whole request are there. Made only where there are any. */
export class TryLimits {
  readonly #deadlines: Deadlines;
  readonly #times: TryTimes;
  readonly #answer: Deadline;
  readonly #idle: Deadline;
  #set = false;

  constructor(deadlines: Deadlines, times: TryTimes, onExpired: (limit: 'try' | 'idle') => void) {
    this.#deadlines = deadlines;
    this.#times = times;
    this.#answer = new Deadline(() => onExpired('try'));
    this.#idle = new Deadline(() => onExpired('idle'));
  }

  start(): void {
    this.#set = true;
    const { perTryMs } = this.#times;
    if (perTryMs > 0) this.#deadlines.set(this.#answer, perTryMs);
    this.moved();
  }

  /** Bytes moved. */
  moved(): void {
    const { perTryIdleMs } = this.#times;
    if (this.#set && perTryIdleMs > 0) this.#deadlines.set(this.#idle, perTryIdleMs);
  }

  answered(): void {
    this.#deadlines.clear(this.#answer);
    this.moved();
  }

  clear(): void {
    this.#set = false;
    this.#deadlines.clear(this.#answer);
    this.#deadlines.clear(this.#idle);
  }
}
