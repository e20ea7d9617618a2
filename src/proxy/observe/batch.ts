import type { Clock } from '../../lib/clock.ts';
import type { Exporter } from './exporters.ts';

/** When a batch goes out, and how much may wait. */
export interface BatchLimits {
  readonly flushAfterMs: number;
  readonly flushAtItems: number;
  /** As soon as items weigh so much together; absent: their weight does not count. */
  readonly flushAtWeight?: number;
  /** Past so many that wait what comes is dropped. */
  readonly maxItems: number;
  /** Batches that may be under way at once. */
  readonly maxInFlight: number;
}

export interface BatchCounts {
  onTimer(): void;
  onDropped(): void;
}

/** Gathers items and sends them together: when there are enough, or after a while. */
export class Batch<T> implements Exporter {
  readonly #clock: Clock;
  readonly #limits: BatchLimits;
  readonly #counts: BatchCounts;
  readonly #send: (items: readonly T[]) => Promise<void>;
  readonly #weigh: ((item: T) => number) | undefined;
  #items: T[] = [];
  #weight = 0;
  #timerSet = false;
  #inFlight = 0;

  /** `send` never rejects. */
  constructor(
    clock: Clock,
    limits: BatchLimits,
    counts: BatchCounts,
    send: (items: readonly T[]) => Promise<void>,
    weigh?: (item: T) => number,
  ) {
    this.#weigh = weigh;
    this.#clock = clock;
    this.#limits = limits;
    this.#counts = counts;
    this.#send = send;
  }

  add(item: T): void {
    if (this.#items.length >= this.#limits.maxItems) {
      this.#counts.onDropped();
      return;
    }
    this.#items.push(item);
    this.#weight += this.#weigh?.(item) ?? 0;
    const { flushAtItems, flushAtWeight = Number.POSITIVE_INFINITY } = this.#limits;
    if (this.#items.length >= flushAtItems || this.#weight >= flushAtWeight) void this.flush();
    else this.#startTimer();
  }

  async flush(): Promise<void> {
    if (this.#items.length === 0) return;
    if (this.#inFlight >= this.#limits.maxInFlight) {
      this.#startTimer();
      return;
    }
    const items = this.#items;
    this.#items = [];
    this.#weight = 0;
    this.#inFlight++;
    await this.#send(items);
    this.#inFlight--;
  }

  #startTimer(): void {
    if (this.#timerSet) return;
    this.#timerSet = true;
    this.#clock.setTimeout(() => {
      this.#timerSet = false;
      this.#counts.onTimer();
      void this.flush();
    }, this.#limits.flushAfterMs);
  }
}
