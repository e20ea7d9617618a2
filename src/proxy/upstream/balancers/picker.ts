import type { Random } from '../../../lib/random.ts';

/** Picks from a fixed set. One per group of endpoints and configuration; it may remember where it was. */
export interface Picker<T> {
  pick(): T;
}

/** What balancers compare. */
export interface Pickable {
  readonly weight: number;
  /** Requests it carries now. */
  readonly active: number;
}

/** Longest schedule of weighted turns; heavier weights are rounded to fit. */
const MAX_TURNS = 8192;

/**
 * Turns in which everyone comes as often as its weight says, spread evenly: by earliest deadline first, as Envoy
 * schedules weights. Equal weights give everyone one turn.
 */
export function turns<T extends Pickable>(items: readonly T[]): readonly T[] {
  const first = items[0]?.weight;
  if (items.every(({ weight }) => weight === first)) return items;
  const counts = turnCounts(items.map(({ weight }) => weight));
  const schedule: { item: T; at: number }[] = [];
  for (const [i, item] of items.entries()) {
    const count = counts[i] as number;
    for (let turn = 0; turn < count; turn++) schedule.push({ item, at: (turn + 0.5) / count });
  }
  return schedule.sort((a, b) => a.at - b.at).map(({ item }) => item);
}

/** Smallest whole numbers in the proportion of the weights, each at least 1. */
function turnCounts(weights: readonly number[]): number[] {
  const divisor = weights.reduce(greatestCommonDivisor);
  const reduced = weights.map((weight) => weight / divisor);
  const sum = reduced.reduce((a, b) => a + b);
  return sum <= MAX_TURNS
    ? reduced
    : reduced.map((weight) => Math.max(1, Math.round((weight * MAX_TURNS) / sum)));
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/** Where a balancer begins: many proxies that start together must not all begin at the same endpoint. */
export function startAt(length: number, random: Random): number {
  return length < 2 ? 0 : random.below(length);
}
