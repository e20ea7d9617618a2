import { formatProtoDuration } from '../../../lib/duration.ts';
import { isHttp, type Protocol } from '../../../mesh/protocol.ts';
import type { View } from '../../../mesh/proxy.ts';
import type { Service, ServicePort } from '../../../mesh/service.ts';
import type { MeshSettings } from '../../../mesh/settings.ts';
import {
  type ConnectionPool,
  type LocalityPreference,
  policyOfPort,
  type Subset,
  type TrafficPolicy,
} from '../../../mesh/traffic-policy.ts';
import { outboundCluster as clusterName, clusterSni } from '../../../xds/names.ts';
import type { Cluster } from '../../../xds/resources.ts';
import { type HostPolicy, hostPolicy, hostPolicyKey } from '../../resolve/destination-rules.ts';
import { clientCertificateOfRouters, routersKey } from '../../resolve/gateway-api/client-certificates.ts';
import { allMutual, identities } from '../../resolve/identities.ts';
import { meshSettings } from '../../resolve/mesh-settings.ts';
import { everyService, scopedService } from '../../resolve/scoped-services.ts';
import { serviceKey } from '../../resolve/services.ts';
import { settingsOfView } from '../../resolve/view-settings.ts';
import { inView, viewAndParts } from '../../resolve/views.ts';
import { type Read, step } from '../../resolve/world.ts';
import { type EmittedCluster, emittedCluster } from '../emitted.ts';
import { assignmentKey, inlineAssignment } from '../endpoint/load-assignment.ts';
import { preferenceOf } from '../endpoint/preference.ts';
import { adsSource } from '../sources.ts';
import { balancing } from './balancing.ts';
import { circuitBreakers } from './circuit-breakers.ts';
import { dynamicDns } from './dynamic-dns.ts';
import { httpOptions, spokenOn } from './http-options.ts';
import { keepalive } from './keepalive.ts';
import { clusterMetadata } from './metadata.ts';
import { outlierDetection } from './outlier-detection.ts';
import { withProxyProtocol } from './proxy-protocol.ts';
import { upstreamTls } from './upstream-tls.ts';

// Clusters for calls to services: one for each port, and one more for each port of each subset.

/** All of a view, by its key. */
export const outboundClusters = step('outbound clusters', (read, key): readonly EmittedCluster[] =>
  everyService(read, key).flatMap((service) => read.of(clustersOfService, inView(key, service.hostname))),
);

/** Those of one service, by view and hostname. */
export const clustersOfService = step('clusters of a service', (read, key): readonly EmittedCluster[] => {
  const { viewKey, view, parts } = viewAndParts(read, key);
  const [hostname = ''] = parts;
  const service = read.of(scopedService, key);
  if (service === undefined || service.resolution === 'alias') return [];
  const policy = read.of(hostPolicy, hostPolicyKey(view.namespace, hostname, service.namespace, view.labels));
  const settings = read.of(settingsOfView, viewKey);
  const discovery = { routed: view.type === 'router' || view.forwardProxy };
  return service.ports
    .filter(({ protocol }) => protocol !== 'udp')
    .flatMap((port) =>
      [undefined, ...policy.subsets].map((subset) =>
        clusterOf(read, { service, port, subset, policy, view, settings, ...discovery }),
      ),
    );
});

interface ClusterInput {
  readonly service: Service;
  readonly port: ServicePort;
  readonly subset: Subset | undefined;
  readonly policy: HostPolicy;
  readonly view: View;
  readonly settings: MeshSettings;
  /** The proxy chooses the endpoint: there is no address that a client chose. */
  readonly routed: boolean;
}

function clusterOf(read: Read, input: ClusterInput): EmittedCluster {
  const { service, port, subset } = input;
  const policy = withDefaults(
    policyOfPort(input.policy.policy, subset?.policy, port.number),
    port.protocol,
    read.of(meshSettings, ''),
  );
  const { headers, connections } = input.settings;
  const buffer = connections.sidecar.clusterBufferBytes;
  const name = clusterName(port.number, subset?.name ?? '', service.hostname);
  const object: Cluster = {
    name,
    ...discovery(read, input, policy, name),
    connect_timeout: formatProtoDuration(
      policy.pool?.connectTimeoutMs ?? read.of(meshSettings, '').connectTimeoutMs,
    ),
    circuit_breakers: circuitBreakers(policy),
    ...(policy.outlier === undefined ? {} : { outlier_detection: outlierDetection(policy.outlier) }),
    ...httpOptions(
      requestProtocol(port.protocol, input.view),
      policy,
      service.subjectAltNames,
      headers.keepCase,
    ),
    ...(buffer === undefined ? {} : { per_connection_buffer_limit_bytes: buffer }),
    ...withProxyProtocol(tlsOf(read, input, policy), policy.proxyProtocol),
    ...keepalive(policy.pool?.keepalive),
    metadata: clusterMetadata(service, port.number, subset, input.policy),
  };
  return emittedCluster(object, [
    service.origin,
    ...(subset === undefined ? [] : [subset.origin]),
    ...input.policy.origins,
  ]);
}

