import type { Json } from '../../xds/resources.ts';
import type { SubsetSelector, Subsets } from './cluster-config.ts';
import { localityKey } from './locality.ts';
import { criteriaKey, LB_NAMESPACE, type MetadataMatch, metadataMatch } from './metadata-match.ts';
import type { PickContext } from './pick-context.ts';
import type { Member, PickPlan, PlanFacts } from './plan-facts.ts';

/** Lists as values multiply; past this many an endpoint is in no further subset. */
const MAX_SUBSETS = 65_536;
/** Fallbacks may name keys that fall back again. */
const MAX_FALLBACKS = 8;
const FALLBACK_LIST = 'fallback_list';

type Criteria = MetadataMatch['criteria'];
type MakePlan<T> = (members: readonly T[], facts: PlanFacts) => PickPlan<T>;

/** Endpoints divided by their `envoy.lb` metadata: a route's criteria find the subset by one look-up, then it picks. */
export class SubsetPlan<T extends Member> implements PickPlan<T> {
  readonly #config: Subsets;
  readonly #facts: PlanFacts;
  readonly #make: MakePlan<T>;
  readonly #members: readonly T[];
  readonly #subsets: ReadonlyMap<string, T[]>;
  /** Of one endpoint each, whatever its health. */
  readonly #single: ReadonlySet<string>;
  readonly #plans = new Map<string, PickPlan<T>>();
  #any: PickPlan<T> | undefined;
  #default: PickPlan<T> | undefined;

  constructor(members: readonly T[], config: Subsets, facts: PlanFacts, make: MakePlan<T>) {
    this.#config = config;
    this.#facts = facts;
    this.#make = make;
    this.#members = members;
    const { subsets, single } = divide(members, config);
    this.#subsets = subsets;
    this.#single = single;
    const { counts } = facts;
    counts.lb_subsets_created += Math.max(0, subsets.size - counts.lb_subsets_active);
    counts.lb_subsets_removed += Math.max(0, counts.lb_subsets_active - subsets.size);
    counts.lb_subsets_active = subsets.size;
  }

  pick(context: PickContext): T | undefined {
    const match = context.metadataMatch;
    const list = this.#config.fallbackList
      ? match?.criteria.find(([name]) => name === FALLBACK_LIST)?.[1]
      : undefined;
    if (!Array.isArray(list) || match === undefined) return this.#pick(match, context, 0);
    const rest = Object.fromEntries(match.criteria.filter(([name]) => name !== FALLBACK_LIST));
    if (list.length === 0) return this.#pick(metadataMatch(rest), context, 0);
    for (const other of list as readonly { readonly [name: string]: Json }[]) {
      const found = this.#pick(metadataMatch(rest, other), context, 0);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  get health(): PickPlan<T>['health'] {
    return this.#anyPlan().health;
  }

  /** Subsets have priorities of their own: the one that is asked for is that of all. */
  pickAt(_priority: number, _degraded: boolean, context: PickContext): T | undefined {
    return this.pick(context);
  }

  #pick(asked: MetadataMatch | undefined, context: PickContext, depth: number): T | undefined {
    const match = this.#config.allowRedundantKeys ? this.#reduced(asked) : asked;
    if (match !== undefined) {
      const plan = this.#planOf(match.key);
      if (plan !== undefined) {
        this.#facts.counts.lb_subsets_selected++;
        return plan.pick(context);
      }
      const selector = this.#selectorFor(match);
      if (selector?.fallback !== undefined) return this.#fallBack(selector, match, context, depth);
    }
    return this.#fallBackForAll(context);
  }

