import type { EnvoyPatch } from '../../resolve/envoy-filter/patch.ts';
import type { Finding } from '../../resolve/finding.ts';

// What came out only when changes were made to the resources of one proxy or another: a change that fails there. It is
// remembered beside the change, as long as that is the same; proxies that nobody asked about tell nothing.

/** Resources named in one finding. */
const MAX_NAMED = 3;

/** Why a change fails, by name of the resource. */
const failures = new WeakMap<EnvoyPatch['origin'], Map<string, string>>();

/** Notes how a change went on a resource; `problem` undefined: well. */
export function noteOutcome({ origin }: EnvoyPatch, resource: string, problem: string | undefined): void {
  const known = failures.get(origin);
  if (problem === undefined) {
    known?.delete(resource);
    return;
  }
  if (known === undefined) failures.set(origin, new Map([[resource, problem]]));
  else if (known.size < MAX_NAMED || known.has(resource)) known.set(resource, problem);
}

/** A finding for each change of these that failed on some resource. */
export function failedPatches(patches: readonly EnvoyPatch[]): readonly Finding[] {
  return patches.flatMap(({ origin }): Finding[] => {
    const known = failures.get(origin);
    if (known === undefined || known.size === 0) return [];
    const names = [...known.keys()].sort();
    const message = `on ${names.join(', ')} this change is not made: ${known.get(names[0] ?? '')}`;
    return [{ origin, field: origin.field ?? '', message }];
  });
}
