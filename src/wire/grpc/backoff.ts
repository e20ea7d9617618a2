import type { Random } from '../../lib/random.ts';

const FIRST_MS = 1000;
const FACTOR = 1.6;
const JITTER = 0.2;

/**
 * How long to wait before attempt number `attempt` (1 is the first after a failure), so that a herd of clients
 * spreads out (connection-backoff.md of github.com/grpc/grpc). `maxMs` default 30 s: a mesh should not wait longer.
 */
export function backoffMs(attempt: number, random: Random, maxMs = 30_000): number {
  const waitMs = Math.min(maxMs, FIRST_MS * FACTOR ** Math.min(attempt - 1, 64));
  return waitMs * (1 + JITTER * (2 * random.next() - 1));
}
