import type { Hash64 } from '../../../lib/hash64.ts';
import { murmurHash64 } from '../../../lib/murmur-hash64.ts';
import { xxHash64 } from '../../../lib/xxhash64.ts';
import type { Hashing } from '../cluster-config.ts';
import type { Hashed, HashPicker } from './hashing.ts';
import type { Pickable } from './picker.ts';

/**
 * A ring of hashes as Envoy lays it out (after libketama): each endpoint has places by its share, found by hashing
 * `key_0`, `key_1`, ...; a request goes to the first place at or after its hash. O(log places) a pick.
 */
export function ringHash<T extends Pickable>(
  endpoints: readonly Hashed<T>[],
  config: Pick<Hashing, 'minimumRingSize' | 'maximumRingSize' | 'hashFunction'>,
): HashPicker<T> {
  const places = layOut(endpoints, config);
  const order = Uint32Array.from(places.items, (_, i) => i);
  order.sort((a, b) => places.hi[a]! - places.hi[b]! || places.lo[a]! - places.lo[b]!);
  const hi = order.map((i) => places.hi[i]!);
  const lo = order.map((i) => places.lo[i]!);
  const owner = order.map((i) => places.items[i]!);
  return {
    pick(hash, attempt) {
      if (owner.length === 0) return undefined;
      const at = (firstFrom(hash, hi, lo) + attempt) % owner.length;
      return endpoints[owner[at] as number]?.item;
    },
  };
}

/** The first place whose hash is not below, the first of all behind the last. */
function firstFrom(hash: Hash64, hi: Uint32Array, lo: Uint32Array): number {
  let from = 0;
  let to = hi.length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    const high = hi[middle] as number;
    if (high < hash.hi || (high === hash.hi && (lo[middle] as number) < hash.lo)) from = middle + 1;
    else to = middle;
  }
  return from === hi.length ? 0 : from;
}

interface Places {
  readonly hi: readonly number[];
  readonly lo: readonly number[];
  /** Whose place it is, as a position in the endpoints. */
  readonly items: readonly number[];
}

/** Running sums and not rounding decide how many places an endpoint gets: so they add up, and as Envoy's do. */
function layOut(
  endpoints: readonly Hashed<Pickable>[],
  { minimumRingSize, maximumRingSize, hashFunction }: Parameters<typeof ringHash>[1],
): Places {
  const hashOf = hashFunction === 'murmur2' ? murmurHash64 : (text: string) => xxHash64(text);
  const least = endpoints.reduce((min, { share }) => Math.min(min, share), 1);
  const scale = Math.min(Math.ceil(least * minimumRingSize) / least, maximumRingSize);
  const places = { hi: [] as number[], lo: [] as number[], items: [] as number[] };
  let target = 0;
  for (const [i, { key, share }] of endpoints.entries()) {
    target += scale * share;
    for (let n = 0; places.items.length < target; n++) {
      const hash = hashOf(`${key}_${n}`);
      places.hi.push(hash.hi);
      places.lo.push(hash.lo);
      places.items.push(i);
    }
  }
  return places;
}
