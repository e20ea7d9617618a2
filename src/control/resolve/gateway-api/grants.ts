import type { ReferenceGrantSpec } from '../../../api/gateway/reference-grant.ts';
import { listOf, type Read, step } from '../world.ts';

/** Who refers. */
export interface Referrer {
  readonly group: string;
  readonly kind: string;
  readonly namespace: string;
}

/** What is referred to. */
export interface Referent extends Referrer {
  readonly name: string;
}

/** Grants of a namespace. */
const grantsOf = step('reference grants', (read, namespace): readonly ReferenceGrantSpec[] =>
  listOf(read, 'gateway.networking.k8s.io/ReferenceGrant')
    .filter(({ key }) => key.namespace === namespace)
    .map(({ object }) => object.spec),
);

/** Whether a reference is allowed: within a namespace always, into another where that one grants it. */
export function isGranted(read: Read, from: Referrer, to: Referent): boolean {
  if (from.namespace === to.namespace) return true;
  return read
    .of(grantsOf, to.namespace)
    .some(
      (grant) =>
        grant.from.some(
          ({ group, kind, namespace }) =>
            group === from.group && kind === from.kind && namespace === from.namespace,
        ) &&
        grant.to.some(
          ({ group, kind, name }) =>
            group === to.group && kind === to.kind && (name === undefined || name === '' || name === to.name),
        ),
    );
}
