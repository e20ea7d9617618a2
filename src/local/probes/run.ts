import type { Clock, Timer } from '../../lib/clock.ts';
import type { Answer } from './attempt.ts';
import { NEW_PROBE, type ProbeState, withAnswer } from './verdict.ts';

/** How often and how patiently is asked; as in a container's probe, in milliseconds. */
export interface ProbePace {
  readonly initialDelayMs: number;
  readonly periodMs: number;
  readonly successThreshold: number;
  readonly failureThreshold: number;
}

/** Until a probe has passed for the first time it is asked this often: a start should not wait for a period. */
export const EAGER_PERIOD_MS = 100;

/**
 * Asks again and again and tells when the verdict changes. `eager` asks every {@link EAGER_PERIOD_MS} until the
 * first success, and does not count failures before it: for readiness, where they mean nothing.
 */
export class RunningProbe {
  readonly #pace: ProbePace;
  readonly #ask: () => Promise<Answer>;
  readonly #onVerdict: (passed: boolean, detail: string) => void;
  readonly #clock: Clock;
  readonly #eager: boolean;
  #state: ProbeState = NEW_PROBE;
  #timer: Timer | undefined;
  #stopped = false;

  constructor(
    pace: ProbePace,
    eager: boolean,
    ask: () => Promise<Answer>,
    clock: Clock,
    onVerdict: (passed: boolean, detail: string) => void,
  ) {
    this.#pace = pace;
    this.#eager = eager;
    this.#ask = ask;
    this.#clock = clock;
    this.#onVerdict = onVerdict;
    this.#later(pace.initialDelayMs);
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #later(delayMs: number): void {
    this.#timer = this.#clock.setTimeout(() => void this.#once(), delayMs);
  }

  async #once(): Promise<void> {
    const answer = await this.#ask();
    if (this.#stopped) return;
    const before = this.#state.verdict;
    const waiting = this.#eager && before === 'unknown';
    if (answer.ok || !waiting) this.#state = withAnswer(this.#state, answer.ok, this.#pace);
    this.#later(waiting && !answer.ok ? Math.min(EAGER_PERIOD_MS, this.#pace.periodMs) : this.#pace.periodMs);
    if (this.#state.verdict !== before) this.#onVerdict(this.#state.verdict === 'passed', answer.detail);
  }
}
