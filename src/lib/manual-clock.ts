import type { Clock, Timer } from './clock.ts';

// The clock of tests and simulation: it stands still until it is turned, and then runs what is due in order.

/** A clock that only `advance` moves. */
export interface ManualClock extends Clock {
  /** Moves time by `ms` and runs what falls due, in order of due time, then of creation; new timers included. */
  advance(ms: number): void;
  /** How many calls are pending. */
  pending(): number;
}

interface Due {
  readonly atMs: number;
  readonly callback: () => void;
}

/** A manual clock that starts at `startMs` of wall time (monotonic time starts at 0). */
export function manualClock(startMs = 0): ManualClock {
  let elapsedMs = 0;
  const timers = new Set<Due>();
  const nextDue = (untilMs: number): Due | undefined => {
    let next: Due | undefined;
    for (const due of timers) if (due.atMs <= untilMs && (!next || due.atMs < next.atMs)) next = due;
    return next;
  };
  return {
    nowMs: () => startMs + elapsedMs,
    monotonicMs: () => elapsedMs,
    pending: () => timers.size,
    setTimeout(callback, delayMs): Timer {
      const due = { atMs: elapsedMs + Math.max(0, delayMs), callback };
      timers.add(due);
      return { cancel: () => void timers.delete(due) };
    },
    advance(ms) {
      const untilMs = elapsedMs + ms;
      for (let due = nextDue(untilMs); due; due = nextDue(untilMs)) {
        timers.delete(due);
        elapsedMs = Math.max(elapsedMs, due.atMs);
        due.callback();
      }
      elapsedMs = untilMs;
    },
  };
}
