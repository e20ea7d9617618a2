import { type BackendTlsPolicy, backendTlsPolicy } from './gateway/backend-tls-policy.ts';
import { type Backend, backend } from './gateway/experimental/backend.ts';
import {
  type BackendTrafficPolicy,
  backendTrafficPolicy,
} from './gateway/experimental/backend-traffic-policy.ts';
import { type Mesh, mesh } from './gateway/experimental/mesh.ts';
import { type KubernetesGateway, kubernetesGateway } from './gateway/gateway.ts';
import { type GatewayClass, gatewayClass } from './gateway/gateway-class.ts';
import { type GrpcRoute, grpcRoute } from './gateway/grpc-route.ts';
import { type HttpRoute, kubernetesHttpRoute } from './gateway/http-route.ts';
import {
  type TcpRoute,
  type TlsRoute,
  tcpRoute,
  tlsRoute,
  type UdpRoute,
  udpRoute,
} from './gateway/l4-routes.ts';
import { experimentalListenerSet, type ListenerSet, listenerSet } from './gateway/listener-set.ts';
import { type ReferenceGrant, referenceGrant } from './gateway/reference-grant.ts';
import { type AuthorizationPolicy, authorizationPolicy } from './istio/authorization-policy.ts';
import { type DestinationRule, destinationRule } from './istio/destination-rule.ts';
import { type EnvoyFilter, envoyFilter } from './istio/envoy-filter.ts';
import { type Gateway, gateway } from './istio/gateway.ts';
import { type PeerAuthentication, peerAuthentication } from './istio/peer-authentication.ts';
import { type ProxyConfig, proxyConfig } from './istio/proxy-config.ts';
import { type RequestAuthentication, requestAuthentication } from './istio/request-authentication.ts';
import { type ServiceEntry, serviceEntry } from './istio/service-entry.ts';
import { type Sidecar, sidecar } from './istio/sidecar.ts';
import { type Telemetry, telemetry } from './istio/telemetry.ts';
import { type TrafficExtension, trafficExtension } from './istio/traffic-extension.ts';
import { type VirtualService, virtualService } from './istio/virtual-service.ts';
import { type WasmPlugin, wasmPlugin } from './istio/wasm-plugin.ts';
import { type WorkloadEntry, workloadEntry } from './istio/workload-entry.ts';
import { type WorkloadGroup, workloadGroup } from './istio/workload-group.ts';
import type { Kind } from './kind.ts';
import { type ConfigMap, configMap, type Secret, secret } from './kubernetes/config-data.ts';
import { type EndpointSlice, type Endpoints, endpointSlice, endpoints } from './kubernetes/endpoints.ts';
import { type Ingress, type IngressClass, ingress, ingressClass } from './kubernetes/ingress.ts';
import {
  type Namespace,
  namespace,
  type ServiceAccount,
  serviceAccount,
} from './kubernetes/metadata-kinds.ts';
import { type Node, node } from './kubernetes/node.ts';
import { type Pod, pod } from './kubernetes/pod.ts';
import { type Service, service } from './kubernetes/service.ts';
import {
  type DaemonSet,
  type Deployment,
  daemonSet,
  deployment,
  type Job,
  job,
  type ReplicaSet,
  replicaSet,
  type StatefulSet,
  statefulSet,
} from './kubernetes/workload-kinds.ts';
import { nearestName } from './nearest-name.ts';
import { groupOf, kindIdOf, versionOf } from './object.ts';
import { type TrafficTest, trafficTest } from './weft/traffic-test.ts';

