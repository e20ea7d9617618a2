import type { ParentRef } from '../../../api/gateway/shared/references.ts';
import { hostMatches } from '../../../mesh/hostname.ts';
import { kubernetesService } from '../kubernetes-services.ts';
import { serviceEntry } from '../service-entries.ts';
import { keyOf, listOf, objectOf, partsOf, type Read, step } from '../world.ts';
import { controllerOfClass } from './classes.ts';
import { type Condition, isFalse, isTrue } from './conditions.ts';
import { LISTENER_SETS, type ListenerPlace, type OwnerKind } from './listener-place.ts';
import { namespaceAllowed } from './listener-sets.ts';
import { type Listener, listenersOfOwner } from './listeners.ts';
import { GROUP, hostnamesOf, type RouteKind, type RouteResource, routeOf } from './route-kinds.ts';

// Where routes attach: to listeners of Gateways, and to services for calls within the mesh (GAMMA).

/** A place that a route is attached to. */
export type Attachment =
  | {
      readonly type: 'listener';
      readonly listener: Listener;
      /** What the listener's and the route's hosts have in common; `*` for all. */
      readonly hosts: readonly string[];
    }
  | {
      readonly type: 'service';
      readonly host: string;
      /** Namespace of the service. A route of the same is the producer's, one of another for that one's clients. */
      readonly namespace: string;
      readonly port?: number;
    };

/** One parentRef of a route, and what became of it. */
export interface Parent {
  readonly ref: ParentRef;
  readonly controller: string;
  readonly accepted: Condition;
  readonly attachments: readonly Attachment[];
}

/** Key of {@link parentsOf}. */
export function routeKey(kind: RouteKind, route: RouteResource): string {
  return keyOf(kind, route.key.namespace, route.key.name);
}

/** The parents of a route that are weft's to judge, by kind, namespace and name; others are left out. */
export const parentsOf = step('parents of a route', (read, key): readonly Parent[] => {
  const [kind = '', namespace = '', name = ''] = partsOf(key);
  const route = routeOf(read, kind as RouteKind, namespace, name);
  if (route === undefined) return [];
  return [...(route.object.spec.parentRefs ?? []), ...defaultParents(read, route)]
    .map((ref) => parentOf(read, kind as RouteKind, route, ref))
    .filter((parent) => parent !== undefined);
});

/** Gateways that take every route that asks for any (`defaultScope`), where a route does. */
function defaultParents(read: Read, { object: { spec } }: RouteResource): readonly ParentRef[] {
  if (!('useDefaultGateways' in spec) || spec.useDefaultGateways !== 'All') return [];
  return listOf(read, `${GROUP}/Gateway`)
    .filter(({ object }) => object.spec.defaultScope === 'All')
    .map(({ key: { namespace, name } }) => ({ group: GROUP, kind: 'Gateway', namespace, name }));
}

function parentOf(read: Read, kind: RouteKind, route: RouteResource, ref: ParentRef): Parent | undefined {
  const { group = GROUP, kind: parentKind = 'Gateway', namespace = route.key.namespace, name } = ref;
  const id = `${group}/${parentKind}`;
  const kindOfOwner = OWNERS[id];
  if (kindOfOwner !== undefined) {
    const owner = { kind: kindOfOwner, namespace, name };
    const listeners = listenersOfOwner(read, owner);
    const controller = controllerOf(read, owner);
    if (listeners === undefined || controller === undefined) return undefined;
    return { ref, controller, ...attachedTo(read, kind, route, ref, listeners) };
  }
  if (id === '/Service' || id === 'networking.istio.io/ServiceEntry')
    return { ref, controller: MESH_CONTROLLER, ...attachedToService(read, id, namespace, ref) };
  return undefined;
}

const OWNERS: Readonly<Record<string, OwnerKind>> = {
  [`${GROUP}/Gateway`]: 'Gateway',
  [LISTENER_SETS.ListenerSet]: 'ListenerSet',
  [LISTENER_SETS.XListenerSet]: 'XListenerSet',
};

