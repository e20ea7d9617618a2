import { Worker } from 'node:worker_threads';
import type { Client } from './client.ts';
import { freeOwnGarbage } from './own-garbage.ts';

export interface OpenLoad {
  /** From the time at which the request should have gone, in order of size. */
  readonly latenciesMs: readonly number[];
  readonly failed: number;
}

/** Until the thread of ticks.ts runs, and the upstream has freed its garbage. */
const LEAD_MS = 200;
/** How long the last responses may take. */
const TAIL_LIMIT_MS = 5_000;

const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6;

/**
 * Sends requests at a fixed rate whatever the responses do. A request that finds no free client waits, and its wait
 * counts: a proxy that stalls cannot hide how many it would have kept waiting (co-ordinated omission).
 */
export async function openLoad(
  clients: readonly Client[],
  ratePerSecond: number,
  seconds: number,
): Promise<OpenLoad> {
  const count = Math.max(1, Math.round(ratePerSecond * seconds));
  const intervalMs = 1000 / ratePerSecond;
  freeOwnGarbage();
  const startMs = nowMs() + LEAD_MS;
  const run = new OpenRun(clients, count, (i) => startMs + i * intervalMs);
  const ticks = new Worker(new URL('./ticks.ts', import.meta.url), {
    workerData: { startMs, intervalMs, count },
  });
  ticks.on('message', (due: number) => run.sendUntil(due));
  let limit: NodeJS.Timeout | undefined;
  const timedOut = new Promise<void>((resolve) => {
    limit = setTimeout(resolve, LEAD_MS + seconds * 1000 + TAIL_LIMIT_MS);
  });
  await Promise.race([run.finished, timedOut]);
  clearTimeout(limit);
  await ticks.terminate();
  return run.result();
}

class OpenRun {
  readonly finished: Promise<void>;
  readonly #free: Client[];
  readonly #count: number;
  readonly #intendedMs: (i: number) => number;
  readonly #latenciesMs: number[] = [];
  #finish: () => void = () => {};
  #due = 0;
  #sent = 0;
  #failed = 0;

  constructor(clients: readonly Client[], count: number, intendedMs: (i: number) => number) {
    this.#free = [...clients];
    this.#count = count;
    this.#intendedMs = intendedMs;
    this.finished = new Promise((resolve) => (this.#finish = resolve));
  }

  /** The first `due` requests should have gone by now. */
  sendUntil(due: number): void {
    this.#due = due;
    for (let client = this.#next(); client !== undefined; client = this.#next()) this.#send(client);
  }

  /** Requests without response count with the time they have waited, and as failed. */
  result(): OpenLoad {
    const open = this.#count - this.#latenciesMs.length;
    const now = nowMs();
    const waiting = Array.from({ length: open }, (_, i) =>
      Math.max(0, now - this.#intendedMs(this.#count - open + i)),
    );
    const latenciesMs = [...this.#latenciesMs, ...waiting].sort((a, b) => a - b);
    return { latenciesMs, failed: this.#failed + open };
  }

  #next(): Client | undefined {
    return this.#sent < this.#due ? this.#free.pop() : undefined;
  }

  #send(client: Client): void {
    const intendedMs = this.#intendedMs(this.#sent++);
    client.send((isOk) => {
      this.#latenciesMs.push(nowMs() - intendedMs);
      if (!isOk) this.#failed++;
      this.#free.push(client);
      if (this.#latenciesMs.length === this.#count) this.#finish();
      else this.sendUntil(this.#due);
    });
  }
}

/** The value below which a share of the sorted values lies. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}