/** The table of all kinds that weft reads, by `group/kind`. A new kind is one file and one line here. */
const kinds = {
  'networking.istio.io/VirtualService': virtualService,
  'networking.istio.io/DestinationRule': destinationRule,
  'networking.istio.io/Gateway': gateway,
  'networking.istio.io/ServiceEntry': serviceEntry,
  'networking.istio.io/WorkloadEntry': workloadEntry,
  'networking.istio.io/WorkloadGroup': workloadGroup,
  'networking.istio.io/Sidecar': sidecar,
  'networking.istio.io/ProxyConfig': proxyConfig,
  'networking.istio.io/EnvoyFilter': envoyFilter,
  'security.istio.io/PeerAuthentication': peerAuthentication,
  'security.istio.io/RequestAuthentication': requestAuthentication,
  'security.istio.io/AuthorizationPolicy': authorizationPolicy,
  'telemetry.istio.io/Telemetry': telemetry,
  'extensions.istio.io/WasmPlugin': wasmPlugin,
  'extensions.istio.io/TrafficExtension': trafficExtension,
  'gateway.networking.k8s.io/GatewayClass': gatewayClass,
  'gateway.networking.k8s.io/Gateway': kubernetesGateway,
  'gateway.networking.k8s.io/ListenerSet': listenerSet,
  'gateway.networking.k8s.io/HTTPRoute': kubernetesHttpRoute,
  'gateway.networking.k8s.io/GRPCRoute': grpcRoute,
  'gateway.networking.k8s.io/TLSRoute': tlsRoute,
  'gateway.networking.k8s.io/TCPRoute': tcpRoute,
  'gateway.networking.k8s.io/UDPRoute': udpRoute,
  'gateway.networking.k8s.io/ReferenceGrant': referenceGrant,
  'gateway.networking.k8s.io/BackendTLSPolicy': backendTlsPolicy,
  'gateway.networking.x-k8s.io/XBackend': backend,
  'gateway.networking.x-k8s.io/XBackendTrafficPolicy': backendTrafficPolicy,
  'gateway.networking.x-k8s.io/XListenerSet': experimentalListenerSet,
  'gateway.networking.x-k8s.io/XMesh': mesh,
  'weft.dev/TrafficTest': trafficTest,
  '/Namespace': namespace,
  '/ServiceAccount': serviceAccount,
  '/Service': service,
  '/Pod': pod,
  '/Endpoints': endpoints,
  '/Node': node,
  '/Secret': secret,
  '/ConfigMap': configMap,
  'discovery.k8s.io/EndpointSlice': endpointSlice,
  'networking.k8s.io/Ingress': ingress,
  'networking.k8s.io/IngressClass': ingressClass,
  'apps/Deployment': deployment,
  'apps/ReplicaSet': replicaSet,
  'apps/StatefulSet': statefulSet,
  'apps/DaemonSet': daemonSet,
  'batch/Job': job,
} as const satisfies { readonly [K in KindId]: Kind<KindTypes[K]> };

/** The type of the objects of each kind. */
export interface KindTypes {
  readonly 'networking.istio.io/VirtualService': VirtualService;
  readonly 'networking.istio.io/DestinationRule': DestinationRule;
  readonly 'networking.istio.io/Gateway': Gateway;
  readonly 'networking.istio.io/ServiceEntry': ServiceEntry;
  readonly 'networking.istio.io/WorkloadEntry': WorkloadEntry;
  readonly 'networking.istio.io/WorkloadGroup': WorkloadGroup;
  readonly 'networking.istio.io/Sidecar': Sidecar;
  readonly 'networking.istio.io/ProxyConfig': ProxyConfig;
  readonly 'networking.istio.io/EnvoyFilter': EnvoyFilter;
  readonly 'security.istio.io/PeerAuthentication': PeerAuthentication;
  readonly 'security.istio.io/RequestAuthentication': RequestAuthentication;
  readonly 'security.istio.io/AuthorizationPolicy': AuthorizationPolicy;
  readonly 'telemetry.istio.io/Telemetry': Telemetry;
  readonly 'extensions.istio.io/WasmPlugin': WasmPlugin;
  readonly 'extensions.istio.io/TrafficExtension': TrafficExtension;
  readonly 'gateway.networking.k8s.io/GatewayClass': GatewayClass;
  readonly 'gateway.networking.k8s.io/Gateway': KubernetesGateway;
  readonly 'gateway.networking.k8s.io/ListenerSet': ListenerSet;
  readonly 'gateway.networking.k8s.io/HTTPRoute': HttpRoute;
  readonly 'gateway.networking.k8s.io/GRPCRoute': GrpcRoute;
  readonly 'gateway.networking.k8s.io/TLSRoute': TlsRoute;
  readonly 'gateway.networking.k8s.io/TCPRoute': TcpRoute;
  readonly 'gateway.networking.k8s.io/UDPRoute': UdpRoute;
  readonly 'gateway.networking.k8s.io/ReferenceGrant': ReferenceGrant;
  readonly 'gateway.networking.k8s.io/BackendTLSPolicy': BackendTlsPolicy;
  readonly 'gateway.networking.x-k8s.io/XBackend': Backend;
  readonly 'gateway.networking.x-k8s.io/XBackendTrafficPolicy': BackendTrafficPolicy;
  readonly 'gateway.networking.x-k8s.io/XListenerSet': ListenerSet;
  readonly 'gateway.networking.x-k8s.io/XMesh': Mesh;
  readonly 'weft.dev/TrafficTest': TrafficTest;
  readonly '/Namespace': Namespace;
  readonly '/ServiceAccount': ServiceAccount;
  readonly '/Service': Service;
  readonly '/Pod': Pod;
  readonly '/Endpoints': Endpoints;
  readonly '/Node': Node;
  readonly '/Secret': Secret;
  readonly '/ConfigMap': ConfigMap;
  readonly 'discovery.k8s.io/EndpointSlice': EndpointSlice;
  readonly 'networking.k8s.io/Ingress': Ingress;
  readonly 'networking.k8s.io/IngressClass': IngressClass;
  readonly 'apps/Deployment': Deployment;
  readonly 'apps/ReplicaSet': ReplicaSet;
  readonly 'apps/StatefulSet': StatefulSet;
  readonly 'apps/DaemonSet': DaemonSet;
  readonly 'batch/Job': Job;
}

