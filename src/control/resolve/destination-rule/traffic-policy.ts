import { durationMs } from '../../../api/check/duration.ts';
import type { ClientTls as TlsSpec } from '../../../api/istio/shared/client-tls.ts';
import type { ConnectionPool as PoolSpec } from '../../../api/istio/shared/connection-pool.ts';
import type { OutlierDetection as OutlierSpec } from '../../../api/istio/shared/outlier-detection.ts';
import type {
  TrafficPolicy as PolicySpec,
  PortPolicy as PortSpec,
} from '../../../api/istio/shared/traffic-policy.ts';
import { defined } from '../../../lib/defined.ts';
import type {
  ClientTls,
  ConnectionPool,
  OutlierDetection,
  PortPolicy,
  RetryBudget,
  TrafficPolicy,
  Tunnel,
} from '../../../mesh/traffic-policy.ts';
import { loadBalancer } from './load-balancer.ts';

/** A trafficPolicy as the model has it; what is not written stays open. `selects`: its rule is for some workloads only. */
export function trafficPolicy(spec: PolicySpec, selects: boolean): TrafficPolicy {
  const ports = (spec.portLevelSettings ?? []).map(
    (entry) => [entry.port?.number ?? 0, portPolicy(entry, selects)] as const,
  );
  return {
    ...portPolicy(spec, selects),
    ports: new Map(ports),
    ...defined({
      proxyProtocol: spec.proxyProtocol === undefined ? undefined : (spec.proxyProtocol.version ?? 'V1'),
      retryBudget: spec.retryBudget === undefined ? undefined : retryBudget(spec.retryBudget),
      tunnel: spec.tunnel === undefined ? undefined : tunnel(spec.tunnel),
    } as const),
  };
}

/** Envoy's defaults, which are Istio's. */
function retryBudget(spec: NonNullable<PolicySpec['retryBudget']>): RetryBudget {
  return {
    percent: spec.percent ?? 20,
    minRetryConcurrency: positive(spec.minRetryConcurrency) ?? 3,
    ...defined({ intervalMs: ms(spec.budgetInterval) }),
  };
}

function tunnel({ targetHost, targetPort, protocol }: NonNullable<PolicySpec['tunnel']>): Tunnel {
  const host = targetHost.includes(':') ? `[${targetHost}]` : targetHost;
  return { target: `${host}:${targetPort}`, method: protocol === 'POST' ? 'POST' : 'CONNECT' };
}

function portPolicy(spec: PortSpec | PolicySpec, selects: boolean): PortPolicy {
  return defined({
    loadBalancer: spec.loadBalancer === undefined ? undefined : loadBalancer(spec.loadBalancer),
    pool: spec.connectionPool === undefined ? undefined : connectionPool(spec.connectionPool),
    outlier: spec.outlierDetection === undefined ? undefined : outlierDetection(spec.outlierDetection),
    tls: spec.tls === undefined ? undefined : clientTls(spec.tls, selects),
  });
}

/** Counts that are 0 count as not written, as in protobuf. */
export function connectionPool(spec: PoolSpec): ConnectionPool {
  const { tcp = {}, http = {} } = spec;
  const keepalive = tcp.tcpKeepalive;
  return defined({
    maxConnections: positive(tcp.maxConnections),
    connectTimeoutMs: ms(tcp.connectTimeout),
    tcpIdleTimeoutMs: ms(tcp.idleTimeout),
    maxConnectionDurationMs: ms(tcp.maxConnectionDuration),
    keepalive:
      keepalive === undefined
        ? undefined
        : defined({
            probes: positive(keepalive.probes),
            timeMs: ms(keepalive.time),
            intervalMs: ms(keepalive.interval),
          }),
    maxPendingRequests: positive(http.http1MaxPendingRequests),
    maxRequests: positive(http.http2MaxRequests),
    maxRequestsPerConnection: positive(http.maxRequestsPerConnection),
    maxRetries: positive(http.maxRetries),
    httpIdleTimeoutMs: ms(http.idleTimeout),
    maxConcurrentStreams: positive(http.maxConcurrentStreams),
    http2: http2Upgrade(http.h2UpgradePolicy),
    useClientProtocol: http.useClientProtocol === true ? true : undefined,
    http2KeepAlive:
      http.http2KeepAlive === undefined
        ? undefined
        : {
            intervalMs: ms(http.http2KeepAlive.interval) ?? 0,
            timeoutMs: ms(http.http2KeepAlive.timeout) ?? 0,
          },
  });
}

function http2Upgrade(policy: string | undefined): 'upgrade' | 'never' | undefined {
  if (policy === 'UPGRADE') return 'upgrade';
  return policy === 'DO_NOT_UPGRADE' ? 'never' : undefined;
}

/** `consecutiveErrors` is the old name of consecutiveGatewayErrors. An explicit 0 turns a count off. */
export function outlierDetection(spec: OutlierSpec): OutlierDetection {
  return {
    splitLocalOrigin: spec.splitExternalLocalOriginErrors === true,
    ...defined({
      consecutive5xx: spec.consecutive5xxErrors,
      consecutiveGatewayErrors: spec.consecutiveGatewayErrors ?? positive(spec.consecutiveErrors),
      consecutiveLocalOriginFailures: spec.consecutiveLocalOriginFailures,
      intervalMs: ms(spec.interval),
      baseEjectionTimeMs: ms(spec.baseEjectionTime),
      maxEjectionPercent: positive(spec.maxEjectionPercent),
      minHealthPercent: spec.minHealthPercent,
      httpErrorCodes: spec.outlierDetectionHttpErrorCodes?.length
        ? spec.outlierDetectionHttpErrorCodes
        : undefined,
    }),
  };
}

const TLS_MODES = { DISABLE: 'disable', SIMPLE: 'simple', MUTUAL: 'mutual', ISTIO_MUTUAL: 'mesh' } as const;

/** TLS that a proxy begins, as written. */
export function clientTls(spec: TlsSpec, credentialAtSidecars: boolean): ClientTls {
  return {
    mode: TLS_MODES[spec.mode ?? 'DISABLE'],
    subjectAltNames: spec.subjectAltNames ?? [],
    insecureSkipVerify: spec.insecureSkipVerify === true,
    credentialAtSidecars,
    ...defined({
      sni: text(spec.sni),
      credentialName: text(spec.credentialName),
      clientCertificate: text(spec.clientCertificate),
      privateKey: text(spec.privateKey),
      caCertificates: text(spec.caCertificates),
      caCrl: text(spec.caCrl),
    }),
  };
}

function ms(duration: string | undefined): number | undefined {
  return duration === undefined ? undefined : durationMs(duration);
}

function positive(count: number | undefined): number | undefined {
  return count === undefined || count <= 0 ? undefined : count;
}

function text(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}
