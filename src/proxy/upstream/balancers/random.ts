import type { Random } from '../../../lib/random.ts';
import { type Pickable, type Picker, turns } from './picker.ts';

/** Anyone, as often as its weight says. */
export function randomChoice<T extends Pickable>(items: readonly T[], random: Random): Picker<T> {
  const drawn = turns(items);
  return { pick: () => drawn[random.below(drawn.length)] as T };
}
