import type { Client } from './client.ts';

export interface ClosedLoad {
  readonly requests: number;
  readonly failed: number;
  readonly seconds: number;
}

/** How long the last responses may take. */
const TAIL_LIMIT_MS = 10_000;

/** Keeps every client busy for `seconds`: the next request goes when the response is here. For CPU, never for latency. */
export function closedLoad(clients: readonly Client[], seconds: number): Promise<ClosedLoad> {
  return new Promise((resolve) => {
    const startedMs = performance.now();
    const untilMs = startedMs + seconds * 1000;
    let requests = 0;
    let failed = 0;
    let busy = clients.length;
    const finish = (): void => {
      clearTimeout(limit);
      resolve({ requests, failed: failed + busy, seconds: (performance.now() - startedMs) / 1000 });
    };
    const limit = setTimeout(finish, seconds * 1000 + TAIL_LIMIT_MS);
    for (const client of clients) {
      const next = (isOk: boolean): void => {
        requests++;
        if (!isOk) failed++;
        if (performance.now() < untilMs) client.send(next);
        else if (--busy === 0) finish();
      };
      client.send(next);
    }
  });
}
