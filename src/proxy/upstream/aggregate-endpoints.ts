import { hashModulo } from '../../lib/hash64.ts';
import type { Random } from '../../lib/random.ts';
import type { Endpoint } from './endpoint.ts';
import type { ClusterSurroundings, EndpointSource, MemberCluster } from './endpoint-source.ts';
import type { PickContext } from './pick-context.ts';
import { type PriorityHealth, type PriorityLoad, priorityLoads } from './priority-load.ts';

/** One priority of one of the clusters. */
interface Step {
  readonly cluster: MemberCluster;
  readonly priority: number;
}

/**
 * The endpoints of other clusters (envoy.clusters.aggregate): their priorities one after the other are the priorities of
 * this one, so that the second cluster helps when the first one loses endpoints. What is picked has the connections of
 * the cluster that it belongs to.
 */
export class AggregateEndpoints implements EndpointSource {
  readonly #names: readonly string[];
  readonly #surroundings: ClusterSurroundings;
  readonly #panicThreshold: number;
  readonly #random: Random;
  #members: readonly (MemberCluster | undefined)[] = [];
  #seen: readonly number[] = [];
  #steps: readonly Step[] = [];
  #loads: readonly PriorityLoad[] = [];
  #picking = false;

  constructor(
    names: readonly string[],
    surroundings: ClusterSurroundings,
    panicThreshold: number,
    random: Random,
  ) {
    this.#names = names;
    this.#surroundings = surroundings;
    this.#panicThreshold = panicThreshold;
    this.#random = random;
  }

  /** Endpoints are shown and counted where they belong. */
  all(): readonly Endpoint[] {
    return [];
  }

  pick(context: PickContext): Endpoint | undefined {
    // An aggregate that leads back to itself leads nowhere.
    if (this.#picking) return undefined;
    this.#picking = true;
    try {
      this.#refresh();
      return this.#draw(context);
    } finally {
      this.#picking = false;
    }
  }

  stop(): void {}

  #draw(context: PickContext): Endpoint | undefined {
    const hash = context.hash?.();
    let point = hash === undefined ? this.#random.below(100) : hashModulo(hash, 100);
    for (const degraded of [false, true])
      for (const [i, load] of this.#loads.entries()) {
        point -= degraded ? load.degraded : load.healthy;
        if (point >= 0) continue;
        const { cluster, priority } = this.#steps[i] as Step;
        return cluster.pickAt(priority, degraded, context);
      }
    return undefined;
  }

  /** Looks whether a cluster was replaced, or has changed, since the last time. */
  #refresh(): void {
    const members = this.#names.map((name) => this.#surroundings.cluster(name));
    const seen = members.map((member) => member?.changes ?? -1);
    const same = members.every((member, i) => member === this.#members[i] && seen[i] === this.#seen[i]);
    if (same && this.#members.length > 0) return;
    this.#members = members;
    this.#seen = seen;
    const steps: Step[] = [];
    const health: PriorityHealth[] = [];
    for (const cluster of members)
      for (const [priority, one] of (cluster?.priorities() ?? []).entries()) {
        steps.push({ cluster: cluster as MemberCluster, priority });
        health.push(one);
      }
    this.#steps = steps;
    this.#loads = health.length === 0 ? [] : priorityLoads(health, 140, this.#panicThreshold);
  }
}
