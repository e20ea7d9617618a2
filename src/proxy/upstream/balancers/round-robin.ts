import type { Random } from '../../../lib/random.ts';
import type { SlowStart } from '../cluster-config.ts';
import { EarliestDeadline } from './earliest-deadline.ts';
import { haveEqualWeights, type Picker, startAt } from './picker.ts';
import { anyStarting, type Starting, startingWeight } from './slow-start.ts';

/** What balancers that look at time and chance have of the world. */
export interface BalancerWorld {
  readonly random: Random;
  nowMs(): number;
}

/** One after the other, each as often as its weight says. */
export function roundRobin<T extends Starting>(
  items: readonly T[],
  slowStart: SlowStart | undefined,
  world: BalancerWorld,
): Picker<T> {
  if (slowStart !== undefined && anyStarting(items, slowStart, world.nowMs()))
    return new EarliestDeadline(
      items,
      (item) => startingWeight(item, slowStart, world.nowMs()),
      world.random,
    );
  if (!haveEqualWeights(items)) return new EarliestDeadline(items, ({ weight }) => weight, world.random);
  return new Turns(items, startAt(items.length, world.random));
}

class Turns<T> implements Picker<T> {
  readonly #items: readonly T[];
  #next: number;

  constructor(items: readonly T[], start: number) {
    this.#items = items;
    this.#next = start;
  }

  pick(): T | undefined {
    const item = this.#items[this.#next];
    this.#next = this.#next + 1 >= this.#items.length ? 0 : this.#next + 1;
    return item;
  }
}
