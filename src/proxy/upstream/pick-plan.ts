import type { Random } from '../../lib/random.ts';
import { choose, type WeightedChoice, weightedChoice } from '../../xds/match/weighted.ts';
import { leastRequest } from './balancers/least-request.ts';
import type { Picker } from './balancers/picker.ts';
import { randomChoice } from './balancers/random.ts';
import { roundRobin } from './balancers/round-robin.ts';
import type { Balancing } from './cluster-config.ts';
import type { LocalityEndpoints } from './endpoint-set.ts';
import { priorityLoads } from './priority-load.ts';

/** What the plan needs of an endpoint. */
export interface Member {
  readonly weight: number;
  readonly active: number;
  readonly health: 'healthy' | 'degraded' | 'unhealthy';
  readonly placement: { readonly locality: LocalityEndpoints };
}

/** Who may be picked, made anew whenever members or their health change. Priorities and localities are flattened. */
export interface PickPlan<T> {
  readonly groups: WeightedChoice<Picker<T>>;
  readonly panic: boolean;
}

/** Resolution of shares: percent of a priority times the weight of a locality. */
const SHARES = 1_000_000;

export function makePickPlan<T extends Member>(
  members: readonly T[],
  balancing: Balancing,
  overprovisioningFactor: number,
  random: Random,
): PickPlan<T> {
  const priorities = byPriority(members);
  const health = priorities.map((list) => ({
    total: list.length,
    healthy: list.filter((one) => one.health === 'healthy').length,
    degraded: list.filter((one) => one.health === 'degraded').length,
  }));
  const loads = priorityLoads(health, overprovisioningFactor, balancing.panicThreshold);
  const groups = loads.flatMap(({ healthy, degraded, panic }, i) => {
    const all = priorities[i] as T[];
    if (panic) return shares(all, all, healthy + degraded, balancing);
    const of = (wanted: string): T[] => all.filter((one) => one.health === wanted);
    return [
      ...shares(of('healthy'), all, healthy, balancing),
      ...shares(of('degraded'), all, degraded, balancing),
    ];
  });
  const options = groups.map(({ list, weight }) => ({ value: makePicker(list, balancing, random), weight }));
  return { groups: weightedChoice(options), panic: loads.some(({ panic }) => panic) };
}

/** A member, undefined where nobody may be picked. */
export function pickFrom<T>(plan: PickPlan<T>, random: Random): T | undefined {
  const { groups } = plan;
  if (groups.options.length === 1) return (groups.options[0] as Picker<T>).pick();
  return groups.total === 0 ? undefined : choose(groups, random.uint32())?.pick();
}

function makePicker<T extends Member>(list: readonly T[], balancing: Balancing, random: Random): Picker<T> {
  switch (balancing.policy) {
    case 'least-request':
      return leastRequest(list, balancing.choiceCount, random);
    case 'random':
      return randomChoice(list, random);
    case 'round-robin':
      return roundRobin(list, random);
  }
}

/** Priorities from 0 up; a gap is an empty one. */
function byPriority<T extends Member>(members: readonly T[]): T[][] {
  const highest = members.reduce((max, { placement }) => Math.max(max, placement.locality.priority), 0);
  const priorities: T[][] = Array.from({ length: highest + 1 }, () => []);
  for (const member of members) priorities[member.placement.locality.priority]?.push(member);
  return priorities;
}

/** A load as groups: one, or one per locality by its weight and by how many of it are there to serve. */
function shares<T extends Member>(
  list: readonly T[],
  all: readonly T[],
  load: number,
  { localityWeighted }: Balancing,
): { list: readonly T[]; weight: number }[] {
  if (load === 0 || list.length === 0) return [];
  if (!localityWeighted) return [{ list, weight: Math.round((load * SHARES) / 100) }];
  const groups = [...Map.groupBy(list, ({ placement }) => placement.locality)].map(([locality, here]) => {
    const total = all.filter(({ placement }) => placement.locality === locality).length;
    const availability = Math.min(1, (1.4 * here.length) / total);
    return { list: here, weight: (locality.weight ?? 0) * availability };
  });
  const sum = groups.reduce((total, { weight }) => total + weight, 0);
  if (sum === 0) return [];
  return groups.map((group) => ({
    list: group.list,
    weight: Math.round((group.weight / sum) * load * (SHARES / 100)),
  }));
}
