import type { Random } from '../../../lib/random.ts';
import { type Pickable, type Picker, turns } from './picker.ts';

/** Of a few drawn by weight, the one with the fewest requests for its weight ("power of two choices"). */
export function leastRequest<T extends Pickable>(
  items: readonly T[],
  choiceCount: number,
  random: Random,
): Picker<T> {
  const drawn = turns(items);
  if (drawn.length === 1) return { pick: () => drawn[0] as T };
  return {
    pick() {
      let best = drawn[random.below(drawn.length)] as T;
      for (let choice = 1; choice < choiceCount; choice++) {
        const other = drawn[random.below(drawn.length)] as T;
        if ((other.active + 1) * best.weight < (best.active + 1) * other.weight) best = other;
      }
      return best;
    },
  };
}
