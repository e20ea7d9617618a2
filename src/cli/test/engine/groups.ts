import { parseTarget } from '../../../control/explain/call.ts';
import { Places } from '../../../control/explain/places.ts';
import type { ReadyTest } from '../run-tests.ts';
import { needsOf, type Plan, planOf, type TestTrust, unitedNeeds, WORLD } from './plan.ts';

/** A test with what must run for it. */
export interface PlannedTest {
  readonly ready: ReadyTest;
  readonly plan: Plan;
}

/** Meshes that run at a time. */
export const MAX_MESHES = 2;

/** Tests whose objects are about the same Pods: they share a mesh, and what any of them needs of the world. */
export function groupsOf(tests: readonly ReadyTest[], trust: TestTrust): readonly (readonly PlannedTest[])[] {
  const measured = tests.map((ready) => {
    const { spec } = ready.tested.test;
    const places = new Places(ready.mesh);
    const needs = needsOf(
      places,
      spec.requests.flatMap(({ send }) => parseTarget(send.url ?? '') ?? []),
    );
    const declared = spec.workloads ?? [];
    const none = unitedNeeds([]);
    const key = podsKey(planOf(ready.inputs, places, declared, none, trust, 0), declared);
    return { ready, places, needs, declared, key };
  });
  return [...Map.groupBy(measured, ({ key }) => key).values()].map((group) => {
    const needs = unitedNeeds(group.map((one) => one.needs));
    return group.map(({ ready, places, declared }, turn) => ({
      ready,
      plan: planOf(ready.inputs, places, declared, needs, trust, turn + 1),
    }));
  });
}

/** What Pods are, but for the ports that follow from what tests need. */
function podsKey({ pods }: Plan, declared: readonly { readonly ports?: readonly number[] }[]): string {
  const texts = pods
    .filter(({ echo }) => echo?.name !== WORLD.name)
    .map(({ object }) => JSON.stringify(object));
  return [...texts.sort(), JSON.stringify(declared.map(({ ports }) => ports))].join('\n');
}

/** Starting a mesh takes as long as so many tests. */
const START_WEIGHT = 5;

/** Groups in a few rows that take about as long as each other. A large group may be in two: each starts its own mesh. */
export function rowsOf(
  groups: readonly (readonly PlannedTest[])[],
  count: number,
): readonly (readonly (readonly PlannedTest[])[])[] {
  const whole = groups.reduce((sum, { length }) => sum + START_WEIGHT + length, 0);
  const limit = Math.max(START_WEIGHT * 2, Math.ceil(whole / count));
  const rows: PlannedTest[][][] = [[]];
  let room = limit;
  for (const group of groups)
    for (let at = 0; at < group.length; ) {
      if (room <= START_WEIGHT && rows.length < count) {
        rows.push([]);
        room = limit;
      }
      const taken = rows.length < count ? group.slice(at, at + room - START_WEIGHT) : group.slice(at);
      rows.at(-1)?.push([...taken]);
      at += taken.length;
      room -= START_WEIGHT + taken.length;
    }
  return rows.filter(({ length }) => length > 0);
}
