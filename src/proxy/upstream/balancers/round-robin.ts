import type { Random } from '../../../lib/random.ts';
import { type Pickable, type Picker, startAt, turns } from './picker.ts';

/** One after the other, each as often as its weight says. */
export function roundRobin<T extends Pickable>(items: readonly T[], random: Random): Picker<T> {
  const schedule = turns(items);
  let next = startAt(schedule.length, random);
  return {
    pick() {
      const item = schedule[next] as T;
      next = next + 1 === schedule.length ? 0 : next + 1;
      return item;
    },
  };
}
