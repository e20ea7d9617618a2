import type { Hash64 } from '../../lib/hash64.ts';
import { hashModulo } from '../../lib/hash64.ts';
import type { Picker } from './balancers/picker.ts';
import type { PickContext } from './pick-context.ts';
import type { Priority, SourceKind } from './pick-source.ts';
import type { Member, PickPlan, PlanFacts } from './plan-facts.ts';
import { loadsAvoiding, type PriorityHealth, type PriorityLoad, priorityLoads } from './priority-load.ts';

/** Handed to pickers that do not look at it. */
const NO_HASH: Hash64 = { hi: 0, lo: 0 };
const NOBODY: Picker<never> = { pick: () => undefined };

/** Priorities first: how much goes to which, to its healthy, its degraded or, in panic, all of its members. */
export class PriorityPlan<T extends Member> implements PickPlan<T> {
  readonly #facts: PlanFacts;
  readonly #sources: SourceKind;
  readonly #priorities: readonly Priority<T>[];
  readonly health: readonly PriorityHealth[];
  readonly #loads: readonly PriorityLoad[];
  /** Two per priority: of its healthy and of its degraded members. */
  readonly #pickers: (Picker<T> | undefined)[] = [];
  /** The only priority that gets anything, and its healthy members: the usual case. */
  readonly #only: number;

  constructor(members: readonly T[], facts: PlanFacts, sources: SourceKind) {
    this.#facts = facts;
    this.#sources = sources;
    this.#priorities = byPriority(members);
    const factor = facts.overprovisioningFactor;
    this.health = this.#priorities.map((one) => ({ ...healthOf(one, facts.weightedPriorityHealth), factor }));
    const { panicThreshold } = facts.balancing;
    this.#loads = priorityLoads(this.health, facts.overprovisioningFactor, panicThreshold);
    this.#only = this.#loads.findIndex(({ healthy }) => healthy === 100);
  }

  pick(context: PickContext): T | undefined {
    const { hashes } = this.#sources;
    const hash = hashes ? (context.hash?.() ?? this.#anyHash()) : NO_HASH;
    const redraws = context.redraws ?? 0;
    for (let attempt = 0; ; attempt++) {
      const member = this.#sourceFor(context, hashes ? hash : undefined).pick(hash, attempt);
      if (member === undefined || attempt >= redraws || !context.excludes?.(member)) return member;
    }
  }

  pickAt(priority: number, degraded: boolean, context: PickContext): T | undefined {
    const hash = this.#sources.hashes ? (context.hash?.() ?? this.#anyHash()) : NO_HASH;
    return this.#loads[priority] === undefined
      ? undefined
      : this.#source(priority, degraded ? 1 : 0).pick(hash, 0);
  }

  #anyHash(): Hash64 {
    const { random } = this.#facts;
    return { hi: random.uint32(), lo: random.uint32() };
  }

  #sourceFor(context: PickContext, hash: Hash64 | undefined): Picker<T> {
    const avoided = context.avoidedPriorities;
    if (avoided !== undefined && avoided.size > 0) return this.#drawn(this.#loadsWithout(avoided), hash);
    return this.#only >= 0 ? this.#source(this.#only, 0) : this.#drawn(this.#loads, hash);
  }

  #loadsWithout(avoided: ReadonlySet<number>): readonly PriorityLoad[] {
    return loadsAvoiding(this.#loads, this.health, this.#facts.overprovisioningFactor, avoided);
  }

  #drawn(loads: readonly PriorityLoad[], hash: Hash64 | undefined): Picker<T> {
    let point = hash === undefined ? this.#facts.random.below(100) : hashModulo(hash, 100);
    for (let i = 0; i < loads.length; i++) {
      point -= (loads[i] as PriorityLoad).healthy;
      if (point < 0) return this.#source(i, 0);
    }
    for (let i = 0; i < loads.length; i++) {
      point -= (loads[i] as PriorityLoad).degraded;
      if (point < 0) return this.#source(i, 1);
    }
    return NOBODY;
  }

  #source(priority: number, degraded: 0 | 1): Picker<T> {
    const panic = (this.#loads[priority] as PriorityLoad).panic;
    if (panic) this.#facts.counts.lb_healthy_panic++;
    const at = panic ? 2 * priority : 2 * priority + degraded;
    return (this.#pickers[at] ??= this.#make(priority, degraded === 1, panic));
  }

  #make(at: number, degraded: boolean, panic: boolean): Picker<T> {
    const priority = this.#priorities[at] as Priority<T>;
    if (panic && this.#facts.balancing.zoneAware.failOnPanic) return NOBODY;
    if (panic) return this.#sources.panic(priority, this.#facts);
    const list = degraded ? priority.degraded : priority.healthy;
    return list.length === 0 ? NOBODY : this.#sources.usable(list, priority, at, this.#facts);
  }
}

/** Priorities from 0 up; a gap is an empty one. */
function byPriority<T extends Member>(members: readonly T[]): Priority<T>[] {
  const highest = members.reduce((max, { placement }) => Math.max(max, placement.locality.priority), 0);
  const priorities = Array.from({ length: highest + 1 }, () => ({
    members: [] as T[],
    healthy: [] as T[],
    degraded: [] as T[],
  }));
  for (const member of members) {
    const priority = priorities[member.placement.locality.priority]!;
    priority.members.push(member);
    if (member.excluded) continue;
    if (member.health === 'healthy') priority.healthy.push(member);
    else if (member.health === 'degraded') priority.degraded.push(member);
  }
  return priorities;
}

function healthOf<T extends Member>(
  { members, healthy, degraded }: Priority<T>,
  weighted: boolean,
): PriorityHealth {
  const counted = members.filter(({ excluded }) => !excluded);
  const measure = (list: readonly T[]): number =>
    weighted ? list.reduce((sum, { weight }) => sum + weight, 0) : list.length;
  return {
    total: measure(counted),
    healthy: measure(healthy),
    degraded: measure(degraded),
    usablePercent: counted.length === 0 ? 0 : (100 * (healthy.length + degraded.length)) / counted.length,
    size: members.length,
  };
}
