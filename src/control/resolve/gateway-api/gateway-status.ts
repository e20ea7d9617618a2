import type { Mesh } from '../../../api/gateway/experimental/mesh.ts';
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
import { clientCertificate } from './client-certificates.ts';
import { type Condition, isFalse, isTrue } from './conditions.ts';
import { SUPPORTED_FEATURES } from './features.ts';
import { isServed } from './gateways.ts';
import type { ListenerSetKind } from './listener-place.ts';
import { isAllowed } from './listener-sets.ts';
import { type Listener, listenersOfGateway, listenersOfOwner } from './listeners.ts';
import { GROUP } from './route-kinds.ts';
import type { GatewayApiStatusFields, ListenerStatus } from './status.ts';
import { gatewayWorkloads, servicesOfAddresses } from './workloads.ts';

export function classStatus(
  read: Read,
  { object }: Resource<GatewayClass>,
): GatewayApiStatusFields | undefined {
  const { controllerName, parametersRef } = object.spec;
  if (!CONTROLLERS.includes(controllerName)) return undefined;
  const problem = parametersRef && parametersProblem(read, parametersRef.namespace ?? '', parametersRef);
  return {
    conditions: [
      problem === undefined
        ? isTrue('Accepted', 'Accepted')
        : isFalse('Accepted', 'InvalidParameters', problem),
    ],
    supportedFeatures: SUPPORTED_FEATURES.map((name) => ({ name })),
  };
}

/** A mesh that is weft's: what it can do with routes of Services. */
export function meshStatus(read: Read, { object }: Resource<Mesh>): GatewayApiStatusFields | undefined {
  const { controllerName, parametersRef } = object.spec;
  if (!CONTROLLERS.includes(controllerName)) return undefined;
  const problem = parametersRef && parametersProblem(read, parametersRef.namespace ?? '', parametersRef);
  const accepted =
    problem === undefined
      ? isTrue('Accepted', 'Accepted')
      : isFalse('Accepted', 'InvalidParameters', problem);
  const features = SUPPORTED_FEATURES.filter((name) => name.startsWith('Mesh'));
  return { conditions: [accepted], supportedFeatures: features.map((name) => ({ name })) };
}

/** Parameters are for whoever deploys gateways, in a ConfigMap as Istio reads them: here they only have to be there. */
function parametersProblem(
  read: Read,
  namespace: string,
  { group, kind, name }: { readonly group: string; readonly kind: string; readonly name: string },
): string | undefined {
  if (group !== '' || kind !== 'ConfigMap') return `parametersRef: ${kind} ${name} is not a ConfigMap`;
  return objectOf(read, '/ConfigMap', namespace, name) === undefined
    ? `parametersRef: there is no ConfigMap ${namespace}/${name}`
    : undefined;
}

export function gatewayStatus(
  read: Read,
  resource: Resource<KubernetesGateway>,
): GatewayApiStatusFields | undefined {
  const all = read.of(listenersOfGateway, objectKey(resource));
  if (all === undefined) return undefined;
  const own = all.filter(({ owner }) => owner.kind === 'Gateway');
  const key = objectKey(resource);
  const addresses = addressesOf(read, key);
  const sets = attachedSets(all);
  return {
    addresses,
    conditions: [
      badSpec(read, resource) ?? accepted(own),
      unusableAddress(read, resource, addresses) ?? programmed(read, key, all),
      references(read, key, own),
      ...insecure(resource.object),
    ],
    listeners: own.map((listener) => listenerStatus(read, listener)),
    ...(sets === 0 ? {} : { attachedListenerSets: sets }),
  };
}

/** ListenerSets with a listener that is opened. */
function attachedSets(all: readonly Listener[]): number {
  const sets = all
    .filter(({ owner, usable }) => owner.kind !== 'Gateway' && usable)
    .map(({ owner }) => `${owner.kind}/${owner.namespace}/${owner.name}`);
  return new Set(sets).size;
}

/** What nobody could serve, whatever its listeners are. */
function badSpec(read: Read, { key, object: { spec } }: Resource<KubernetesGateway>): Condition | undefined {
  const { parametersRef } = spec.infrastructure ?? {};
  const problem = parametersRef && parametersProblem(read, key.namespace, parametersRef);
  if (problem !== undefined) return isFalse('Accepted', 'InvalidParameters', problem);
  const other = spec.addresses?.find(({ type = 'IPAddress' }) => type !== 'IPAddress' && type !== 'Hostname');
  return (
    other && isFalse('Accepted', 'UnsupportedAddress', `addresses of type ${other.type} are not supported`)
  );
}

/** Addresses are those of Services: others cannot be had. */
function unusableAddress(
  read: Read,
  resource: Resource<KubernetesGateway>,
  addresses: NonNullable<GatewayApiStatusFields['addresses']>,
): Condition | undefined {
  const nobody = read
    .of(servicesOfAddresses, objectKey(resource))
    .find(({ service }) => service === undefined);
  if (nobody !== undefined)
    return isFalse('Programmed', 'AddressNotUsable', `there is no Service ${nobody.address}`);
  const strange = (resource.object.spec.addresses ?? []).find(
    ({ type = 'IPAddress', value = '' }) =>
      type === 'IPAddress' && value !== '' && !addresses.some((own) => own.value === value),
  );
  return (
    strange &&
    isFalse(
      'Programmed',
      'AddressNotUsable',
      `no Service of the Gateway's Pods has the address ${strange.value}`,
    )
  );
}

function references(read: Read, key: string, own: readonly Listener[]): Condition {
  const { problem } = read.of(clientCertificate, key);
  if (problem !== undefined) return isFalse('ResolvedRefs', problem.reason, problem.message);
  const bad = own
    .filter(({ conditions }) =>
      conditions.some(({ type, status }) => type === 'ResolvedRefs' && status === 'False'),
    )
    .map(({ spec }) => spec.name);
  if (bad.length === 0) return isTrue('ResolvedRefs', 'ResolvedRefs');
  return isFalse(
    'ResolvedRefs',
    'ListenersNotResolved',
    `the conditions of listeners say why: ${bad.join(', ')}`,
  );
}

/** Clients are let in whatever certificate they show: whoever reads the status is to know. */
function insecure({ spec }: KubernetesGateway): Condition[] {
  const { default: standard, perPort = [] } = spec.tls?.frontend ?? {};
  const modes = [standard, ...perPort.map(({ tls }) => tls)].map((tls) => tls?.validation?.mode);
  if (!modes.includes('AllowInsecureFallback')) return [];
  const message =
    'clients without a certificate that can be verified are let in (AllowInsecureFallback); no rule of an AuthorizationPolicy believes what their certificates say';
  return [isTrue('InsecureFrontendValidationMode', 'ConfigurationChanged', message)];
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
  const listeners =
    listenersOfOwner(read, { kind: resource.key.kind as ListenerSetKind, namespace, name }) ?? [];
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