/** Whose name stands in the status of routes of services: of the mesh itself. */
export const MESH_CONTROLLER = 'weft.dev/gateway-controller';

function controllerOf(read: Read, owner: ListenerPlace['owner']): string | undefined {
  const { kind, namespace, name } = owner;
  if (kind === 'Gateway') {
    const gateway = objectOf(read, `${GROUP}/Gateway`, namespace, name);
    return gateway && read.of(controllerOfClass, gateway.object.spec.gatewayClassName);
  }
  const ref = objectOf(read, LISTENER_SETS[kind], namespace, name)?.object.spec.parentRef;
  return (
    ref && controllerOf(read, { kind: 'Gateway', name: ref.name, namespace: ref.namespace ?? namespace })
  );
}

type Attached = Pick<Parent, 'accepted' | 'attachments'>;

function refused(reason: string, message: string): Attached {
  return { accepted: isFalse('Accepted', reason, message), attachments: [] };
}

/** Each step leaves fewer listeners; where none is left, that step is the reason. */
function attachedTo(
  read: Read,
  kind: RouteKind,
  route: RouteResource,
  ref: ParentRef,
  listeners: readonly Listener[],
): Attached {
  const { sectionName, port } = ref;
  const named = listeners.filter(
    ({ spec }) =>
      (sectionName === undefined || spec.name === sectionName) && (port === undefined || spec.port === port),
  );
  if (named.length === 0)
    return refused('NoMatchingParent', `${ref.name} has no listener of that name and port`);
  const allowed = named.filter(
    (listener) =>
      listener.kinds.includes(kind) &&
      namespaceAllowed(read, { ...listener, own: listener.owner.namespace }, route.key.namespace),
  );
  if (kind === 'TLSRoute' && named.every(({ spec }) => spec.protocol !== 'TLS'))
    return refused('UnsupportedValue', 'TLSRoutes attach to listeners with protocol TLS only');
  if (allowed.length === 0)
    return refused('NotAllowedByListeners', `no listener allows ${kind}s of ${route.key.namespace}`);
  const attachments = allowed
    .map((listener) => ({
      type: 'listener' as const,
      listener,
      hosts: commonHosts(listener.hostname, hostnamesOf(route)),
    }))
    .filter(({ hosts }) => hosts.length > 0);
  if (attachments.length === 0)
    return refused('NoMatchingListenerHostname', 'no listener has a host in common with the route');
  return { accepted: isTrue('Accepted', 'Accepted'), attachments };
}

/** The narrower of a listener's host and each of a route's; all of the listener's for a route without hosts. */
export function commonHosts(listener: string, hosts: readonly string[]): readonly string[] {
  if (hosts.length === 0) return [listener];
  const common = hosts.flatMap((host) => {
    if (hostMatches(listener, host)) return [host];
    return hostMatches(host, listener) ? [listener] : [];
  });
  return [...new Set(common)];
}

function attachedToService(
  read: Read,
  id: '/Service' | 'networking.istio.io/ServiceEntry',
  namespace: string,
  { name, port, sectionName }: ParentRef,
): Attached {
  const key = keyOf(namespace, name);
  const found =
    id === '/Service' ? [read.of(kubernetesService, key).value] : read.of(serviceEntry, key).value;
  const services = (found ?? []).filter((service) => service !== undefined);
  if (services.length === 0)
    return refused('NoMatchingParent', `there is no ${id.split('/')[1]} ${namespace}/${name}`);
  const whole = port === undefined && sectionName === undefined;
  const attachments = services.flatMap(({ hostname: host, ports }) => {
    const at = { type: 'service' as const, host, namespace };
    if (whole) return [at];
    return ports
      .filter((one) => port === undefined || one.number === port)
      .filter((one) => sectionName === undefined || one.name === sectionName)
      .map(({ number }) => ({ ...at, port: number }));
  });
  if (attachments.length === 0)
    return refused(
      'NoMatchingParent',
      `${name} has no port ${[sectionName, port].filter(Boolean).join(' ')}`,
    );
  return { accepted: isTrue('Accepted', 'Accepted'), attachments };
}
