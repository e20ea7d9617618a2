import type { Origin } from './origin.ts';
import type { Age } from './service.ts';
import type { Labels } from './workload.ts';

// How calls are sent to a destination: what a DestinationRule says, with defaults still missing.

export type SimpleBalancer = 'round-robin' | 'least-request' | 'random' | 'passthrough';

export interface ConsistentHash {
  readonly on:
    | { readonly type: 'header'; readonly name: string }
    | {
        readonly type: 'cookie';
        readonly name: string;
        readonly path?: string;
        readonly ttlMs?: number;
        readonly attributes: readonly { readonly name: string; readonly value: string }[];
      }
    | { readonly type: 'source-ip' }
    | { readonly type: 'query'; readonly name: string };
  readonly table:
    | { readonly type: 'ring'; readonly minimumSize: number }
    | { readonly type: 'maglev'; readonly size: number };
}

export interface LocalityPreference {
  readonly enabled: boolean;
  /** Present where zones are filled by their sizes; smaller clusters than this (0: any) are spread evenly. */
  readonly zoneAwareFrom?: number;
  readonly distribute: readonly { readonly from: string; readonly to: Readonly<Record<string, number>> }[];
  readonly failover: readonly { readonly from: string; readonly to: string }[];
  readonly failoverPriority: readonly string[];
}

export interface Warmup {
  readonly durationMs: number;
  readonly minimumPercent?: number;
  readonly aggression?: number;
}

export interface LoadBalancer {
  readonly simple?: SimpleBalancer;
  readonly hash?: ConsistentHash;
  readonly locality?: LocalityPreference;
  readonly warmup?: Warmup;
}

export interface ConnectionPool {
  readonly maxConnections?: number;
  readonly connectTimeoutMs?: number;
  readonly tcpIdleTimeoutMs?: number;
  readonly maxConnectionDurationMs?: number;
  readonly keepalive?: {
    readonly probes?: number;
    readonly timeMs?: number;
    readonly intervalMs?: number;
  };
  readonly maxPendingRequests?: number;
  readonly maxRequests?: number;
  readonly maxRequestsPerConnection?: number;
  readonly maxRetries?: number;
  readonly httpIdleTimeoutMs?: number;
  readonly maxConcurrentStreams?: number;
  readonly http2?: 'upgrade' | 'never';
  readonly useClientProtocol?: boolean;
  readonly http2KeepAlive?: { readonly intervalMs: number; readonly timeoutMs: number };
}

export interface OutlierDetection {
  readonly consecutive5xx?: number;
  readonly consecutiveGatewayErrors?: number;
  readonly splitLocalOrigin: boolean;
  readonly consecutiveLocalOriginFailures?: number;
  readonly intervalMs?: number;
  readonly baseEjectionTimeMs?: number;
  readonly maxEjectionPercent?: number;
  readonly minHealthPercent?: number;
  /** Statuses of answers that are failures, in place of 500 and above. */
  readonly httpErrorCodes?: readonly number[];
}

/**
 * TLS towards the destination. `mesh`: mutual, with the mesh's certificates; `none-possible`: nobody could judge the
 * destination's certificate, so that nothing is sent to it.
 */
export interface ClientTls {
  readonly mode: 'disable' | 'simple' | 'mutual' | 'mesh' | 'none-possible';
  /** Gateways show it a certificate of their own, where they have one. */
  readonly gatewayCertificate?: boolean;
  readonly sni?: string;
  readonly subjectAltNames: readonly string[];
  readonly credentialName?: string;
  /** The credential is for sidecars too: the rule selects the workloads that may have it. */
  readonly credentialAtSidecars: boolean;
  readonly clientCertificate?: string;
  readonly privateKey?: string;
  readonly caCertificates?: string;
  readonly caCrl?: string;
  readonly insecureSkipVerify: boolean;
}

/** What holds for a destination or one port of it. */
export interface PortPolicy {
  readonly loadBalancer?: LoadBalancer;
  readonly pool?: ConnectionPool;
  readonly outlier?: OutlierDetection;
  readonly tls?: ClientTls;
}

export interface TrafficPolicy extends PortPolicy {
  readonly ports: ReadonlyMap<number, PortPolicy>;
  readonly proxyProtocol?: 'V1' | 'V2';
  readonly retryBudget?: RetryBudget;
  readonly tunnel?: Tunnel;
}

/** How many retries there may be at once, by the requests under way. */
export interface RetryBudget {
  readonly percent: number;
  readonly minRetryConcurrency: number;
  /** Requests count for so long after they began; missing: while they are under way. */
  readonly intervalMs?: number;
}

/** Bytes of connections go through an HTTP tunnel, asked of the destination. */
export interface Tunnel {
  /** `HOST:PORT` that the tunnel is to lead to. */
  readonly target: string;
  readonly method: 'CONNECT' | 'POST';
}

export interface Subset {
  readonly name: string;
  readonly labels: Labels;
  readonly policy?: TrafficPolicy;
  readonly origin: Origin;
}

/** One DestinationRule with its host written out. */
export interface DestinationPolicy {
  readonly namespace: string;
  readonly name: string;
  readonly host: string;
  readonly policy?: TrafficPolicy;
  readonly subsets: readonly Subset[];
  readonly exportTo: readonly string[];
  /** Only for callers with these labels, in its own namespace. */
  readonly workloadSelector?: Labels;
  readonly age: Age;
  readonly origin: Origin;
}

/**
 * The policy of one port: what the rule says as a whole, then what its subset says, part by part. At each of the two
 * levels, settings of the port replace all four parts: what they leave out is at its default, not inherited (Istio,
 * DestinationRule, portLevelSettings).
 */
export function policyOfPort(
  whole: TrafficPolicy | undefined,
  subset: TrafficPolicy | undefined,
  port: number,
): TrafficPolicy {
  return atLevel(atLevel({ ports: new Map() }, whole, port), subset, port);
}

function atLevel(above: TrafficPolicy, level: TrafficPolicy | undefined, port: number): TrafficPolicy {
  if (level === undefined) return above;
  const merged = { ...above, ...level, ports: above.ports };
  const ofPort = level.ports.get(port);
  if (ofPort === undefined) return merged;
  const { loadBalancer: _1, pool: _2, outlier: _3, tls: _4, ...rest } = merged;
  return { ...rest, ...ofPort };
}
