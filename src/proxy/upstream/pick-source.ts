import { choose, type WeightedChoice, weightedChoice } from '../../xds/match/weighted.ts';
import { boundedLoad } from './balancers/bounded-load.ts';
import type { Hashed } from './balancers/hashing.ts';
import { leastRequest } from './balancers/least-request.ts';
import { maglev } from './balancers/maglev.ts';
import type { Picker } from './balancers/picker.ts';
import { randomChoice } from './balancers/random.ts';
import { ringHash } from './balancers/ring-hash.ts';
import { roundRobin } from './balancers/round-robin.ts';
import { byLocality, localityKey } from './locality.ts';
import { LB_NAMESPACE } from './metadata-match.ts';
import type { Member, PlanFacts } from './plan-facts.ts';
import { zonePicker } from './zone-routing.ts';

// Within a priority: localities by their weight or by the proxy's zone, then the balancer. Consistent balancers have one
// ring over all localities of a priority.

/** The members of one priority, those of excluded members in `members` only. */
export interface Priority<T> {
  readonly members: readonly T[];
  readonly healthy: readonly T[];
  readonly degraded: readonly T[];
}

/** How a priority's members become pickers. */
export interface SourceKind {
  /** The hash of a request decides: it is asked for, and the same one is used for every draw. */
  readonly hashes: boolean;
  /** Of the healthy or of the degraded members (`list`, not empty) of the priority with number `at`. */
  usable<T extends Member>(
    list: readonly T[],
    priority: Priority<T>,
    at: number,
    facts: PlanFacts,
  ): Picker<T>;
  /** Of all members, whatever their health. */
  panic<T extends Member>(priority: Priority<T>, facts: PlanFacts): Picker<T>;
}

/** Resolution of locality weights. */
const SHARES = 1_000_000;

/** Round robin, least request, random. */
export const spreadSources: SourceKind = {
  hashes: false,
  usable(list, priority, at, facts) {
    const { balancing, zone } = facts;
    const everyone = spread(list, facts);
    if (balancing.localityWeighted) return localityPicker(list, priority, facts) ?? everyone;
    if (zone === undefined || at > 0 || list !== priority.healthy) return everyone;
    const groups = byLocality(list).map(([name, members]) => ({
      name,
      size: members.length,
      picker: spread(members, facts),
    }));
    const { zoneAware, panicThreshold } = balancing;
    return zonePicker(groups, everyone, zone, zoneAware, panicThreshold, facts.counts, facts.random);
  },
  panic: ({ members }, facts) => spread(members, facts),
};

function spread<T extends Member>(list: readonly T[], facts: PlanFacts): Picker<T> {
  const { balancing } = facts;
  switch (balancing.policy) {
    case 'least-request':
      return leastRequest(list, balancing, facts);
    case 'random':
      return randomChoice(list, facts.random);
    default:
      return roundRobin(list, balancing.slowStart, facts);
  }
}

/** By the localities' weights and by how much of each is there to serve; undefined where none has a weight. */
function localityPicker<T extends Member>(
  list: readonly T[],
  priority: Priority<T>,
  facts: PlanFacts,
): Picker<T> | undefined {
  const inPriority = new Map(byLocality(priority.members));
  const weighed = byLocality(list).map(([name, here]) => {
    const total = inPriority.get(name)?.filter(({ excluded }) => !excluded).length ?? here.length;
    const available = (facts.overprovisioningFactor / 100) * (here.length / total);
    return { here, weight: localityWeight(inPriority.get(name) ?? here, facts) * Math.min(1, available) };
  });
  const sum = weighed.reduce((total, { weight }) => total + weight, 0);
  if (sum === 0) return undefined;
  const options: WeightedChoice<Picker<T>> = weightedChoice(
    weighed
      .filter(({ weight }) => weight > 0)
      .map(({ here, weight }) => ({
        value: spread(here, facts),
        weight: Math.ceil((weight / sum) * SHARES),
      })),
  );
  const { random } = facts;
  return { pick: (hash, attempt) => choose(options, random.uint32())?.pick(hash, attempt) };
}

/** Ring hash and maglev. */
export const hashSources: SourceKind = {
  hashes: true,
  usable: (list, priority, _at, facts) => hashed(list, priority, facts),
  panic: (priority, facts) => hashed(priority.members, priority, facts),
};

function hashed<T extends Member>(list: readonly T[], priority: Priority<T>, facts: PlanFacts): Picker<T> {
  const { hashing, policy, localityWeighted } = facts.balancing;
  const shares = localityWeighted ? localityShares(list, priority, facts) : [];
  const endpoints = (shares.length > 0 ? shares : [{ here: list, share: 1 }]).flatMap(({ here, share }) =>
    hashedOf(here, share, hashing.useHostname),
  );
  const inner = policy === 'maglev' ? maglev(endpoints, hashing.tableSize) : ringHash(endpoints, hashing);
  if (hashing.balanceFactor === 0) return inner;
  return boundedLoad(inner, endpoints, hashing.balanceFactor, facts.activeRequests);
}

/** Of localities that have a weight, and their part of it; the weights of those without a usable member count too. */
function localityShares<T extends Member>(
  list: readonly T[],
  { members }: Priority<T>,
  facts: PlanFacts,
): { here: readonly T[]; share: number }[] {
  const weights = new Map(byLocality(members).map(([name, here]) => [name, localityWeight(here, facts)]));
  const sum = [...weights.values()].reduce((a, b) => a + b, 0);
  return byLocality(list)
    .map(([name, here]) => ({ here, share: (weights.get(name) as number) / sum }))
    .filter(({ share }) => share > 0);
}

/** The weight of a locality, given its members (not none); of a part of it where only a part is here. */
function localityWeight(members: readonly Member[], { localitySizes }: PlanFacts): number {
  const [first] = members as [Member];
  const weight = first.placement.locality.weight ?? 0;
  const size = localitySizes?.get(localityKey(first));
  return size === undefined ? weight : Math.round((weight * members.length) / size);
}

function hashedOf<T extends Member>(list: readonly T[], share: number, useHostname: boolean): Hashed<T>[] {
  const sum = list.reduce((total, { weight }) => total + weight, 0);
  return list.map((item) => ({
    item,
    key: hashKey(item, useHostname),
    share: (item.weight * share) / sum,
  }));
}

/** What an endpoint is on a ring: `hash_key` of its metadata, its host name where that is wanted, or its address. */
function hashKey({ address, placement: { spec } }: Member, useHostname: boolean): string {
  const told = spec.metadata[LB_NAMESPACE]?.['hash_key'];
  if (typeof told === 'string' && told !== '') return told;
  return useHostname && spec.hostname !== '' ? spec.hostname : address;
}
