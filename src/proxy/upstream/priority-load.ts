// How much of the traffic goes to which priority, and to its healthy or its degraded endpoints: Envoy's arithmetic
// ("Priority levels", "Degraded endpoints", "Panic threshold" of its documentation), in percent.

/** One priority's members. */
export interface PriorityHealth {
  readonly total: number;
  readonly healthy: number;
  readonly degraded: number;
}

/** Percentages; all of all priorities add up to 100, unless there is nobody at all. */
export interface PriorityLoad {
  readonly healthy: number;
  readonly degraded: number;
  /** Too few are healthy: the load goes to all members, whatever their health. */
  readonly panic: boolean;
}

export function priorityLoads(
  priorities: readonly PriorityHealth[],
  overprovisioningFactor: number,
  panicThreshold: number,
): PriorityLoad[] {
  const share = (part: number, total: number): number =>
    total === 0 ? 0 : Math.min(100, Math.floor((overprovisioningFactor * part) / total));
  const healthy = priorities.map((one) => share(one.healthy, one.total));
  const degraded = priorities.map((one) => share(one.degraded, one.total));
  const sum = Math.min(
    100,
    [...healthy, ...degraded].reduce((a, b) => a + b, 0),
  );
  const panics = priorities.map(
    (one) => sum < 100 && one.total > 0 && (100 * one.healthy) / one.total < panicThreshold,
  );
  if (sum === 0) return panicOnly(priorities, panics);
  let left = 100;
  const take = (part: number): number => {
    const load = Math.min(left, Math.round((part * 100) / sum));
    left -= load;
    return load;
  };
  const healthyLoads = healthy.map(take);
  const degradedLoads = degraded.map(take);
  return spendRest(healthyLoads, degradedLoads, left).map((load, i) => ({
    ...load,
    panic: panics[i] as boolean,
  }));
}

/** Nobody is healthy: who is in panic shares the load by size. */
function panicOnly(priorities: readonly PriorityHealth[], panics: readonly boolean[]): PriorityLoad[] {
  const total = priorities.reduce((sum, one, i) => sum + (panics[i] ? one.total : 0), 0);
  return priorities.map((one, i) => ({
    healthy: panics[i] ? (100 * one.total) / total : 0,
    degraded: 0,
    panic: panics[i] as boolean,
  }));
}

/** What rounding left over goes to the first that has anything. */
function spendRest(
  healthy: readonly number[],
  degraded: readonly number[],
  left: number,
): { healthy: number; degraded: number }[] {
  const first = healthy.findIndex((load) => load > 0);
  return healthy.map((load, i) => ({
    healthy: load + (i === first ? left : 0),
    degraded: (degraded[i] as number) + (first < 0 && i === degraded.findIndex((one) => one > 0) ? left : 0),
  }));
}
