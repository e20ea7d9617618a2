import { encode } from '../../../xds/encode.ts';
import { messageOf } from '../../../xds/resources.ts';
import type { EnvoyPatch } from '../../resolve/envoy-filter/patch.ts';
import { distinct, type Emitted } from '../emitted.ts';
import { noteOutcome } from './failures.ts';

/** One patch on one resource: the same object where it does not concern it. */
export type Change<T> = (object: T, patch: EnvoyPatch) => T;

/**
 * A resource with all patches that concern it, and those among what made it. A patch that fails, or whose result is
 * no such resource any more, is passed over alone: the others still hold.
 */
export function applied<T extends object>(
  resource: Emitted<T>,
  patches: readonly EnvoyPatch[],
  change: Change<T>,
): Emitted<T> {
  let { object } = resource;
  const origins = [...resource.provenance];
  for (const patch of patches) {
    const changed = attempted(object, patch, change, resource);
    if (changed === object) continue;
    object = changed;
    origins.push(patch.origin);
  }
  return object === resource.object ? resource : { ...resource, object, provenance: distinct(origins) };
}

function attempted<T extends object>(
  object: T,
  patch: EnvoyPatch,
  change: Change<T>,
  { typeUrl, name }: Emitted<T>,
): T {
  try {
    const changed = change(object, patch);
    if (changed !== object) encode(messageOf(typeUrl), changed);
    noteOutcome(patch, name, undefined);
    return changed;
  } catch (error) {
    noteOutcome(patch, name, error instanceof Error ? error.message : String(error));
    return object;
  }
}

/**
 * The list with each resource as `change` makes it (undefined: removed). A resource that was changed by the same patches
 * before is the one that it was made then, so that a change of one does not make others anew.
 */
export function changedEach<T extends object>(
  list: readonly Emitted<T>[],
  patches: readonly EnvoyPatch[],
  change: (resource: Emitted<T>) => Emitted<T> | undefined,
): readonly Emitted<T>[] {
  const made = madeBy.get(patches) ?? new WeakMap<Emitted, Emitted | typeof REMOVED>();
  madeBy.set(patches, made);
  return list.flatMap((resource) => {
    const known = made.get(resource) ?? change(resource) ?? REMOVED;
    made.set(resource, known);
    return known === REMOVED ? [] : [known as Emitted<T>];
  });
}

/** What patches add, one for each; one whose name is taken is not added, and its author is told. */
export function notTaken<T extends object>(
  added: readonly (readonly [patch: EnvoyPatch, resource: Emitted<T>])[],
  present: readonly (readonly Emitted<T>[])[],
): readonly Emitted<T>[] {
  return added.flatMap(([patch, resource]) => {
    const { name } = resource;
    const taken = present.some((list) => list.some((other) => other.name === name));
    noteOutcome(patch, name, taken ? 'there is one of this name already' : undefined);
    return taken ? [] : [resource];
  });
}

const REMOVED = 'removed';
const madeBy = new WeakMap<readonly EnvoyPatch[], WeakMap<Emitted, Emitted | typeof REMOVED>>();
