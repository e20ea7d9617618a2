import type { Random } from '../../lib/random.ts';
import type { Picker } from './balancers/picker.ts';
import type { ZoneAware } from './cluster-config.ts';

// Zone aware routing as Envoy does it: every proxy of a fleet sends as much as fits to its own zone, so that over the
// whole fleet each endpoint gets the same. It needs to know how the fleet is spread: the local cluster.

/** The proxy's fleet (cluster_manager.local_cluster_name) as it is now. */
export interface LocalZone {
  /** Name of the proxy's own locality, see localityName. */
  readonly own: string;
  /** Healthy members of the fleet by locality. */
  readonly healthy: ReadonlyMap<string, number>;
  /** Members of the fleet by locality, healthy or not. */
  readonly members: ReadonlyMap<string, number>;
}

/** What is counted. */
export interface ZoneCounts {
  lb_local_cluster_not_ok: number;
  lb_zone_cluster_too_small: number;
  lb_zone_no_capacity_left: number;
  lb_zone_routing_all_directly: number;
  lb_zone_routing_sampled: number;
  lb_zone_routing_cross_zone: number;
}

/** Healthy endpoints of a locality, with who picks among them. */
export interface ZoneGroup<T> {
  readonly name: string;
  readonly size: number;
  readonly picker: Picker<T>;
}

/** Resolution of shares: hundredths of a percent. */
const WHOLE = 10_000;

/** The picker that prefers the own zone; `everyone` where zones do not come into it. */
export function zonePicker<T>(
  groups: readonly ZoneGroup<T>[],
  everyone: Picker<T>,
  zone: LocalZone,
  config: ZoneAware,
  panicThreshold: number,
  counts: ZoneCounts,
  random: Random,
): Picker<T> {
  const size = sum(groups.map((group) => group.size));
  if (groups.length < 2 || zone.members.size < 2) return everyone;
  if (!zone.members.get(zone.own)) {
    counts.lb_local_cluster_not_ok++;
    return everyone;
  }
  if (size < config.minClusterSize) {
    counts.lb_zone_cluster_too_small++;
    return everyone;
  }
  const fleet = sum([...zone.members.values()]);
  const fleetHealthy = sum([...zone.healthy.values()]);
  if ((100 * fleetHealthy) / fleet < panicThreshold) {
    counts.lb_local_cluster_not_ok++;
    return config.failOnPanic ? { pick: () => undefined } : everyone;
  }
  const zones = new Zones(groups, zone, fleetHealthy, size, counts, random);
  if (config.enabledPercent >= 100) return zones;
  return {
    pick: (hash, attempt) =>
      random.below(100) < config.enabledPercent ? zones.pick(hash, attempt) : everyone.pick(hash, attempt),
  };
}

class Zones<T> implements Picker<T> {
  readonly #own: ZoneGroup<T> | undefined;
  /** Of requests, how many of WHOLE stay. */
  readonly #stay: number;
  readonly #others: readonly ZoneGroup<T>[];
  /** Running sums of what the others can take beyond their own zone's traffic. */
  readonly #room: readonly number[];
  readonly #counts: ZoneCounts;
  readonly #random: Random;

  constructor(
    groups: readonly ZoneGroup<T>[],
    zone: LocalZone,
    fleet: number,
    size: number,
    counts: ZoneCounts,
    random: Random,
  ) {
    this.#counts = counts;
    this.#random = random;
    const upstream = (group: ZoneGroup<T>): number => Math.floor((WHOLE * group.size) / size);
    const local = (name: string): number =>
      fleet === 0 ? 0 : Math.floor((WHOLE * (zone.healthy.get(name) ?? 0)) / fleet);
    this.#own = groups.find(({ name }) => name === zone.own);
    const mine = local(zone.own);
    const there = this.#own === undefined ? 0 : upstream(this.#own);
    const direct = there > 0 && there >= mine;
    this.#stay = direct ? WHOLE : mine > 0 ? Math.floor((there * WHOLE) / mine) : 0;
    this.#others = groups.filter((group) => group !== this.#own);
    let room = 0;
    this.#room = this.#others.map((group) => (room += Math.max(0, upstream(group) - local(group.name))));
  }

  pick(...draw: Parameters<Picker<T>['pick']>): T | undefined {
    const counts = this.#counts;
    if (this.#stay === WHOLE) {
      counts.lb_zone_routing_all_directly++;
      return this.#own?.picker.pick(...draw);
    }
    if (this.#random.below(WHOLE) < this.#stay) {
      counts.lb_zone_routing_sampled++;
      return this.#own?.picker.pick(...draw);
    }
    counts.lb_zone_routing_cross_zone++;
    return this.#other()?.picker.pick(...draw);
  }

  #other(): ZoneGroup<T> | undefined {
    const total = this.#room.at(-1) ?? 0;
    if (total === 0) {
      this.#counts.lb_zone_no_capacity_left++;
      return this.#others[this.#random.below(this.#others.length)];
    }
    const point = this.#random.below(total);
    return this.#others[this.#room.findIndex((room) => point < room)];
  }
}

function sum(list: readonly number[]): number {
  return list.reduce((a, b) => a + b, 0);
}
