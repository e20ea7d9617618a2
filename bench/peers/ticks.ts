/**
 * A thread that wakes its parent at fixed times: timers of an event loop come up to a millisecond late, a thread that
 * sleeps does not. workerData: `startMs` on the clock of process.hrtime, `intervalMs`, `count`. Posts how many are due.
 */
import { parentPort, workerData } from 'node:worker_threads';

const { startMs, intervalMs, count } = workerData as {
  readonly startMs: number;
  readonly intervalMs: number;
  readonly count: number;
};
const never = new Int32Array(new SharedArrayBuffer(4));
const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6;

for (let due = 0; due < count; ) {
  const waitMs = startMs + due * intervalMs - nowMs();
  if (waitMs > 0) Atomics.wait(never, 0, 0, waitMs);
  due = Math.min(count, Math.max(due + 1, Math.floor((nowMs() - startMs) / intervalMs) + 1));
  parentPort?.postMessage(due);
}
