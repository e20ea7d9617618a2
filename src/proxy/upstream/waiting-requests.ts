import type { NetError } from '../../wire/connection.ts';
import type { ClusterStats } from '../observe/envoy-stats.ts';
import type { CircuitBreakers } from './cluster-config.ts';
import type { PoolWaiter } from './http-pool.ts';

interface Waiting {
  readonly waiter: PoolWaiter;
  /** A connection that is being made is meant for it. */
  dialled: boolean;
}

/** The requests of one pool that wait for a connection, in order; the cluster's limit of them, and their counts. */
export class WaitingRequests {
  readonly #limits: CircuitBreakers;
  readonly #stats: ClusterStats;
  #waiting: Waiting[] = [];
  /** Those for whom connections are being made. */
  dialled = 0;

  constructor(limits: CircuitBreakers, stats: ClusterStats) {
    this.#limits = limits;
    this.#stats = stats;
  }

  get size(): number {
    return this.#waiting.length;
  }

  /** False, and the waiter is told, where as many wait as may. */
  admit(waiter: PoolWaiter): boolean {
    const { maxPendingRequests } = this.#limits;
    if (this.#stats.upstream_rq_pending_active < maxPendingRequests) return true;
    this.#stats.upstream_rq_pending_overflow++;
    const message = `${maxPendingRequests} requests wait already`;
    waiter.onNoTransport({ reason: 'overflow', error: undefined, message });
    return false;
  }

  add(waiter: PoolWaiter, dialled: boolean): void {
    this.#stats.upstream_rq_pending_total++;
    this.#stats.upstream_rq_pending_active++;
    this.#waiting.push({ waiter, dialled });
    if (dialled) this.dialled++;
  }

  /** Who waits longest; it waits no more. */
  next(): PoolWaiter | undefined {
    const next = this.#waiting.shift();
    if (next === undefined) return undefined;
    this.#stats.upstream_rq_pending_active--;
    if (next.dialled) this.dialled--;
    return next.waiter;
  }

  cancel(waiter: PoolWaiter): void {
    const i = this.#waiting.findIndex((waiting) => waiting.waiter === waiter);
    const cancelled = this.#waiting[i];
    if (cancelled === undefined) return;
    this.#waiting.splice(i, 1);
    if (cancelled.dialled) this.dialled--;
    this.#stats.upstream_rq_pending_active--;
    this.#stats.upstream_rq_cancelled++;
  }

  /** Marks those for whom nothing was dialled yet, for as long as `dial` says that one more is served. */
  dialFor(dial: () => boolean): void {
    for (const waiting of this.#waiting) {
      if (waiting.dialled) continue;
      if (!dial()) return;
      waiting.dialled = true;
      this.dialled++;
    }
  }

  /** A connection was not made: those fail for whom, beyond `served`, none is being made any more. */
  failDialled(served: number, error: NetError): void {
    const reason =
      error.code === 'connect_timeout' || error.code === 'handshake_timeout'
        ? 'connect-timeout'
        : 'connection-failure';
    for (let over = this.dialled - served; over > 0 && this.dialled > 0; over--) {
      const i = this.#waiting.findIndex(({ dialled }) => dialled);
      const [failed] = this.#waiting.splice(i, 1);
      this.dialled--;
      this.#stats.upstream_rq_pending_active--;
      this.#stats.upstream_rq_pending_failure_eject++;
      failed?.waiter.onNoTransport({ reason, error, message: error.message });
    }
  }

  /** All of them wait at another pool from now on. */
  moveTo(other: WaitingRequests): void {
    const moving = this.#waiting;
    this.#waiting = [];
    this.dialled = 0;
    for (const { waiter } of moving) other.#waiting.push({ waiter, dialled: false });
  }
}
