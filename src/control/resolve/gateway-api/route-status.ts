import type { BackendTlsPolicy } from '../../../api/gateway/backend-tls-policy.ts';
import type { Backend } from '../../../api/gateway/experimental/backend.ts';
import type { BackendTrafficPolicy } from '../../../api/gateway/experimental/backend-traffic-policy.ts';
import type { UdpRoute } from '../../../api/gateway/l4-routes.ts';
import type { Resource } from '../../../api/resources.ts';
import type { RuleSet } from '../../../mesh/route.ts';
import { objectKey, objectOf, type Read, step } from '../world.ts';
import { attachedRoutes } from './attached-routes.ts';
import { type BackendTls, backendTlsPolicies } from './backend-tls.ts';
import { backendTrafficPolicies } from './backend-traffic.ts';
import { controllerOfClass } from './classes.ts';
import { type Condition, isFalse, isTrue, resolvedRefs } from './conditions.ts';
import { acceptedBackend, experimentalBackend } from './experimental-backends.ts';
import { MESH_CONTROLLER, parentsOf, routeKey } from './parents.ts';
import { GROUP, type RouteKind, type RouteResource, routeOf } from './route-kinds.ts';
import { type RouteRules, routeRules } from './route-rules.ts';
import type { GatewayApiStatusFields } from './status.ts';

export function routeStatus(
  read: Read,
  kind: RouteKind,
  route: RouteResource,
): GatewayApiStatusFields | undefined {
  const key = routeKey(kind, route);
  const parents = read.of(parentsOf, key);
  if (parents.length === 0) return undefined;
  const { value, findings } = read.of(routeRules, key);
  const [failed] = findings;
  const resolved = resolvedRefs(value?.problems ?? []);
  return {
    parents: parents.map(({ ref, controller, accepted }) => ({
      parentRef: ref,
      controllerName: controller,
      conditions:
        failed === undefined
          ? [...ofRules(accepted, value), resolved]
          : [isFalse('Accepted', 'UnsupportedValue', failed.message), resolved],
    })),
  };
}

/** A route is taken with as many of its rules as can be had; the others answer 500. */
function ofRules(accepted: Condition, rules: RouteRules | undefined): Condition[] {
  const bad = [...(rules?.badRules ?? [])];
  if (accepted.status !== 'True' || bad.length === 0) return [accepted];
  const message = `Dropped Rule ${bad.map(([index, why]) => `${index}: ${why}`).join('; ')}; requests are answered with 500`;
  if (bad.length === rules?.ruleCount) return [isFalse('Accepted', 'UnsupportedValue', message)];
  return [accepted, isTrue('PartiallyInvalid', 'UnsupportedValue', message)];
}

/** UDP is carried by no gateway here: no listener takes such a route. */
export function udpRouteStatus(read: Read, route: Resource<UdpRoute>): GatewayApiStatusFields | undefined {
  const message = 'UDP is not carried: no listener can be opened for it';
  const parents = (route.object.spec.parentRefs ?? []).flatMap((parentRef) => {
    const { group = GROUP, kind = 'Gateway', name, namespace = route.key.namespace } = parentRef;
    const controllerName =
      group === GROUP && kind === 'Gateway' ? controllerOf(read, namespace, name) : undefined;
    if (controllerName === undefined || controllerName === '') return [];
    return [
      { parentRef, controllerName, conditions: [isFalse('Accepted', 'NotAllowedByListeners', message)] },
    ];
  });
  return parents.length === 0 ? undefined : { parents };
}

type AncestorStatus = NonNullable<GatewayApiStatusFields['ancestors']>[number];
type Ancestor = { readonly namespace: string; readonly name: string };

/** Gateways that have routes to a service, by its hostname. */
const gatewaysOfService = step('gateways of a service', (read, host): readonly Ancestor[] => {
  const found = new Map<string, Ancestor>();
  for (const routes of read.of(attachedRoutes, '').byListener.values())
    for (const { rules, attachment } of routes) {
      const { gateway } = attachment.listener;
      if (leadsTo(rules, host)) found.set(`${gateway.namespace}/${gateway.name}`, gateway);
    }
  return [...found.values()];
});

