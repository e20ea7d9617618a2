import { hashModulo } from '../../../lib/hash64.ts';
import { xxHash64 } from '../../../lib/xxhash64.ts';
import type { Hashed, HashPicker } from './hashing.ts';
import type { Pickable } from './picker.ts';

/**
 * Google's Maglev (https://research.google/pubs/pub44824) as Envoy fills its table: each endpoint takes places in an
 * order of its own, as often as its share says, until the table of prime size is full. O(1) a pick.
 */
export function maglev<T extends Pickable>(
  endpoints: readonly Hashed<T>[],
  tableSize: number,
): HashPicker<T> {
  // In the order of keys: the outcome must not depend on the order in which endpoints were named.
  const sorted = endpoints.toSorted((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  const table = fill(sorted, tableSize);
  return {
    pick(hash, attempt) {
      if (sorted.length === 0) return undefined;
      // Another draw flips most bits, so that draws after an excluded endpoint do not all end at the same next one.
      const drawn = attempt === 0 ? hash : { hi: ~hash.hi >>> 0, lo: (hash.lo ^ -attempt) >>> 0 };
      return sorted[table[hashModulo(drawn, tableSize)] as number]?.item;
    },
  };
}

function fill(endpoints: readonly Hashed<Pickable>[], size: number): Uint32Array {
  const FREE = 0xffffffff;
  const table = new Uint32Array(size).fill(FREE);
  if (endpoints.length === 0) return table;
  const most = endpoints.reduce((max, { share }) => Math.max(max, share), 0);
  const next = endpoints.map(({ key }) => hashModulo(xxHash64(key), size));
  const skip = endpoints.map(({ key }) => hashModulo(xxHash64(key, 1), size - 1) + 1);
  const target = new Float64Array(endpoints.length);
  let filled = 0;
  for (let round = 1; filled < size; round++)
    for (let i = 0; i < endpoints.length && filled < size; i++) {
      if (round * endpoints[i]!.share < target[i]!) continue;
      target[i] = target[i]! + most;
      let at = next[i]!;
      while (table[at] !== FREE) at = (at + skip[i]!) % size;
      table[at] = i;
      next[i] = (at + skip[i]!) % size;
      filled++;
    }
  return table;
}
