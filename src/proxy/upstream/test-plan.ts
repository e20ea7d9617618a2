import { expect } from 'vitest';
import { seededRandom } from '../../lib/random.ts';
import { NOWHERE } from './destination-endpoints.ts';
import type { LocalityEndpoints } from './endpoint-set.ts';
import { type BalancingFields, readBalancing } from './lower-balancing.ts';
import { LB_NAMESPACE } from './metadata-match.ts';
import { ANY_CONTEXT, type PickContext } from './pick-context.ts';
import { makePickPlan } from './pick-plan.ts';
import type { Member, PickCounts, PlanFacts } from './plan-facts.ts';

// Members and plans for tests of who is picked.

const NONE: BalancingFields = {
  lb_policy: undefined,
  load_balancing_policy: undefined,
  least_request_lb_config: undefined,
  round_robin_lb_config: undefined,
  ring_hash_lb_config: undefined,
  maglev_lb_config: undefined,
  lb_subset_config: undefined,
  common_lb_config: undefined,
};

/** A locality of priority 0 without a name, but for what `more` says. */
export const locality = (more: Partial<LocalityEndpoints> = {}): LocalityEndpoints => ({
  ...NOWHERE,
  ...more,
});

/** A member by its name, whose load and health a test changes. */
export interface Named extends Member {
  name: string;
  active: number;
  health: Member['health'];
}

/** A healthy member of weight 1; `lb`: its metadata for balancers. */
export function member(
  name: string,
  more: Partial<Omit<Member, 'placement'>> = {},
  at: LocalityEndpoints = locality(),
  lb: Record<string, never | string | string[]> = {},
): Named {
  const spec = { hostname: `${name}.example`, metadata: { [LB_NAMESPACE]: lb } };
  const placement = { locality: at, spec };
  return {
    name,
    address: name,
    weight: 1,
    active: 0,
    health: 'healthy',
    excluded: false,
    healthySinceMs: -1e9,
    placement,
    ...more,
  };
}

/** `10.0.0.0:80` and on. */
export const several = (count: number, more?: Partial<Member>, at?: LocalityEndpoints, from = 0): Named[] =>
  Array.from({ length: count }, (_, i) => member(`10.0.0.${i + from}:80`, more, at));

/** The plan that a cluster with these fields makes of the members. */
export function planOf(
  members: readonly Named[],
  fields: Partial<BalancingFields>,
  more: Partial<PlanFacts> = {},
) {
  const balancing = readBalancing({ ...NONE, ...fields }, (field, message) => {
    throw new Error(`${field} ${message}`);
  });
  const counts: PickCounts = {
    lb_healthy_panic: 0,
    lb_local_cluster_not_ok: 0,
    lb_zone_cluster_too_small: 0,
    lb_zone_no_capacity_left: 0,
    lb_zone_routing_all_directly: 0,
    lb_zone_routing_sampled: 0,
    lb_zone_routing_cross_zone: 0,
    lb_subsets_active: 0,
    lb_subsets_created: 0,
    lb_subsets_removed: 0,
    lb_subsets_selected: 0,
    lb_subsets_fallback: 0,
    lb_subsets_fallback_panic: 0,
  };
  const facts: PlanFacts = {
    balancing,
    overprovisioningFactor: 140,
    weightedPriorityHealth: false,
    random: seededRandom(7),
    nowMs: () => 0,
    counts,
    zone: undefined,
    activeRequests: () => members.reduce((sum, { active }) => sum + active, 0),
    ...more,
  };
  return { plan: makePickPlan(members, facts), counts };
}

/** How often each is picked. */
export function shares(
  members: readonly Named[],
  picks: number,
  fields: Partial<BalancingFields> = {},
  more: Partial<PlanFacts> = {},
  context: PickContext = ANY_CONTEXT,
): Record<string, number> {
  const { plan } = planOf(members, fields, more);
  const result: Record<string, number> = {};
  for (let i = 0; i < picks; i++) {
    const name = plan.pick(context)?.name ?? 'nobody';
    result[name] = (result[name] ?? 0) + 1;
  }
  return result;
}

/** Whether `count` of `picks` independent draws with probability `share` is within 4.5 standard deviations. */
export function expectShare(count: number | undefined, picks: number, share: number): void {
  const deviation = Math.sqrt(picks * share * (1 - share));
  expect(Math.abs((count ?? 0) - picks * share)).toBeLessThanOrEqual(4.5 * deviation + 1);
}