function leadsTo(
  rules: {
    readonly http: readonly { readonly rule: RuleSet['http'][number] }[];
    readonly connections: RuleSet['tcp'];
  },
  host: string,
): boolean {
  const all = [
    ...rules.http.flatMap(({ rule: { action } }) => (action.type === 'forward' ? action.destinations : [])),
    ...rules.connections.flatMap(({ destinations }) => destinations),
  ];
  return all.some(({ destination }) => destination.host === host);
}

const policiesByName = step(
  'backend tls policies by name',
  (read): ReadonlyMap<string, BackendTls> =>
    new Map(read.of(backendTlsPolicies, '').map((policy) => [objectKey(policy.resource), policy])),
);

export function policyStatus(
  read: Read,
  resource: Resource<BackendTlsPolicy>,
): GatewayApiStatusFields | undefined {
  const policy = read.of(policiesByName, '').get(objectKey(resource));
  return policy && ancestorsOf(read, policy.hosts, resource.object.spec.targetRefs, policy.conditions);
}

export function trafficPolicyStatus(
  read: Read,
  resource: Resource<BackendTrafficPolicy>,
): GatewayApiStatusFields | undefined {
  const all = read.of(backendTrafficPolicies, '');
  const policy = all.find((one) => objectKey(one.resource) === objectKey(resource));
  return policy && ancestorsOf(read, policy.hosts, resource.object.spec.targetRefs, policy.conditions);
}

/** An XBackend is judged for each Gateway that has routes to it. */
export function backendStatus(read: Read, resource: Resource<Backend>): GatewayApiStatusFields | undefined {
  const backend = read.of(experimentalBackend, objectKey(resource));
  if (backend === undefined) return undefined;
  const gateways = new Map<string, Ancestor>();
  for (const routes of read.of(attachedRoutes, '').byListener.values())
    for (const { kind, namespace, name, attachment } of routes) {
      const { gateway } = attachment.listener;
      const route = routeOf(read, kind, namespace, name);
      if (route !== undefined && refersTo(route, resource))
        gateways.set(`${gateway.namespace}/${gateway.name}`, gateway);
    }
  const conditions = [acceptedBackend(backend)];
  const ancestors = [...gateways.values()].map((gateway) => ofGateway(read, gateway, conditions));
  return ancestors.length === 0 ? undefined : { ancestors };
}

/** A policy is judged for each Gateway that has routes to one of its services, and for the mesh at each target. */
function ancestorsOf(
  read: Read,
  hosts: readonly string[],
  targetRefs: readonly AncestorStatus['ancestorRef'][],
  conditions: readonly Condition[],
): GatewayApiStatusFields {
  const gateways = new Map<string, Ancestor>();
  for (const host of hosts)
    for (const gateway of read.of(gatewaysOfService, host))
      gateways.set(`${gateway.namespace}/${gateway.name}`, gateway);
  const ofGateways = [...gateways.values()].map((gateway) => ofGateway(read, gateway, conditions));
  const ofTargets = targetRefs.map(
    (ancestorRef): AncestorStatus => ({ ancestorRef, controllerName: MESH_CONTROLLER, conditions }),
  );
  return { ancestors: [...ofGateways, ...ofTargets] };
}

function ofGateway(
  read: Read,
  { namespace, name }: Ancestor,
  conditions: readonly Condition[],
): AncestorStatus {
  const ancestorRef = { group: GROUP, kind: 'Gateway', namespace, name };
  return { ancestorRef, controllerName: controllerOf(read, namespace, name), conditions };
}

/** Whether a route names an XBackend, be it one that cannot be had. */
function refersTo({ key, object: { spec } }: RouteResource, backend: Resource<Backend>): boolean {
  return (spec.rules ?? [])
    .flatMap((rule) => rule.backendRefs ?? [])
    .some(
      ({ kind, name, namespace = key.namespace }) =>
        kind === backend.key.kind && name === backend.key.name && namespace === backend.key.namespace,
    );
}

function controllerOf(read: Read, namespace: string, name: string): string {
  const gateway = objectOf(read, `${GROUP}/Gateway`, namespace, name);
  const controller = gateway && read.of(controllerOfClass, gateway.object.spec.gatewayClassName);
  return controller ?? '';
}
