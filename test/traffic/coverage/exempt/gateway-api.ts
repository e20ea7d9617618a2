import type { Exempt } from '../kinds.ts';

// Fields of the Gateway API and of EnvoyFilter that no TrafficTest shows, each with the reason.

const AS_HTTP = 'shown for HTTPRoutes and TLSRoutes';
const NO_WAYPOINTS = 'there are no waypoints: a finding says that the change is not made';

export const HTTP_ROUTE: Exempt = {};
export const GRPC_ROUTE: Exempt = {
  useDefaultGateways: AS_HTTP,
  'rules.sessionPersistence.type: Cookie': AS_HTTP,
  'rules.sessionPersistence.cookie': AS_HTTP,
  'rules.sessionPersistence.cookieConfig': AS_HTTP,
  'rules.sessionPersistence.sessionName': AS_HTTP,
};
export const TLS_ROUTE: Exempt = { 'useDefaultGateways: None': AS_HTTP };
export const TCP_ROUTE: Exempt = { useDefaultGateways: AS_HTTP };

const NO_UDP = 'UDP is not carried: the status says so, and there is nothing to call';
export const UDP_ROUTE: Exempt = { parentRefs: NO_UDP, rules: NO_UDP, useDefaultGateways: NO_UDP };

const AS_ROUTES = 'the same message and the same code as of routes, which show it';
const AS_POLICIES = 'the same message and the same code as of a BackendTLSPolicy, whose tests show it';
const AS_SETS = 'the same code as of ListenerSets, whose tests show it';

export const EXPERIMENTAL_BACKEND: Exempt = {
  'protocol: TCP': 'a route over TCP leads there as to a Service',
  'protocol: HTTP2': 'like H2C, within TLS',
  'protocol: MCP': 'HTTP, as far as a proxy sees',
  'protocol: GRPC': 'like H2C',
  'protocol: WSS': 'HTTP that is upgraded, within TLS',
  'tls.clientCertificateRef.group': 'refused with the reason, whatever is in it',
  'tls.clientCertificateRef.kind': 'refused with the reason, whatever is in it',
  'tls.clientCertificateRef.namespace': 'refused with the reason, whatever is in it',
  'tls.validation.caCertificateRefs': AS_POLICIES,
  'tls.validation.subjectAltNames': AS_POLICIES,
};
export const BACKEND_TRAFFIC: Exempt = {
  'sessionPersistence.type: Cookie': AS_ROUTES,
  'sessionPersistence.cookie': AS_ROUTES,
  'sessionPersistence.cookieConfig': AS_ROUTES,
  'sessionPersistence.sessionName': AS_ROUTES,
  'sessionPersistence.absoluteTimeout': AS_ROUTES,
};
export const EXPERIMENTAL_LISTENER_SET: Exempt = {
  'parentRef.namespace': AS_SETS,
  'listeners.tls': AS_SETS,
  'listeners.allowedRoutes': AS_SETS,
};
export const EXPERIMENTAL_MESH: Exempt = {
  parametersRef: 'says nothing about calls; unit tests show the status',
};

export const ENVOY_FILTER: Exempt = {
  'targetRefs.namespace': 'Gateways that proxies belong to are of the namespace of the EnvoyFilter',
  'configPatches.applyTo: INVALID': 'validation refuses it',
  'configPatches.applyTo: BOOTSTRAP':
    'written where a proxy is started: a finding says that the change is not made',
  'configPatches.match.context: WAYPOINT': NO_WAYPOINTS,
  'configPatches.match.waypoint': NO_WAYPOINTS,
  'configPatches.match.listener.portName': 'passed over, as in Istio: a finding says so',
  'configPatches.patch.operation: INVALID': 'validation refuses it',
  'configPatches.patch.filterClass': 'without effect in Istio, too: places are said by the operation',
};
