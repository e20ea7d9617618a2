// Time comes in by parameter, so that a whole mesh can run in one thread on a clock that tests turn by hand.

/** A pending call. */
export interface Timer {
  /** Forgets the call; without effect once it has run or was cancelled. */
  cancel(): void;
}

/** The time and the means to wait. */
export interface Clock {
  /** Wall time: milliseconds since 1970, may jump. For logs, certificates, expiry. */
  nowMs(): number;
  /** Milliseconds from an arbitrary start, with fractions, never backwards. For durations. */
  monotonicMs(): number;
  /** Calls back once after `delayMs`. A pending timer does not keep the process alive. */
  setTimeout(callback: () => void, delayMs: number): Timer;
}

/** setTimeout takes no more than 2^31 - 1 ms; longer waits are cut to this (24.8 days). */
export const MAX_DELAY_MS = 2_147_483_647;

/** The machine's clock. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimeout(callback, delayMs) {
    const handle = setTimeout(callback, Math.min(Math.max(0, delayMs), MAX_DELAY_MS));
    handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
};

/** Resolves after `delayMs` of the given clock. */
export function sleep(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.setTimeout(resolve, delayMs);
  });
}
