import type { Exempt } from '../kinds.ts';

// Fields of the Gateway API and of EnvoyFilter that no TrafficTest shows, each with the reason.

const AS_HTTP = 'shown for HTTPRoutes and TLSRoutes';
const NO_WAYPOINTS = 'there are no waypoints: a finding says that the change is not made';

export const HTTP_ROUTE: Exempt = {};
export const GRPC_ROUTE: Exempt = {
  useDefaultGateways: AS_HTTP,
  'rules.sessionPersistence.type: Cookie': AS_HTTP,
  'rules.sessionPersistence.cookie': AS_HTTP,
  'rules.sessionPersistence.sessionName': AS_HTTP,
};
export const TLS_ROUTE: Exempt = { 'useDefaultGateways: None': AS_HTTP };
export const TCP_ROUTE: Exempt = { useDefaultGateways: AS_HTTP };

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
