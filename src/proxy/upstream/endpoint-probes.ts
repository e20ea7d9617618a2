import { chooseSocket } from './choose-socket.ts';
import type { ClusterConfig } from './cluster-config.ts';
import type { Endpoint } from './endpoint.ts';
import type { Metadata } from './endpoint-set.ts';
import { addressText, type EndpointAddress } from './endpoint-set.ts';
import type { UpstreamEnvironment } from './environment.ts';
import type { CheckStats } from './health/check-environment.ts';
import { grpcQuestion } from './health/grpc-question.ts';
import type { HealthCheckConfig } from './health/health-check-config.ts';
import { httpQuestion } from './health/http-question.ts';
import type { Probe, ProbeTarget } from './health/probe.ts';
import { RequestProbe } from './health/request-probe.ts';
import { TcpProbe } from './health/tcp-probe.ts';

/** HTTP/1 speaks on any protocol that was agreed on, but for the one that means HTTP/2. */
const withoutHttp2 = (offered: readonly string[]): readonly string[] =>
  offered.filter((name) => name !== 'h2');

/** What asks an endpoint of a cluster whether it is well. */
export function probeOf(
  endpoint: Endpoint,
  cluster: ClusterConfig,
  check: HealthCheckConfig,
  stats: CheckStats,
  environment: UpstreamEnvironment,
): Probe {
  const target = targetOf(endpoint, cluster, check, environment);
  const { probe, reuseConnection, alpn } = check;
  if (probe.kind === 'tcp') return new TcpProbe(probe, target, reuseConnection);
  const question =
    probe.kind === 'grpc'
      ? grpcQuestion(probe, target, alpn)
      : httpQuestion(probe, target, alpn, () => void stats.verify_cluster.value++);
  return new RequestProbe(question, target, reuseConnection);
}

function targetOf(
  endpoint: Endpoint,
  cluster: ClusterConfig,
  check: HealthCheckConfig,
  environment: UpstreamEnvironment,
): ProbeTarget {
  const { socketCriteria, timeoutMs } = check;
  const metadata = { 'envoy.transport_socket_match': socketCriteria } as Metadata;
  const socket = socketCriteria === undefined ? endpoint.socket : chooseSocket(cluster, { metadata });
  const address = checkAddress(endpoint);
  return {
    address: addressText(address),
    hostname: cluster.name,
    ownHostname: endpoint.placement.spec.check?.hostname ?? '',
    secure: socket.tls !== undefined,
    http2: cluster.http.http2,
    environment,
    connect: (alpn) =>
      endpoint.connectForCheck({
        address: checkAddress(endpoint),
        socket,
        timeoutMs,
        alpn: alpn === undefined ? withoutHttp2 : () => alpn,
      }),
  };
}

function checkAddress({ placement: { spec } }: Endpoint): EndpointAddress {
  const address = spec.check?.address ?? spec.address;
  const port = spec.check?.port ?? 0;
  return port === 0 || address.kind === 'pipe' ? address : { ...address, port };
}
