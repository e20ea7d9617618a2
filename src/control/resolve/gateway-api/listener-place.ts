import type { Listener as ListenerSpec } from '../../../api/gateway/shared/listeners.ts';
import type { Origin } from '../../../mesh/origin.ts';

/** Kinds that listeners are written in. */
export type OwnerKind = 'Gateway' | ListenerSetKind;
export type ListenerSetKind = (typeof listenerSetKinds)[number];

/** Both are the same: the second is what the first was called while it was tried out. */
export const listenerSetKinds = ['ListenerSet', 'XListenerSet'] as const;

export const LISTENER_SETS = {
  ListenerSet: 'gateway.networking.k8s.io/ListenerSet',
  XListenerSet: 'gateway.networking.x-k8s.io/XListenerSet',
} as const;

/** A listener as its object writes it, with its place. */
export interface ListenerPlace {
  /** The Gateway that opens it. */
  readonly gateway: { readonly namespace: string; readonly name: string };
  /** The object that it is written in. */
  readonly owner: {
    readonly kind: OwnerKind;
    readonly namespace: string;
    readonly name: string;
  };
  readonly spec: ListenerSpec;
  readonly origin: Origin;
}
