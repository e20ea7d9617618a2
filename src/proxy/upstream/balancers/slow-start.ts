import type { SlowStart } from '../cluster-config.ts';
import type { Pickable } from './picker.ts';

/** An endpoint that may be new. */
export interface Starting extends Pickable {
  /** Since when it is there and healthy, on the monotonic clock. */
  readonly healthySinceMs: number;
}

/** The weight of an endpoint that warms up: grows from a share of its own to all of it over the window. */
export function startingWeight(item: Starting, slowStart: SlowStart, nowMs: number): number {
  const forMs = nowMs - item.healthySinceMs;
  if (forMs >= slowStart.windowMs) return item.weight;
  const time = Math.max(1, forMs) / slowStart.windowMs;
  const grown = slowStart.aggression === 1 ? time : time ** (1 / slowStart.aggression);
  return item.weight * Math.max(grown, slowStart.minShare);
}

export function anyStarting(items: readonly Starting[], slowStart: SlowStart, nowMs: number): boolean {
  return items.some(({ healthySinceMs }) => nowMs - healthySinceMs < slowStart.windowMs);
}