/**
 * What requests are sent as. Clients of a gateway choose HTTP/2 because it offers it, not because of who answers: where
 * nobody says what the answerer speaks a gateway sends HTTP/1.1 (Istio), a sidecar what its application sent.
 */
function requestProtocol(protocol: Protocol, { type }: View): Protocol {
  return protocol === 'auto' && type === 'router' ? 'http' : protocol;
}

/** The mesh's defaults where the rules are silent: a block of a rule replaces the mesh's as a whole. */
function withDefaults(policy: TrafficPolicy, protocol: Protocol, settings: MeshSettings): TrafficPolicy {
  const { outlier, locality } = settings;
  return {
    ...(outlier === undefined ? {} : { outlier }),
    ...policy,
    pool: poolOf(policy, protocol, settings),
    ...(isPlain(locality) ? {} : { loadBalancer: { locality, ...policy.loadBalancer } }),
  };
}

function poolOf(policy: TrafficPolicy, protocol: Protocol, settings: MeshSettings): ConnectionPool {
  const pool = policy.pool ?? settings.pool ?? {};
  const { keepalive = settings.keepalive, useClientProtocol } = pool;
  const upgrade = settings.http2Upgrade && useClientProtocol !== true && isHttp(protocol);
  return {
    ...(upgrade ? { http2: 'upgrade' as const } : {}),
    ...pool,
    ...(keepalive === undefined ? {} : { keepalive }),
  };
}

function isPlain({ distribute, zoneAwareFrom }: LocalityPreference): boolean {
  return distribute.length === 0 && zoneAwareFrom === undefined;
}

/** Where endpoints come from, and how one is chosen. */
function discovery(read: Read, input: ClusterInput, policy: TrafficPolicy, name: string): Partial<Cluster> {
  const { service, port, subset } = input;
  if (policy.tls?.mode === 'none-possible') return { type: 'STATIC' };
  const type = discoveryType(input, policy);
  if (type === 'ORIGINAL_DST') return { type, lb_policy: 'CLUSTER_PROVIDED', cleanup_interval: '60s' };
  if (type === undefined) return dynamicDns();
  if (type === 'EDS')
    return { type, eds_cluster_config: { eds_config: adsSource, service_name: name }, ...balancing(policy) };
  return {
    type,
    load_assignment: read.of(
      inlineAssignment,
      assignmentKey(
        service,
        port.number,
        subset?.name ?? '',
        subset?.labels ?? {},
        preferenceOf(input.view, service, policy, read.of(meshSettings, '')),
      ),
    ),
    // Envoy's other settings of DNS here are deprecated for a kind of cluster that older proxies do not know.
    dns_lookup_family: 'V4_PREFERRED',
    ...balancing(policy),
  };
}

function discoveryType({ service, port, routed }: ClusterInput, policy: TrafficPolicy): Cluster['type'] {
  // Only a request names its host; bytes go on to where the client wanted.
  if (service.resolution === 'dynamic-dns')
    return isHttp(port.protocol) || port.protocol === 'auto' ? undefined : 'ORIGINAL_DST';
  if (service.resolution === 'dns') return 'STRICT_DNS';
  if (service.resolution === 'dns-round-robin') return 'LOGICAL_DNS';
  if (routed) return 'EDS';
  if (service.resolution === 'endpoints' && policy.loadBalancer?.simple !== 'passthrough') return 'EDS';
  return 'ORIGINAL_DST';
}

function tlsOf(read: Read, input: ClusterInput, policy: TrafficPolicy): Partial<Cluster> {
  const { service, port, subset } = input;
  const { autoMtls, trustDomain, trustDomainAliases, federated } = read.of(meshSettings, '');
  const key = serviceKey(service);
  const mayBeMutual = !service.external && (autoMtls || policy.tls?.mode === 'mesh');
  const fields = {
    policy,
    protocol: spokenOn(port.protocol, policy.pool),
    automatic: autoMtls && !service.external,
    sni: clusterSni(port.number, subset?.name ?? '', service.hostname),
    identities: mayBeMutual ? read.of(identities, key) : [],
    subjectAltNames: service.subjectAltNames,
    atSidecar: input.view.type === 'sidecar',
    ...(federated.length > 0 && { trustDomains: [trustDomain, ...trustDomainAliases] }),
  };
  // To an address that the client chose there is no metadata to choose by: mutual TLS where all endpoints take it.
  if (policy.tls === undefined && fields.automatic && discoveryType(input, policy) === 'ORIGINAL_DST') {
    if (!read.of(allMutual, key)) return {};
    return upstreamTls({ ...fields, policy: { ...policy, tls: MUTUAL } });
  }
  const { namespace, labels, type } = input.view;
  if (type !== 'router' || policy.tls?.gatewayCertificate !== true) return upstreamTls(fields);
  const certificate = read.of(clientCertificateOfRouters, routersKey(namespace, labels));
  return upstreamTls({ ...fields, ...(certificate === undefined ? {} : { certificate }) });
}

const MUTUAL = {
  mode: 'mesh',
  subjectAltNames: [],
  insecureSkipVerify: false,
  credentialAtSidecars: false,
} as const;
