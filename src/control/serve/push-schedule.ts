import type { Clock, Timer } from '../../lib/clock.ts';

/** After this long without a change, the next one is alone again and goes at once. */
export const QUIET_MS = 100;
/** How long a change waits for more while changes keep coming: from the first to the longest. */
export const FIRST_HOLD_OFF_MS = 20;
export const LONGEST_HOLD_OFF_MS = 100;
/** A run that takes long is followed by a pause as long, up to this: the control plane must go on answering. */
const LONGEST_PAUSE_MS = 1000;

/** Decides when changes are acted on. */
export interface PushSchedule {
  /** Something changed. */
  note(): void;
  stop(): void;
}

/**
 * Calls `run` for noted changes: a lone change at once (in this call), changes that follow closely together, at the latest
 * after the hold-off, which doubles while they keep coming.
 */
export function createPushSchedule(clock: Clock, run: () => void): PushSchedule {
  let timer: Timer | undefined;
  let lastEndMs = Number.NEGATIVE_INFINITY;
  let lastTookMs = 0;
  let holdOffMs = FIRST_HOLD_OFF_MS;
  let isStopped = false;
  const runNow = (): void => {
    timer = undefined;
    const startMs = clock.monotonicMs();
    try {
      run();
    } finally {
      lastEndMs = clock.monotonicMs();
      lastTookMs = lastEndMs - startMs;
    }
  };
  return {
    note() {
      if (isStopped || timer !== undefined) return;
      const sinceMs = clock.monotonicMs() - lastEndMs;
      if (sinceMs >= Math.max(QUIET_MS, lastTookMs)) {
        holdOffMs = FIRST_HOLD_OFF_MS;
        runNow();
        return;
      }
      const waitMs = Math.max(holdOffMs, Math.min(lastTookMs, LONGEST_PAUSE_MS)) - sinceMs;
      holdOffMs = Math.min(holdOffMs * 2, LONGEST_HOLD_OFF_MS);
      timer = clock.setTimeout(runNow, waitMs);
    },
    stop() {
      isStopped = true;
      timer?.cancel();
    },
  };
}
