import type { Listener as ListenerSpec } from '../../../api/gateway/shared/listeners.ts';
import type { Origin } from '../../../mesh/origin.ts';

/** A listener as its object writes it, with its place. */
export interface ListenerPlace {
  /** The Gateway that opens it. */
  readonly gateway: { readonly namespace: string; readonly name: string };
  /** The object that it is written in. */
  readonly owner: {
    readonly kind: 'Gateway' | 'ListenerSet';
    readonly namespace: string;
    readonly name: string;
  };
  readonly spec: ListenerSpec;
  readonly origin: Origin;
}
