import type { Random } from '../../../lib/random.ts';
import type { Picker } from './picker.ts';

/**
 * Everyone as often as its weight says, spread evenly: who is due first is taken and is due again after 1/weight
 * ("earliest deadline first", as Envoy schedules weights). The weight is asked for at each turn, so it may change.
 */
export class EarliestDeadline<T> implements Picker<T> {
  readonly #items: readonly T[];
  readonly #weight: (item: T) => number;
  /** A heap of places in `items`, the one with the earliest time first. */
  readonly #heap: Uint32Array;
  readonly #due: Float64Array;

  constructor(items: readonly T[], weight: (item: T) => number, random: Random) {
    this.#items = items;
    this.#weight = weight;
    this.#heap = Uint32Array.from(items, (_, i) => i);
    // Somewhere in its first turn: proxies that start together must not begin with the same endpoint.
    this.#due = Float64Array.from(items, (item) => random.next() / weight(item));
    this.#heap.sort((a, b) => (this.#due[a] as number) - (this.#due[b] as number));
  }

  pick(): T | undefined {
    if (this.#items.length === 0) return undefined;
    const first = this.#heap[0] as number;
    const item = this.#items[first] as T;
    this.#due[first] = (this.#due[first] as number) + 1 / this.#weight(item);
    this.#sink(first);
    return item;
  }

  /** Moves the first of the heap down to where its new time belongs. */
  #sink(moved: number): void {
    const heap = this.#heap;
    const due = this.#due;
    const time = due[moved] as number;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (
        child + 1 < heap.length &&
        (due[heap[child + 1] as number] as number) < (due[heap[child] as number] as number)
      )
        child++;
      if ((due[heap[child] as number] as number) >= time) break;
      heap[at] = heap[child] as number;
      at = child;
    }
    heap[at] = moved;
  }
}
