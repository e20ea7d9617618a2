import type { Random } from '../../../lib/random.ts';
import type { Balancing } from '../cluster-config.ts';
import { EarliestDeadline } from './earliest-deadline.ts';
import { haveEqualWeights, type Pickable, type Picker } from './picker.ts';
import type { BalancerWorld } from './round-robin.ts';
import { anyStarting, type Starting, startingWeight } from './slow-start.ts';

/**
 * With equal weights: of a few drawn, the one with the fewest requests ("power of two choices"), or the fewest of all.
 * Else turns by weight, where every request that an endpoint carries takes some of its weight.
 */
export function leastRequest<T extends Starting>(
  items: readonly T[],
  balancing: Pick<Balancing, 'choiceCount' | 'activeRequestBias' | 'fullScan' | 'slowStart'>,
  world: BalancerWorld,
): Picker<T> {
  const { slowStart, activeRequestBias: bias, choiceCount, fullScan } = balancing;
  const starts = slowStart !== undefined && anyStarting(items, slowStart, world.nowMs());
  if (!starts && haveEqualWeights(items))
    return fullScan ? fewestOfAll(items, world.random) : fewestOfSome(items, choiceCount, world.random);
  const base = (item: T): number => (starts ? startingWeight(item, slowStart, world.nowMs()) : item.weight);
  if (bias === 0) return new EarliestDeadline(items, base, world.random);
  return new EarliestDeadline(items, (item) => base(item) / (item.active + 1) ** bias, world.random);
}

function fewestOfSome<T extends Pickable>(
  items: readonly T[],
  choiceCount: number,
  random: Random,
): Picker<T> {
  if (items.length < 2) return { pick: () => items[0] };
  return {
    pick() {
      let best = items[random.below(items.length)] as T;
      for (let choice = 1; choice < choiceCount; choice++) {
        const other = items[random.below(items.length)] as T;
        if (other.active < best.active) best = other;
      }
      return best;
    },
  };
}

/** Asks everyone; of several with the fewest each has the same chance. */
function fewestOfAll<T extends Pickable>(items: readonly T[], random: Random): Picker<T> {
  return {
    pick() {
      let best: T | undefined;
      let alike = 0;
      for (const item of items) {
        if (best === undefined || item.active < best.active) {
          best = item;
          alike = 1;
        } else if (item.active === best.active && random.below(++alike) === 0) best = item;
      }
      return best;
    },
  };
}
