import type { Hash64 } from '../../../lib/hash64.ts';
import type { Random } from '../../../lib/random.ts';

// Balancers: one of a fixed set of endpoints, picked in O(1) or O(log n) and without an allocation. A plan
// (../pick-plan.ts) makes one per group of endpoints, whenever somebody first picks from the group.

/** Picks from a fixed set. It may remember where it was. */
export interface Picker<T> {
  /** `hash` is looked at by consistent balancers only; `attempt` counts draws of one pick, from 0. */
  pick(hash: Hash64, attempt: number): T | undefined;
}

/** What balancers compare. */
export interface Pickable {
  readonly weight: number;
  /** Requests it carries now. */
  readonly active: number;
}

/** Where a balancer begins: many proxies that start together must not all begin at the same endpoint. */
export function startAt(length: number, random: Random): number {
  return length < 2 ? 0 : random.below(length);
}

export function haveEqualWeights(items: readonly Pickable[]): boolean {
  const first = items[0]?.weight;
  return items.every(({ weight }) => weight === first);
}
