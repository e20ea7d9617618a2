import type { Clock, Timer } from './clock.ts';

// Time limits for things that come by the thousand and nearly always end before their limit: requests, idle
// connections. All deadlines of one duration form a queue in order of their end, so that setting, moving and
// clearing one is a few pointers, and the clock has one timer per duration however many wait.

/** One time limit. Make it once and set it as often as needed. */
export class Deadline {
  readonly onExpired: () => void;
  /** @internal */
  queue: Queue | undefined;
  /** @internal */
  dueMs = 0;
  /** @internal */
  before: Deadline | undefined;
  /** @internal */
  after: Deadline | undefined;

  constructor(onExpired: () => void) {
    this.onExpired = onExpired;
  }

  /** Whether it will expire. */
  get pending(): boolean {
    return this.queue !== undefined;
  }
}

interface Queue {
  readonly durationMs: number;
  first: Deadline | undefined;
  last: Deadline | undefined;
  timer: Timer | undefined;
}

/** Most durations that keep their queue when it runs empty: configured time-outs are few, those of requests may not be. */
const MAX_KEPT_QUEUES = 64;

/** Keeps deadlines on a clock. */
export class Deadlines {
  readonly #clock: Clock;
  readonly #queues = new Map<number, Queue>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls `deadline.onExpired` once, `durationMs` from now; a deadline that is pending starts anew. */
  set(deadline: Deadline, durationMs: number): void {
    if (deadline.queue !== undefined) this.clear(deadline);
    const queue = this.#queueOf(durationMs);
    deadline.queue = queue;
    deadline.dueMs = this.#clock.monotonicMs() + durationMs;
    deadline.before = queue.last;
    deadline.after = undefined;
    if (queue.last === undefined) queue.first = deadline;
    else queue.last.after = deadline;
    queue.last = deadline;
    if (queue.timer === undefined) this.#arm(queue, durationMs);
  }

  /** Forgets it; without effect where it is not pending. */
  clear(deadline: Deadline): void {
    const { queue, before, after } = deadline;
    if (queue === undefined) return;
    if (before === undefined) queue.first = after;
    else before.after = after;
    if (after === undefined) queue.last = before;
    else after.before = before;
    deadline.queue = undefined;
    deadline.before = undefined;
    deadline.after = undefined;
  }

  #queueOf(durationMs: number): Queue {
    let queue = this.#queues.get(durationMs);
    if (queue === undefined) {
      queue = { durationMs, first: undefined, last: undefined, timer: undefined };
      this.#queues.set(durationMs, queue);
    }
    return queue;
  }

  #arm(queue: Queue, delayMs: number): void {
    queue.timer = this.#clock.setTimeout(() => this.#expire(queue), delayMs);
  }

  #expire(queue: Queue): void {
    queue.timer = undefined;
    const nowMs = this.#clock.monotonicMs();
    // The timer of a queue that ran empty is left to fire: stopping and starting it would cost each request two calls.
    for (let next = queue.first; next !== undefined && next.dueMs <= nowMs; next = queue.first) {
      this.clear(next);
      next.onExpired();
    }
    if (queue.first !== undefined) {
      if (queue.timer === undefined) this.#arm(queue, Math.max(1, queue.first.dueMs - nowMs));
    } else if (queue.timer === undefined && this.#queues.size > MAX_KEPT_QUEUES)
      this.#queues.delete(queue.durationMs);
  }
}
