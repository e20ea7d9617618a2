import type { NameSet } from './name-sets.ts';
import type { Sendable } from './sendable.ts';

// Lists of resources that many clients hold. A list never changes; equal content is the same list for all clients of a
// kind, so what follows from it, or from the step from one list to the next, is worked out once and not for each client.

/** Resources of one type, each name once. */
export type ResourceList = readonly Sendable[];

/** What a client of one list lacks of the next. */
export interface ListDifference {
  /** New and changed; the same array for everyone who makes this step. */
  readonly resources: ResourceList;
  readonly removed: readonly string[];
  /** Some of the resources are new. */
  readonly bringsNew: boolean;
}

const indices = new WeakMap<ResourceList, ReadonlyMap<string, Sendable>>();
const steps = new WeakMap<ResourceList, WeakMap<ResourceList, ListDifference>>();
const absentees = new WeakMap<ResourceList, WeakMap<NameSet, readonly string[]>>();

const EMPTY: ResourceList = [];
const NO_DIFFERENCE: ListDifference = { resources: EMPTY, removed: [], bringsNew: false };

/** The list by name. */
export function indexOf(list: ResourceList): ReadonlyMap<string, Sendable> {
  let index = indices.get(list);
  if (index === undefined) {
    index = new Map(list.map((resource) => [resource.name, resource]));
    indices.set(list, index);
  }
  return index;
}

/** The step from one list (undefined: none) to another. The same object for everyone who makes it. */
export function listDifference(before: ResourceList | undefined, now: ResourceList): ListDifference {
  if (before === now) return NO_DIFFERENCE;
  const from = before === undefined || before.length === 0 ? EMPTY : before;
  let ofBefore = steps.get(from);
  if (ofBefore === undefined) steps.set(from, (ofBefore = new WeakMap()));
  let step = ofBefore.get(now);
  if (step === undefined) ofBefore.set(now, (step = stepBetween(from, now)));
  return step;
}

function stepBetween(before: ResourceList, now: ResourceList): ListDifference {
  if (before.length > 0) return compare(indexOf(before), now, indexOf(now));
  return now.length === 0 ? NO_DIFFERENCE : { resources: now, removed: [], bringsNew: true };
}

function compare(
  before: ReadonlyMap<string, Sendable>,
  now: ResourceList,
  nowByName: ReadonlyMap<string, Sendable>,
): ListDifference {
  const resources = now.filter((resource) => {
    const held = before.get(resource.name);
    return held !== resource && held?.version !== resource.version;
  });
  const removed = [...before.keys()].filter((name) => !nowByName.has(name));
  return { resources, removed, bringsNew: resources.some(({ name }) => !before.has(name)) };
}

/** Those of the names that the list has no resource for. */
export function absentFrom(list: ResourceList, names: NameSet): readonly string[] {
  let ofList = absentees.get(list);
  if (ofList === undefined) absentees.set(list, (ofList = new WeakMap()));
  let absent = ofList.get(names);
  if (absent === undefined) {
    const index = indexOf(list);
    absent = [...names].filter((name) => !index.has(name));
    ofList.set(names, absent);
  }
  return absent;
}
