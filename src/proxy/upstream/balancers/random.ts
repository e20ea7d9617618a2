import type { Random } from '../../../lib/random.ts';
import type { Picker } from './picker.ts';

/** Anyone, whatever its weight: Envoy's RANDOM knows no weights. */
export function randomChoice<T>(items: readonly T[], random: Random): Picker<T> {
  return { pick: () => items[random.below(items.length)] };
}
