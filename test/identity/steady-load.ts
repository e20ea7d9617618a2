/**
 * So many requests a second, whatever becomes of them: an open loop. It runs in a thread of its own and speaks HTTP/1.1
 * by hand, so that it costs next to nothing and what it measures is not the test's own work.
 */
import { Worker } from 'node:worker_threads';

/** What became of the requests. */
export interface LoadReport {
  readonly seconds: number;
  readonly sent: number;
  /** Answered with 200. */
  readonly good: number;
  /** The first of the others, each with the time into the load. */
  readonly failures: readonly string[];
  readonly failed: number;
  /** Time from when a request was due to the end of its answer. */
  readonly medianMs: number;
  readonly slowestMs: number;
}

/** A load that goes on. */
export interface SteadyLoad {
  /** Sends nothing more, waits for the answers that are due. */
  stop(): Promise<LoadReport>;
}

/** Starts it against a port of 127.0.0.1. */
export function steadyLoad(port: number, ratePerS: number): SteadyLoad {
  const worker = new Worker(new URL('./steady-load-worker.ts', import.meta.url), {
    workerData: { port, ratePerS },
  });
  const report = new Promise<LoadReport>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', (code) => reject(new Error(`the load ended with ${code}`)));
  });
  report.catch(() => {});
  return {
    async stop() {
      worker.postMessage('stop');
      const result = await report;
      await worker.terminate();
      return result;
    },
  };
}
