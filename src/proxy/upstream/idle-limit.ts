// How long an upstream lets an idle connection live: told by it (Keep-Alive: timeout=5) or learnt from how it closed
// them. A request that meets a closing connection is lost, and whether it was seen nobody knows; so connections are
// given up before the upstream does it.

/** Shorter closes are restarts and hiccups, not a time-out. */
const SHORTEST_MS = 500;
/** Two closes this close together are a time-out. */
const ALIKE = 0.1;
const REMEMBERED = 4;

export class IdleLimit {
  /** The upstream closes idle connections after this; Infinity while nothing is known. */
  limitMs = Infinity;
  readonly #seenMs: number[] = [];

  /** Idle connections older than this must not be used, nor kept: a second, or a fifth of the limit, of margin. */
  get usableMs(): number {
    return this.limitMs === Infinity ? Infinity : this.limitMs - Math.min(1000, this.limitMs / 5);
  }

  /** The value of a Keep-Alive response header. */
  told(keepAlive: string): void {
    const seconds = /(?:^|[,\s])timeout=(\d{1,6})/i.exec(keepAlive)?.[1];
    if (seconds !== undefined) this.limitMs = Number(seconds) * 1000;
  }

  /** The upstream closed a connection that had been idle for so long. */
  closedAfter(idleMs: number): void {
    if (idleMs < SHORTEST_MS) return;
    if (this.#seenMs.some((seen) => Math.abs(seen - idleMs) <= ALIKE * idleMs))
      this.limitMs = Math.min(this.limitMs, idleMs);
    this.#seenMs.push(idleMs);
    if (this.#seenMs.length > REMEMBERED) this.#seenMs.shift();
  }
}
