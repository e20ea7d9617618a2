import { parse } from 'yaml';
import type { z } from 'zod';
import { meshConfigSchema } from '../../../src/api/istio/mesh-config/schema.ts';
import { meshNetworksSchema } from '../../../src/api/istio/mesh-networks.ts';
import { type KindId, kindOf } from '../../../src/api/kinds.ts';
import { isPlainObject } from '../../../src/api/plain.ts';
import { schemaAt } from '../../../src/api/schema-shape.ts';
import { DESTINATION_RULE } from './exempt/destination-rule.ts';
import {
  BACKEND_TRAFFIC,
  ENVOY_FILTER,
  EXPERIMENTAL_BACKEND,
  EXPERIMENTAL_LISTENER_SET,
  EXPERIMENTAL_MESH,
  GRPC_ROUTE,
  HTTP_ROUTE,
  TCP_ROUTE,
  TLS_ROUTE,
  UDP_ROUTE,
} from './exempt/gateway-api.ts';
import { MESH_CONFIG, MESH_NETWORKS } from './exempt/mesh-config.ts';
import {
  ENDPOINT_SLICE,
  GATEWAY,
  POD,
  PROXY_CONFIG,
  SERVICE,
  SERVICE_ENTRY,
  SIDECAR,
  WORKLOAD_ENTRY,
  WORKLOAD_GROUP,
} from './exempt/network.ts';
import { AUTHORIZATION_POLICY, REQUEST_AUTHENTICATION } from './exempt/security.ts';
import { VIRTUAL_SERVICE } from './exempt/virtual-service.ts';
import type { UsedObject } from './used-objects.ts';

/** Fields, or words of fields, that no TrafficTest shows, each with the reason. A field stands for all that is in it. */
export type Exempt = Readonly<Record<string, string>>;

/** A kind of which every field must be shown. */
export interface CoveredKind {
  readonly name: string;
  /** What has the fields. */
  readonly schema: z.ZodType;
  /** The values of that schema in an object that a test uses. */
  readonly valuesOf: (used: UsedObject) => readonly unknown[];
  readonly exempt: Exempt;
}

/** The kinds that are looked at. */
export const coveredKinds: readonly CoveredKind[] = [
  kind('networking.istio.io/VirtualService', VIRTUAL_SERVICE),
  kind('networking.istio.io/DestinationRule', DESTINATION_RULE),
  kind('gateway.networking.k8s.io/GatewayClass', {}),
  kind('gateway.networking.k8s.io/Gateway', {}),
  kind('gateway.networking.k8s.io/ListenerSet', {}),
  kind('gateway.networking.k8s.io/HTTPRoute', HTTP_ROUTE),
  kind('gateway.networking.k8s.io/GRPCRoute', GRPC_ROUTE),
  kind('gateway.networking.k8s.io/TLSRoute', TLS_ROUTE),
  kind('gateway.networking.k8s.io/TCPRoute', TCP_ROUTE),
  kind('gateway.networking.k8s.io/UDPRoute', UDP_ROUTE),
  kind('gateway.networking.k8s.io/ReferenceGrant', {}),
  kind('gateway.networking.k8s.io/BackendTLSPolicy', {}),
  kind('gateway.networking.x-k8s.io/XBackend', EXPERIMENTAL_BACKEND),
  kind('gateway.networking.x-k8s.io/XBackendTrafficPolicy', BACKEND_TRAFFIC),
  kind('gateway.networking.x-k8s.io/XListenerSet', EXPERIMENTAL_LISTENER_SET),
  kind('gateway.networking.x-k8s.io/XMesh', EXPERIMENTAL_MESH),
  kind('networking.istio.io/EnvoyFilter', ENVOY_FILTER),
  kind('networking.istio.io/Gateway', GATEWAY),
  kind('networking.istio.io/ServiceEntry', SERVICE_ENTRY),
  kind('networking.istio.io/WorkloadEntry', WORKLOAD_ENTRY),
  kind('networking.istio.io/WorkloadGroup', WORKLOAD_GROUP),
  kind('networking.istio.io/Sidecar', SIDECAR),
  kind('networking.istio.io/ProxyConfig', PROXY_CONFIG),
  kind('security.istio.io/AuthorizationPolicy', AUTHORIZATION_POLICY),
  kind('security.istio.io/RequestAuthentication', REQUEST_AUTHENTICATION),
  kind('security.istio.io/PeerAuthentication', {}),
  kind('/Service', SERVICE),
  kind('discovery.k8s.io/EndpointSlice', ENDPOINT_SLICE),
  kind('/Pod', POD),
  kind('networking.k8s.io/Ingress', {}),
  kind('networking.k8s.io/IngressClass', {}),
  inConfigMap('MeshConfig', 'mesh', meshConfigSchema, MESH_CONFIG),
  inConfigMap('MeshNetworks', 'meshNetworks', meshNetworksSchema, MESH_NETWORKS),
];

/** What stands as YAML under a key of the ConfigMap `istio`. */
function inConfigMap(name: string, key: string, schema: z.ZodType, exempt: Exempt): CoveredKind {
  const valuesOf = ({ kindId, object }: UsedObject) => {
    const data = kindId === '/ConfigMap' && isPlainObject(object) ? object['data'] : undefined;
    const text = isPlainObject(data) ? data[key] : undefined;
    return typeof text === 'string' ? [parse(text)] : [];
  };
  return { name, schema, valuesOf, exempt };
}

/** A kind of the table of kinds: the fields of its spec, or, where it has none, of the object. */
function kind(id: KindId, exempt: Exempt): CoveredKind {
  const { body, hasSpec } = kindOf(id);
  const schema = hasSpec ? (schemaAt(body, 'spec') as z.ZodType) : body;
  const valuesOf = ({ kindId, object }: UsedObject) =>
    kindId === id && isPlainObject(object) ? [hasSpec ? object['spec'] : object] : [];
  return { name: id.slice(id.indexOf('/') + 1), schema, valuesOf, exempt };
}
