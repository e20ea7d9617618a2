import { hashSources, type SourceKind, spreadSources } from './pick-source.ts';
import type { Member, PickPlan, PlanFacts } from './plan-facts.ts';
import { PriorityPlan } from './priority-plan.ts';
import { SubsetPlan } from './subset-plan.ts';

/** The plan of a cluster's members as they are now. Pickers are made when somebody first needs them. */
export function makePickPlan<T extends Member>(members: readonly T[], facts: PlanFacts): PickPlan<T> {
  const { subsets, policy } = facts.balancing;
  const sources: SourceKind = policy === 'ring-hash' || policy === 'maglev' ? hashSources : spreadSources;
  if (subsets === undefined) return new PriorityPlan(members, facts, sources);
  return new SubsetPlan(
    members,
    subsets,
    facts,
    (some, itsFacts) => new PriorityPlan(some, itsFacts, sources),
  );
}
