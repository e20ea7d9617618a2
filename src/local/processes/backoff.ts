// How long to wait before a process that ended is started again. Pure. Times are those of the architecture of
// kubelet, shortened for a machine with somebody in front of it.

export interface Backoff {
  readonly firstMs: number;
  readonly maxMs: number;
  /** A process that ran for so long is well again: the next wait is the first one. */
  readonly resetAfterMs: number;
}

export const RESTART_BACKOFF: Backoff = { firstMs: 1_000, maxMs: 30_000, resetAfterMs: 60_000 };

/** The wait after a run of `ranMs`; `previousMs` is the wait before that run, undefined for the first run. */
export function nextDelayMs(backoff: Backoff, previousMs: number | undefined, ranMs: number): number {
  if (previousMs === undefined || ranMs >= backoff.resetAfterMs) return backoff.firstMs;
  return Math.min(backoff.maxMs, previousMs * 2);
}
