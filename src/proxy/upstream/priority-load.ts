// How much of the traffic goes to which priority, and to its healthy or its degraded endpoints: Envoy's arithmetic
// ("Priority levels", "Degraded endpoints", "Panic threshold" of its documentation), in whole percent.

/** One priority's members; counts, or sums of weights where health is weighted. Excluded members are in none. */
export interface PriorityHealth {
  readonly total: number;
  readonly healthy: number;
  readonly degraded: number;
  /** Percentage of members that are healthy or degraded, always by their number; 0 where there are none. */
  readonly usablePercent: number;
  /** Members, excluded ones too. */
  readonly size: number;
  /** Percent by which it is over-counted, in place of the common one. */
  readonly factor?: number;
}

/** Percentages; all of all priorities add up to 100. */
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
  const healthy = priorities.map((one) =>
    available(one.healthy, one.total, one.factor ?? overprovisioningFactor),
  );
  const degraded = priorities.map((one) =>
    available(one.degraded, one.total, one.factor ?? overprovisioningFactor),
  );
  const sum = Math.min(100, total(healthy) + total(degraded));
  const panics = priorities.map(({ usablePercent }) => sum < 100 && usablePercent < panicThreshold);
  if (panics.every((panic) => panic)) return totalPanic(priorities);
  const { healthyLoads, degradedLoads } = distribute(healthy, degraded, sum);
  return panics.map((panic, i) => ({ healthy: healthyLoads[i]!, degraded: degradedLoads[i]!, panic }));
}

/** Loads without some priorities, unless nobody else has anything: what a retry goes by. Panic stays where it was. */
export function loadsAvoiding(
  loads: readonly PriorityLoad[],
  priorities: readonly PriorityHealth[],
  overprovisioningFactor: number,
  avoided: ReadonlySet<number>,
): readonly PriorityLoad[] {
  const of = (part: 'healthy' | 'degraded'): number[] =>
    priorities.map((one, i) =>
      avoided.has(i) ? 0 : available(one[part], one.total, one.factor ?? overprovisioningFactor),
    );
  const [healthy, degraded] = [of('healthy'), of('degraded')];
  const sum = Math.min(100, total(healthy) + total(degraded));
  if (sum === 0) return loads;
  const { healthyLoads, degradedLoads } = distribute(healthy, degraded, sum);
  return loads.map(({ panic }, i) => ({ healthy: healthyLoads[i]!, degraded: degradedLoads[i]!, panic }));
}

function available(part: number, all: number, overprovisioningFactor: number): number {
  return all === 0 ? 0 : Math.min(100, Math.floor((overprovisioningFactor * part) / all));
}

function total(list: readonly number[]): number {
  return list.reduce((a, b) => a + b, 0);
}

/** First come, first served; what rounding left over goes to the first that has anything. */
function distribute(
  healthy: readonly number[],
  degraded: readonly number[],
  sum: number,
): { healthyLoads: number[]; degradedLoads: number[] } {
  let left = 100;
  const take = (part: number): number => {
    const load = sum === 0 ? 0 : Math.min(left, Math.floor((part * 100) / sum));
    left -= load;
    return load;
  };
  const healthyLoads = healthy.map(take);
  const degradedLoads = degraded.map(take);
  const first = healthy.findIndex((part) => part > 0);
  if (first >= 0) healthyLoads[first] = healthyLoads[first]! + left;
  else {
    const firstDegraded = degraded.findIndex((part) => part > 0);
    if (firstDegraded >= 0) degradedLoads[firstDegraded] = degradedLoads[firstDegraded]! + left;
    else healthyLoads[0] = 100; // nobody is there, and nobody will be found
  }
  return { healthyLoads, degradedLoads };
}

/** Every priority is in panic: the load goes by size. */
function totalPanic(priorities: readonly PriorityHealth[]): PriorityLoad[] {
  const all = priorities.reduce((sum, { size }) => sum + size, 0);
  let left = 100;
  const loads = priorities.map(({ size }) => {
    const load = all === 0 ? 0 : Math.floor((100 * size) / all);
    left -= load;
    return load;
  });
  const first = priorities.findIndex(({ size }) => size > 0);
  return loads.map((load, i) => ({
    healthy: load + (i === Math.max(0, first) ? left : 0),
    degraded: 0,
    panic: true,
  }));
}
