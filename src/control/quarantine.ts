import { type KindId, kindIds } from '../api/kinds.ts';
import { keyText, kindIdOf, type ObjectKey } from '../api/object.ts';
import type { Resource, Resources } from '../api/resources.ts';
import type { StepFailure } from '../lib/steps.ts';
import { objectOfFact } from './resolve/world.ts';

// Objects that are valid and that the compiler fails on all the same: a mistake of ours, which must stay that one object's
// trouble. Its last good version counts in its place, or, where there is none, it is left out; its status says so.

/** An object that cannot be compiled. */
export interface Quarantined {
  readonly bad: Resource;
  /** The version that counts; undefined: none does. */
  readonly instead: Resource | undefined;
  readonly message: string;
}

/** By text of the key. Never changed. */
export type Quarantine = ReadonlyMap<string, Quarantined>;

/** How many objects are tried, of all that a failed step has read: one after the other is taken out. */
const MAX_SUSPECTS = 200;

/** What is left of a quarantine in other resources: an object that has changed has a new chance. */
export function stillBad(quarantine: Quarantine, resources: Resources): Quarantine {
  return new Map([...quarantine].filter(([, { bad }]) => live(resources, bad.key) === bad));
}

/** The resources with what counts in place of those in quarantine. */
export function withoutBad(resources: Resources, quarantine: Quarantine): Resources {
  if (quarantine.size === 0) return resources;
  const lists = new Map<KindId, readonly Resource[]>();
  const shown = (resource: Resource | undefined): Resource | undefined => {
    if (resource === undefined) return undefined;
    const found = quarantine.get(keyText(resource.key));
    return found === undefined ? resource : found.instead;
  };
  return {
    revision: resources.revision,
    get: (kind, namespace, name) => shown(resources.get(kind, namespace, name)) as never,
    list(kind) {
      const known = lists.get(kind);
      if (known !== undefined) return known as never;
      const all: readonly Resource[] = resources.list(kind);
      const changes = all.some((resource) => shown(resource) !== resource);
      const list = changes ? all.map(shown).filter((resource) => resource !== undefined) : all;
      lists.set(kind, list);
      return list as never;
    },
  };
}

/**
 * Whose fault a failure may be, the likeliest first: what changed last; rules before what they are about, without which
 * nothing at all would be made; what the failed step is nearest to.
 */
export function suspectsOf({ facts }: StepFailure, resources: Resources): readonly Resource[] {
  const suspects = new Map<string, { resource: Resource; changedAt: number; distance: number }>();
  for (const { fact, key, changedAt, distance } of facts) {
    const resource = objectOfFact(resources, fact, key);
    if (resource !== undefined && !suspects.has(keyText(resource.key)))
      suspects.set(keyText(resource.key), { resource, changedAt, distance });
  }
  return [...suspects.values()]
    .sort(
      (a, b) =>
        b.changedAt - a.changedAt ||
        rank(a.resource.key) - rank(b.resource.key) ||
        a.distance - b.distance ||
        (keyText(a.resource.key) < keyText(b.resource.key) ? -1 : 1),
    )
    .slice(0, MAX_SUSPECTS)
    .map(({ resource }) => resource);
}

/** The table of kinds goes from rules to what they are about. */
function rank(key: ObjectKey): number {
  return kindIds.indexOf(kindIdOf(key) as KindId);
}

/** The object of a key, of whatever kind. */
export function live(resources: Resources, key: ObjectKey): Resource | undefined {
  return resources.get(kindIdOf(key) as KindId, key.namespace, key.name);
}
