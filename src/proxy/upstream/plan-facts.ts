import type { Random } from '../../lib/random.ts';
import type { BalancerWorld } from './balancers/round-robin.ts';
import type { Starting } from './balancers/slow-start.ts';
import type { Balancing } from './cluster-config.ts';
import type { LocalityEndpoints, Metadata } from './endpoint-set.ts';
import type { PickContext } from './pick-context.ts';
import type { PriorityHealth } from './priority-load.ts';
import type { LocalZone, ZoneCounts } from './zone-routing.ts';

/** What the plan needs of an endpoint. */
export interface Member extends Starting {
  readonly address: string;
  readonly health: 'healthy' | 'degraded' | 'unhealthy';
  /** Waits for its first health check, and counts for nothing until then. */
  readonly excluded: boolean;
  readonly placement: {
    readonly locality: LocalityEndpoints;
    readonly spec: { readonly hostname: string; readonly metadata: Metadata };
  };
}

/** Who may be picked, made anew whenever members or their health change. */
export interface PickPlan<T> {
  /** A member, undefined where nobody may be picked. */
  pick(context: PickContext): T | undefined;
  readonly health: readonly PriorityHealth[];
  /** A member of one priority, whatever the others have. */
  pickAt(priority: number, degraded: boolean, context: PickContext): T | undefined;
}

/** What is counted while picking, under Envoy's names. */
export interface PickCounts extends ZoneCounts {
  lb_healthy_panic: number;
  lb_subsets_active: number;
  lb_subsets_created: number;
  lb_subsets_removed: number;
  lb_subsets_selected: number;
  lb_subsets_fallback: number;
  lb_subsets_fallback_panic: number;
}

/** What a plan is made of beside its members. */
export interface PlanFacts extends BalancerWorld {
  readonly balancing: Balancing;
  /** Percent by which the healthy part of a priority is over-counted before the next one helps. */
  readonly overprovisioningFactor: number;
  /** Health of a priority goes by the weights of its members, not by their number. */
  readonly weightedPriorityHealth: boolean;
  readonly random: Random;
  readonly counts: PickCounts;
  /** The proxy's own fleet by zone, undefined where it is not known. */
  readonly zone: LocalZone | undefined;
  /** Where weights of localities count for the part of a locality that is here only: its size, by localityKey. */
  readonly localitySizes?: ReadonlyMap<string, number> | undefined;
  /** Requests that the whole cluster carries. */
  activeRequests(): number;
}
