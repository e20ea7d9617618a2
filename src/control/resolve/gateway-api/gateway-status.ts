import type { KubernetesGateway } from '../../../api/gateway/gateway.ts';
import type { GatewayClass } from '../../../api/gateway/gateway-class.ts';
import type { ListenerSet } from '../../../api/gateway/listener-set.ts';
import type { Resource } from '../../../api/resources.ts';
import { matchesLabels } from '../../../mesh/workload.ts';
import { meshSettings } from '../mesh-settings.ts';
import { services } from '../services.ts';
import { keyOf, objectKey, objectOf, type Read } from '../world.ts';
import { attachedRoutes } from './attached-routes.ts';
import { CONTROLLERS, controllerOfClass } from './classes.ts';
import { type Condition, isFalse, isTrue } from './conditions.ts';
import { gatewayWorkloads, isServed } from './gateways.ts';
import { isAllowed } from './listener-sets.ts';
import { type Listener, listenersOfGateway, listenersOfOwner } from './listeners.ts';
import { GROUP } from './route-kinds.ts';
import type { GatewayApiStatusFields, ListenerStatus } from './status.ts';

export function classStatus(
  _read: Read,
  { object }: Resource<GatewayClass>,
): GatewayApiStatusFields | undefined {
  if (!CONTROLLERS.includes(object.spec.controllerName)) return undefined;
  return { conditions: [isTrue('Accepted', 'Accepted')] };
}

export function gatewayStatus(
  read: Read,
  resource: Resource<KubernetesGateway>,
): GatewayApiStatusFields | undefined {
  const all = read.of(listenersOfGateway, objectKey(resource));
  if (all === undefined) return undefined;
  const own = all.filter(({ owner }) => owner.kind === 'Gateway');
  return {
    addresses: addressesOf(read, objectKey(resource)),
    conditions: [accepted(own), programmed(read, objectKey(resource), all)],
    listeners: own.map((listener) => listenerStatus(read, listener)),
  };
}

/** The Gateway is taken, with as many of its listeners as can be opened. */
function accepted(listeners: readonly Listener[]): Condition {
  const bad = listeners.filter(({ usable }) => !usable).map(({ spec }) => spec.name);
  if (bad.length === 0) return isTrue('Accepted', 'Accepted');
  const message = `not opened: ${bad.join(', ')}; their conditions say why`;
  return bad.length === listeners.length
    ? isFalse('Accepted', 'ListenersNotValid', message)
    : isTrue('Accepted', 'ListenersNotValid', message);
}

function programmed(read: Read, key: string, listeners: readonly Listener[]): Condition {
  if (!listeners.some(({ usable }) => usable))
    return isFalse('Programmed', 'Invalid', 'no listener can be opened');
  if (!read.of(isServed, key))
    return isFalse(
      'Programmed',
      'NoResources',
      'no Pod opens the listeners: there is none labelled gateway.networking.k8s.io/gateway-name, and no ingress gateway',
    );
  return isTrue('Programmed', 'Programmed');
}

/** Addresses of the Services that lead to the Gateway's Pods. */
function addressesOf(read: Read, key: string): NonNullable<GatewayApiStatusFields['addresses']> {
  const { selector, workloadNamespace } = read.of(gatewayWorkloads, key);
  const namespace = workloadNamespace ?? read.of(meshSettings, '').rootNamespace;
  const leading = read
    .of(services, '')
    .filter((service) => service.namespace === namespace && service.registry === 'kubernetes')
    .filter((service) => matchesLabels(selector, service.selector ?? {}));
  const values = [...new Set(leading.flatMap(({ addresses }) => addresses))];
  return values.map((value) => ({ type: 'IPAddress', value }));
}

export function listenerSetStatus(
  read: Read,
  resource: Resource<ListenerSet>,
): GatewayApiStatusFields | undefined {
  const { namespace, name } = resource.key;
  const { name: parent, namespace: parentNamespace = namespace } = resource.object.spec.parentRef;
  const gateway = objectOf(read, `${GROUP}/Gateway`, parentNamespace, parent);
  if (gateway === undefined) return undefined;
  if (read.of(controllerOfClass, gateway.object.spec.gatewayClassName) === undefined) return undefined;
  if (!isAllowed(read, gateway, namespace)) {
    const message = `Gateway ${parent} allows no ListenerSets of ${namespace} (allowedListeners)`;
    return {
      conditions: [isFalse('Accepted', 'NotAllowed', message), isFalse('Programmed', 'NotAllowed', message)],
    };
  }
  const listeners = listenersOfOwner(read, { kind: 'ListenerSet', namespace, name }) ?? [];
  return {
    conditions: [accepted(listeners), programmed(read, keyOf(parentNamespace, parent), listeners)],
    listeners: listeners.map((listener) => ({
      ...listenerStatus(read, listener),
      port: listener.spec.port,
    })),
  };
}

function listenerStatus(read: Read, { id, spec, kinds, conditions }: Listener): ListenerStatus {
  const attached = read.of(attachedRoutes, '').byListener.get(id) ?? [];
  const routes = new Set(attached.map(({ kind, namespace, name }) => keyOf(kind, namespace, name)));
  return {
    name: spec.name,
    supportedKinds: kinds.map((kind) => ({ group: GROUP, kind })),
    attachedRoutes: routes.size,
    conditions,
  };
}
