import type { Hash64 } from '../../../lib/hash64.ts';
import type { Pickable } from './picker.ts';

/** An endpoint of a consistent balancer. */
export interface Hashed<T extends Pickable> {
  readonly item: T;
  /** What its places are made of. */
  readonly key: string;
  /** Its share of all load: all shares of a balancer add up to 1. */
  readonly share: number;
}

/** Picks by hash: the same hash, the same endpoint, as long as the set is the same. */
export interface HashPicker<T> {
  pick(hash: Hash64, attempt: number): T | undefined;
}
