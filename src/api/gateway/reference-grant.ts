import { specKind } from '../kind.ts';
import type { SpecObject } from '../object.ts';
import { type Infer, list, message, text } from '../schema.ts';
import { checkLimits } from './shared/limits.ts';
import { GATEWAY_API_GROUP } from './shared/names.ts';
import { checkRefNames } from './shared/references.ts';

const spec = message(
  {
    from: list(message({ group: text, kind: text, namespace: text }, {})),
    to: list(message({ group: text, kind: text }, { name: text })),
  },
  {},
);

/** Spec of a ReferenceGrant: who in which other namespaces may refer to what in this one. */
export type ReferenceGrantSpec = Infer<typeof spec>;
export type ReferenceGrant = SpecObject<ReferenceGrantSpec>;

/** gateway.networking.k8s.io ReferenceGrant. */
export const referenceGrant = specKind(
  { group: GATEWAY_API_GROUP, kind: 'ReferenceGrant', versions: ['v1', 'v1beta1'] },
  spec,
  (grant, report) => {
    checkLimits(grant, ['from', 'to'], report);
    for (const field of ['from', 'to'] as const)
      if (grant[field].length === 0)
        report.error(field, `${field} is empty, so nothing is granted; name at least one kind`);
    for (const field of ['from', 'to'] as const)
      for (const [i, ref] of grant[field].entries()) checkRefNames(ref, report.at(field, i));
  },
);
