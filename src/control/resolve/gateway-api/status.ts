import type { ParentRef } from '../../../api/gateway/shared/references.ts';
import type { ObjectKey } from '../../../api/object.ts';
import type { Condition } from './conditions.ts';

/** What a listener's status says. */
export interface ListenerStatus {
  readonly name: string;
  /** Only of ListenerSets. */
  readonly port?: number;
  readonly supportedKinds: readonly { readonly group: string; readonly kind: string }[];
  readonly attachedRoutes: number;
  readonly conditions: readonly Condition[];
}

/** What a controller says of a route at one of its parents. */
export interface ParentStatus {
  readonly parentRef: ParentRef;
  readonly controllerName: string;
  readonly conditions: readonly Condition[];
}

/**
 * The status of one object in the fields of its kind: `conditions` and `listeners` of classes, Gateways and
 * ListenerSets, `parents` of routes, `ancestors` of policies. Times of transition are missing.
 */
export interface GatewayApiStatusFields {
  readonly conditions?: readonly Condition[];
  readonly addresses?: readonly { readonly type: 'IPAddress' | 'Hostname'; readonly value: string }[];
  readonly listeners?: readonly ListenerStatus[];
  /** Of Gateways: how many ListenerSets are taken. */
  readonly attachedListenerSets?: number;
  /** Of classes, by name. */
  readonly supportedFeatures?: readonly { readonly name: string }[];
  readonly parents?: readonly ParentStatus[];
  readonly ancestors?: readonly {
    readonly ancestorRef: ParentRef;
    readonly controllerName: string;
    readonly conditions: readonly Condition[];
  }[];
}

/** One object of the Gateway API that is weft's, and its status. */
export interface GatewayApiStatus {
  readonly key: ObjectKey;
  /** The object's generation, for each condition's observedGeneration; missing where it has none. */
  readonly generation?: number;
  readonly status: GatewayApiStatusFields;
}