  #planOf(key: string): PickPlan<T> | undefined {
    const known = this.#plans.get(key);
    if (known !== undefined) return known;
    const members = this.#subsets.get(key);
    if (members === undefined) return undefined;
    const made = this.#single.has(key) ? singlePlan(members[0] as T) : this.#planFor(members);
    this.#plans.set(key, made);
    return made;
  }

  #planFor(members: readonly T[]): PickPlan<T> {
    const { localityWeightAware, scaleLocalityWeight } = this.#config;
    const { balancing } = this.#facts;
    const facts = {
      ...this.#facts,
      balancing: { ...balancing, localityWeighted: balancing.localityWeighted && localityWeightAware },
      localitySizes: scaleLocalityWeight ? this.#localitySizes() : undefined,
    };
    return this.#make(members, facts);
  }

  #localitySizes(): ReadonlyMap<string, number> {
    const groups = Map.groupBy(this.#members, localityKey);
    return new Map([...groups].map(([key, members]) => [key, members.length]));
  }

  #fallBack(
    { fallback, fallbackKeys }: SubsetSelector,
    { criteria }: MetadataMatch,
    context: PickContext,
    depth: number,
  ): T | undefined {
    if (fallback === 'any') return this.#anyPlan().pick(context);
    if (fallback === 'default') return this.#defaultPlan().pick(context);
    if (fallback !== 'keys' || depth >= MAX_FALLBACKS) return undefined;
    const kept = criteria.filter(([name]) => fallbackKeys.includes(name));
    return this.#pick(metadataMatch(Object.fromEntries(kept)), context, depth + 1);
  }

  #fallBackForAll(context: PickContext): T | undefined {
    const { fallback, panicModeAny } = this.#config;
    if (fallback === 'none') return undefined;
    const found = (fallback === 'any' ? this.#anyPlan() : this.#defaultPlan()).pick(context);
    if (found !== undefined) {
      this.#facts.counts.lb_subsets_fallback++;
      return found;
    }
    if (!panicModeAny) return undefined;
    const anyone = this.#anyPlan().pick(context);
    if (anyone !== undefined) this.#facts.counts.lb_subsets_fallback_panic++;
    return anyone;
  }

  #anyPlan(): PickPlan<T> {
    return (this.#any ??= this.#planFor(this.#members));
  }

  #defaultPlan(): PickPlan<T> {
    if (this.#default !== undefined) return this.#default;
    const wanted = Object.entries(this.#config.defaultSubset);
    const { listAsAny } = this.#config;
    const members = this.#members.filter((member) =>
      wanted.every(([name, value]) => valuesOf(member, name, listAsAny).some((one) => sameValue(one, value))),
    );
    return (this.#default = this.#planFor(members));
  }

  /** The selector whose keys are exactly those of the criteria. */
  #selectorFor({ criteria }: MetadataMatch): SubsetSelector | undefined {
    return this.#config.selectors.find(
      ({ keys }) => keys.length === criteria.length && keys.every((key, i) => key === criteria[i]?.[0]),
    );
  }

  /** The criteria without those that the first selector that they fill does not ask for. */
  #reduced(match: MetadataMatch | undefined): MetadataMatch | undefined {
    if (match === undefined) return undefined;
    for (const { keys } of this.#config.selectors) {
      const kept = match.criteria.filter(([name]) => keys.includes(name));
      if (kept.length === keys.length) return metadataMatch(Object.fromEntries(kept));
    }
    return match;
  }
}

function singlePlan<T>(member: T): PickPlan<T> {
  return { pick: () => member, pickAt: () => member, health: [] };
}

/** Members by the key of each subset they are in. */
function divide<T extends Member>(
  members: readonly T[],
  { selectors, listAsAny }: Subsets,
): { subsets: Map<string, T[]>; single: Set<string> } {
  const subsets = new Map<string, T[]>();
  const single = new Set<string>();
  for (const member of members)
    for (const { keys, singleHost } of selectors)
      for (const criteria of combinations(member, keys, listAsAny)) {
        const key = criteriaKey(criteria);
        const known = subsets.get(key);
        if (known !== undefined) known.push(member);
        else if (subsets.size < MAX_SUBSETS) {
          subsets.set(key, [member]);
          if (singleHost) single.add(key);
        }
      }
  return { subsets, single };
}

/** Every choice of one value for each key; none where the member lacks a key. */
function combinations(member: Member, keys: readonly string[], listAsAny: boolean): Criteria[] {
  let result: Criteria[] = [[]];
  for (const key of keys) {
    const values = valuesOf(member, key, listAsAny);
    result = result.flatMap((criteria) => values.map((value) => [...criteria, [key, value] as const]));
  }
  return keys.length === 0 ? [] : result;
}

function valuesOf(member: Member, name: string, listAsAny: boolean): readonly Json[] {
  const value = member.placement.spec.metadata[LB_NAMESPACE]?.[name];
  if (value === undefined) return [];
  return listAsAny && Array.isArray(value) ? value : [value];
}

function sameValue(a: Json, b: Json): boolean {
  return criteriaKey([['', a]]) === criteriaKey([['', b]]);
}
