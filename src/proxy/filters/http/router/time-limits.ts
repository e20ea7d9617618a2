import { Deadline, type Deadlines } from '../../../../lib/deadlines.ts';

/** The time limits of one request: of its response, and of the whole stream. Made only where there are any. */
export class TimeLimits {
  readonly #deadlines: Deadlines;
  readonly #response: Deadline;
  readonly #stream: Deadline;

  constructor(deadlines: Deadlines, onExpired: (limit: 'response' | 'stream') => void) {
    this.#deadlines = deadlines;
    this.#response = new Deadline(() => onExpired('response'));
    this.#stream = new Deadline(() => onExpired('stream'));
  }

  /** From the request's last byte on. */
  limitResponse(ms: number): void {
    this.#deadlines.set(this.#response, ms);
  }

  limitStream(ms: number): void {
    this.#deadlines.set(this.#stream, ms);
  }

  clear(): void {
    this.#deadlines.clear(this.#response);
    this.#deadlines.clear(this.#stream);
  }
}
