import type { Headers } from '../../../wire/headers.ts';

// Active health checks. In: what a cluster's `health_checks` says, lowered. Out: whether an endpoint passes, told to its
// cluster, which makes a new plan. The checker keeps one session per endpoint, a session runs one probe after the other;
// a probe asks once. Never happens: a check that waits for another endpoint's; two probes of one endpoint at once.

/** core.v3.HealthCheck, with defaults. */
export interface HealthCheckConfig {
  readonly timeoutMs: number;
  readonly intervalMs: number;
  /** Before the first check, up to. */
  readonly initialJitterMs: number;
  readonly intervalJitterMs: number;
  readonly intervalJitterPercent: number;
  readonly unhealthyThreshold: number;
  readonly healthyThreshold: number;
  /** While the cluster has never had a connection for traffic. */
  readonly noTrafficIntervalMs: number;
  readonly noTrafficHealthyIntervalMs: number;
  readonly unhealthyIntervalMs: number;
  /** While it is on its way from healthy to unhealthy, and back. */
  readonly unhealthyEdgeIntervalMs: number;
  readonly healthyEdgeIntervalMs: number;
  readonly reuseConnection: boolean;
  /** ALPN in place of the transport socket's; empty for that. */
  readonly alpn: readonly string[];
  /** Chooses among the cluster's transport sockets in place of the endpoint's metadata. */
  readonly socketCriteria: { readonly [key: string]: unknown } | undefined;
  readonly probe: ProbeConfig;
}

export type ProbeConfig = HttpProbeConfig | TcpProbeConfig | GrpcProbeConfig;

export interface HttpProbeConfig {
  readonly kind: 'http';
  readonly http2: boolean;
  readonly method: string;
  readonly path: string;
  /** '' for the cluster's name. */
  readonly host: string;
  readonly headers: readonly HeaderChange[];
  readonly removedHeaders: ReadonlySet<string>;
  readonly body: Buffer;
  readonly receive: readonly Buffer[];
  /** What is looked at of a body; 0: all of it. */
  readonly responseBytes: number;
  readonly expected: readonly StatusRange[];
  readonly retriable: readonly StatusRange[];
  /** Of the name of the cluster that the endpoint says it belongs to. */
  readonly serviceName: ((name: string) => boolean) | undefined;
}

/** `replace`: in place of what is there; `append`: beside it; `keep`: only where there is none. */
export interface HeaderChange {
  readonly name: string;
  readonly value: string;
  readonly mode: 'append' | 'replace' | 'keep' | 'replace-existing';
}

/** From `start` up to and without `end`. */
export interface StatusRange {
  readonly start: number;
  readonly end: number;
}

export interface TcpProbeConfig {
  readonly kind: 'tcp';
  readonly send: Buffer;
  /** All must come, in this order; none: it is enough to be connected. */
  readonly receive: readonly Buffer[];
}

export interface GrpcProbeConfig {
  readonly kind: 'grpc';
  readonly serviceName: string;
  /** '' for the cluster's name. */
  readonly authority: string;
  readonly metadata: Headers;
}
