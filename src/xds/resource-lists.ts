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
  return remembered(indices, list, () => new Map(list.map((resource) => [resource.name, resource])));
}

/** The step from one list (undefined: none) to another. */
export function listDifference(before: ResourceList | undefined, now: ResourceList): ListDifference {
  if (before === now) return NO_DIFFERENCE;
  if (before === undefined || before.length === 0)
    return now.length === 0 ? NO_DIFFERENCE : { resources: now, removed: [], bringsNew: true };
  const fromBefore = remembered(steps, before, () => new WeakMap<ResourceList, ListDifference>());
  return remembered(fromBefore, now, () => compare(indexOf(before), now, indexOf(now)));
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
  const ofList = remembered(absentees, list, () => new WeakMap<NameSet, readonly string[]>());
  return remembered(ofList, names, () => {
    const index = indexOf(list);
    return [...names].filter((name) => !index.has(name));
  });
}

function remembered<K extends object, V>(memory: WeakMap<K, V>, key: K, make: () => V): V {
  let value = memory.get(key);
  if (value === undefined) {
    value = make();
    memory.set(key, value);
  }
  return value;
}
