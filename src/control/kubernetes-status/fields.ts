/**
 * Statuses of the Kubernetes Gateway API as a cluster has them.
 *
 * In: what resolve/gateway-api judges of each object, and the objects as they lie in the cluster, with the statuses that
 * stand there. Out: statuses with observedGeneration (this file), and the least that has to be written for them to stand
 * there (patches.ts). Asked by the HTTP API, and by whoever watches a cluster, who sends the patches. What never happens
 * here: requests, clocks (the time comes in), touching what other controllers wrote.
 */
import type { Condition } from '../resolve/gateway-api/conditions.ts';
import type { GatewayApiStatus, GatewayApiStatusFields } from '../resolve/gateway-api/status.ts';

/** A condition with the generation of the object that it is about; missing where the object has none (files). */
export interface ObservedCondition extends Condition {
  readonly observedGeneration?: number;
}

type With<C, T> = T extends { readonly conditions: readonly Condition[] }
  ? Omit<T, 'conditions'> & { readonly conditions: readonly C[] }
  : never;
type Item<K extends 'listeners' | 'parents' | 'ancestors'> = NonNullable<GatewayApiStatusFields[K]>[number];

/** {@link GatewayApiStatusFields} with conditions of another type. */
export interface StatusWith<C>
  extends Omit<GatewayApiStatusFields, 'conditions' | 'listeners' | 'parents' | 'ancestors'> {
  readonly conditions?: readonly C[];
  readonly listeners?: readonly With<C, Item<'listeners'>>[];
  readonly parents?: readonly With<C, Item<'parents'>>[];
  readonly ancestors?: readonly With<C, Item<'ancestors'>>[];
}

/** Most parents and ancestors that a status may have (the API's limits). */
const MAX_PARENTS = 32;
const MAX_ANCESTORS = 16;

/** An object's status as it is to stand in the cluster, but for the times of transitions. */
export function statusFields({ status, generation }: GatewayApiStatus): StatusWith<ObservedCondition> {
  const seen = (condition: Condition): ObservedCondition =>
    generation === undefined ? condition : { ...condition, observedGeneration: generation };
  return withConditions(status, (conditions) => conditions.map(seen));
}

/** The same with every list of conditions replaced; lists that are longer than the API allows are cut. */
export function withConditions<C extends Condition, D extends Condition>(
  status: StatusWith<C>,
  change: (conditions: readonly C[], place: string) => readonly D[],
): StatusWith<D> {
  const { conditions, listeners, parents, ancestors, ...rest } = status;
  return {
    ...rest,
    ...(conditions && { conditions: change(conditions, '') }),
    ...(listeners && {
      listeners: listeners.map((one) => ({
        ...one,
        conditions: change(one.conditions, `listeners/${one.name}`),
      })),
    }),
    ...(parents && {
      parents: parents.slice(0, MAX_PARENTS).map((one) => ({
        ...one,
        conditions: change(one.conditions, `parents/${parentKey(one.controllerName, one.parentRef)}`),
      })),
    }),
    ...(ancestors && {
      ancestors: ancestors.slice(0, MAX_ANCESTORS).map((one) => ({
        ...one,
        conditions: change(one.conditions, `ancestors/${parentKey(one.controllerName, one.ancestorRef)}`),
      })),
    }),
  };
}

/** What tells one entry of `parents` or `ancestors` from others; what a reference leaves out is its default. */
export function parentKey(controllerName: string, ref: { readonly [field: string]: unknown }): string {
  const { group = 'gateway.networking.k8s.io', kind = 'Gateway', namespace = '', name } = ref;
  const { sectionName = '', port = '' } = ref;
  return JSON.stringify([controllerName, group, kind, namespace, name, sectionName, port]);
}