/** `group/kind` of a kind that weft reads. */
export type KindId = keyof KindTypes;

/** All kinds that weft reads, in the order of the table. */
export const kindIds = Object.keys(kinds) as readonly KindId[];

/** What is known of a kind. */
export function kindOf<K extends KindId>(id: K): Kind<KindTypes[K]> {
  return kinds[id] as unknown as Kind<KindTypes[K]>;
}

/** Groups whose kinds are all in the table: another kind in them is a mistake. Others may hold what weft does not read. */
const OWNED_GROUPS: ReadonlySet<string> = new Set([
  'networking.istio.io',
  'security.istio.io',
  'telemetry.istio.io',
  'extensions.istio.io',
  'gateway.networking.k8s.io',
  'weft.dev',
]);

/** Why there is no kind for an apiVersion and kind. */
export interface KindProblem {
  readonly severity: 'error' | 'warning';
  readonly field: 'apiVersion' | 'kind';
  readonly message: string;
}

/** The kind of an object, or why weft does not read it. */
export function findKind(apiVersion: string, kind: string): Kind | KindProblem {
  const group = groupOf(apiVersion);
  const id = kindIdOf({ group, kind });
  const found = Object.hasOwn(kinds, id) ? (kinds[id as KindId] as unknown as Kind) : undefined;
  if (found === undefined) return unknownKind(group, kind);
  if (found.versions.includes(versionOf(apiVersion))) return found;
  const served = found.versions.map((version) => (group === '' ? version : `${group}/${version}`)).join(', ');
  return {
    severity: 'error',
    field: 'apiVersion',
    message: `${kind} is not served as ${apiVersion}; use ${served}`,
  };
}

function unknownKind(group: string, kind: string): KindProblem {
  const inGroup = kindIds.filter((id) => id.startsWith(`${group}/`)).map((id) => id.slice(group.length + 1));
  const nearest = nearestName(kind, inGroup);
  const elsewhere = kindIds.find((id) => id.endsWith(`/${kind}`));
  const hint = nearest === undefined ? otherGroupHint(elsewhere) : `; did you mean ${nearest}?`;
  if (OWNED_GROUPS.has(group))
    return { severity: 'error', field: 'kind', message: `there is no kind ${kind} in ${group}${hint}` };
  return { severity: 'warning', field: 'kind', message: `${kind} is not a kind weft reads${hint}` };
}

function otherGroupHint(id: KindId | undefined): string {
  if (id === undefined) return '';
  const { group, versions } = kindOf(id);
  const version = versions[0] ?? 'v1';
  return `; there is one in apiVersion ${group === '' ? version : `${group}/${version}`}`;
}
