import type { Hash64 } from '../../../lib/hash64.ts';
import type { Hashed, HashPicker } from './hashing.ts';
import { MersenneTwister } from './mersenne-twister.ts';
import type { Pickable } from './picker.ts';

/**
 * Consistent hashing where nobody carries more than `factor` percent of the average: the requests past that go to
 * others, in an order that the hash decides (https://arxiv.org/abs/1908.08762, as Envoy does it).
 * O(n) where the one that is meant is full.
 */
export function boundedLoad<T extends Pickable>(
  inner: HashPicker<T>,
  endpoints: readonly Hashed<T>[],
  factor: number,
  activeRequests: () => number,
): HashPicker<T> {
  const shares = new Map(endpoints.map(({ item, share }) => [item, share]));
  const order = new Uint32Array(endpoints.length);
  const load = (item: T, share: number): number => {
    const slots = Math.floor(((activeRequests() + 1) * factor + 99) / 100);
    return item.active / Math.max(1, Math.ceil(slots * share));
  };

  function another(hash: Hash64, meant: T, itsLoad: number): T {
    const random = new MersenneTwister(hash.lo);
    let best = meant;
    let least = itsLoad;
    for (let i = 0; i < order.length; i++) order[i] = i;
    for (let i = 0; i < order.length; i++) {
      const j = i + random.below(order.length - i);
      const drawn = order[j] as number;
      order[j] = order[i] as number;
      order[i] = drawn;
      const { item, share } = endpoints[drawn] as Hashed<T>;
      if (item === meant) continue;
      const one = load(item, share);
      if (one <= 1) return item;
      if (one < least) {
        best = item;
        least = one;
      }
    }
    return best;
  }

  return {
    pick(hash, attempt) {
      const meant = inner.pick(hash, attempt);
      if (meant === undefined) return undefined;
      const itsLoad = load(meant, shares.get(meant) as number);
      return itsLoad <= 1 ? meant : another(hash, meant, itsLoad);
    },
  };
}
