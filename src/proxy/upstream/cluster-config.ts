import type { KeepAlive } from '../../wire/connection.ts';
import type { Json } from '../../xds/resources.ts';
import type { EndpointSet, Metadata } from './endpoint-set.ts';
import type { HealthCheckConfig } from './health/health-check-config.ts';
import type { ResponseTest } from './lower-error-matcher.ts';
import type { UpstreamTls } from './upstream-tls.ts';

/** A cluster as configured: lowered from a Cluster message, immutable. Defaults are filled in. */
export interface ClusterConfig {
  readonly name: string;
  /** Name in statistics: alt_stat_name, or the name. */
  readonly statName: string;
  readonly discovery: Discovery;
  readonly connectTimeoutMs: number;
  readonly balancing: Balancing;
  readonly limits: CircuitBreakers;
  /** Of routes with high priority. */
  readonly highLimits: CircuitBreakers;
  readonly outlier: OutlierDetection | undefined;
  readonly healthCheck: HealthCheckConfig | undefined;
  /** An endpoint that is not named any more goes at once, also while it passes its checks. */
  readonly ignoreHealthOnRemoval: boolean;
  /** TCP connections through an endpoint end when it fails its checks or is ejected. */
  readonly closesOnFailure: boolean;
  /** The first whose criteria an endpoint's metadata meets; else `tls`. */
  readonly tlsMatches: readonly TlsMatch[];
  readonly tls: UpstreamTls | undefined;
  readonly proxyProtocol: ProxyProtocolVersion | undefined;
  /** Source address of connections, undefined for the system's choice. */
  readonly localAddress: string | undefined;
  /** Probes on idle connections; undefined for none. */
  readonly keepAlive: KeepAlive | undefined;
  readonly http: UpstreamHttp;
  readonly metadata: Metadata;
}

/** Where endpoints come from. */
export type Discovery =
  | { readonly kind: 'static'; readonly endpoints: EndpointSet }
  | { readonly kind: 'eds'; readonly serviceName: string }
  | DnsDiscovery
  | DynamicDiscovery
  | { readonly kind: 'aggregate'; readonly clusters: readonly string[] }
  | {
      readonly kind: 'original-destination';
      /** Lower case; the header whose `address:port` goes before the real destination. */
      readonly headerName: string | undefined;
      /** Dynamic metadata that names it, before the header. */
      readonly metadataKey: { readonly namespace: string; readonly path: readonly string[] } | undefined;
      readonly portOverride: number | undefined;
    };

/** Endpoints whose hosts are names. */
export interface DnsDiscovery {
  readonly kind: 'dns';
  /** `every`: all addresses of the answer are endpoints; `first`: only one at a time. */
  readonly use: 'every' | 'first';
  readonly endpoints: EndpointSet;
  readonly family: DnsFamily;
  readonly refreshMs: number;
  /** After a failure, in place of refreshMs. */
  readonly failureRefresh: { readonly baseMs: number; readonly maxMs: number } | undefined;
  readonly respectTtl: boolean;
}

/** Endpoints are the hosts that requests name. */
export interface DynamicDiscovery {
  readonly kind: 'dynamic';
  readonly family: DnsFamily;
  readonly refreshMs: number;
  /** A host that nobody asks for is forgotten after this. */
  readonly hostTtlMs: number;
  readonly maxHosts: number;
}

export type DnsFamily = 'auto' | 'v4' | 'v6' | 'v4-preferred' | 'all';

/** How an endpoint is picked. */
export interface Balancing {
  readonly policy: 'round-robin' | 'least-request' | 'random' | 'ring-hash' | 'maglev';
  /** How many are compared by least-request. */
  readonly choiceCount: number;
  /** How much a request that is carried takes of an endpoint's weight: 0 nothing, 1 its share. */
  readonly activeRequestBias: number;
  /** All are compared by least-request. */
  readonly fullScan: boolean;
  readonly slowStart: SlowStart | undefined;
  readonly hashing: Hashing;
  /** Below this percentage of healthy endpoints all are used. */
  readonly panicThreshold: number;
  readonly localityWeighted: boolean;
  readonly zoneAware: ZoneAware;
  readonly subsets: Subsets | undefined;
  /** Endpoints that were not checked yet do not count as unhealthy: they do not count at all. */
  readonly ignoreUnchecked: boolean;
  /** Health in which an endpoint is taken that a request asks for by address. */
  readonly overrideHealth: ReadonlySet<string>;
  /** Whenever endpoints come or go, requests to those that stay take new connections too. */
  readonly renewsOnChange: boolean;
}

/** New endpoints get little and then more, over a window. */
export interface SlowStart {
  readonly windowMs: number;
  /** 1 grows evenly; more is faster at the beginning. */
  readonly aggression: number;
  /** Share of its weight that an endpoint has at least, 0 to 1. */
  readonly minShare: number;
}

/** What consistent balancers are made by. */
export interface Hashing {
  readonly useHostname: boolean;
  /** Most that one may carry, in percent of the average; 0: no limit. */
  readonly balanceFactor: number;
  readonly hashFunction: 'xx' | 'murmur2';
  readonly minimumRingSize: number;
  readonly maximumRingSize: number;
  /** A prime. */
  readonly tableSize: number;
}

/** Traffic stays in the zone of the proxy as far as the zones' sizes allow. */
export interface ZoneAware {
  /** Percentage of requests that it is done for. */
  readonly enabledPercent: number;
  readonly minClusterSize: number;
  /** Where too few are healthy nobody is picked, rather than anyone. */
  readonly failOnPanic: boolean;
}

/** Endpoints divided by their `envoy.lb` metadata. */
export interface Subsets {
  readonly selectors: readonly SubsetSelector[];
  readonly fallback: 'none' | 'any' | 'default';
  readonly defaultSubset: { readonly [name: string]: Json };
  readonly localityWeightAware: boolean;
  readonly scaleLocalityWeight: boolean;
  /** Where a fallback finds nobody, anyone. */
  readonly panicModeAny: boolean;
  /** An endpoint whose metadata is a list is in the subset of each of its values. */
  readonly listAsAny: boolean;
  /** `fallback_list` of a route's criteria is a list of other criteria, tried in order. */
  readonly fallbackList: boolean;
  /** Criteria may say more than the keys of a selector. */
  readonly allowRedundantKeys: boolean;
}

export interface SubsetSelector {
  /** Sorted. */
  readonly keys: readonly string[];
  readonly singleHost: boolean;
  /** Undefined: that of all. */
  readonly fallback: 'none' | 'any' | 'default' | 'keys' | undefined;
  readonly fallbackKeys: readonly string[];
}

/** Limits of the cluster; what is over is answered with flag UO. */
export interface CircuitBreakers {
  readonly maxConnections: number;
  readonly maxPendingRequests: number;
  readonly maxRequests: number;
  readonly maxRetries: number;
  /** Retries as a share of active requests, in place of maxRetries. */
  readonly retryBudget: RetryBudget | undefined;
  /** Statistics tell how much is left. */
  readonly trackRemaining: boolean;
}

/** `intervalMs`: requests count for so long after they began, in place of while they are under way; 0 for the latter. */
export interface RetryBudget {
  readonly percent: number;
  readonly minConcurrency: number;
  readonly intervalMs: number;
}

/** Ejection of endpoints that fail. A count of 0 is turned off; `enforcing` are percentages. */
export interface OutlierDetection {
  /** Statuses of answers that are failures, each like 500; all others are none. Undefined: 500 and above. */
  readonly isError: ResponseTest | undefined;
  readonly consecutive5xx: number;
  readonly enforcingConsecutive5xx: number;
  readonly consecutiveGateway: number;
  readonly enforcingConsecutiveGateway: number;
  /** What goes wrong before a response (connect, reset, timeout) is counted by itself and not as 5xx. */
  readonly splitLocalOrigin: boolean;
  readonly consecutiveLocalOrigin: number;
  readonly enforcingConsecutiveLocalOrigin: number;
  readonly baseEjectionMs: number;
  readonly maxEjectionMs: number;
  readonly maxEjectionPercent: number;
  readonly alwaysEjectOne: boolean;
  readonly intervalMs: number;
  readonly successRate: SuccessRateDetection | undefined;
  readonly failurePercentage: FailurePercentageDetection | undefined;
  /** The same of errors of our own, where those are counted by themselves. */
  readonly localSuccessRate: SuccessRateDetection | undefined;
  readonly localFailurePercentage: FailurePercentageDetection | undefined;
  /** Added at random to the time of an ejection, up to. */
  readonly maxJitterMs: number;
  /** An active check that is passed ends an ejection. */
  readonly unejectByCheck: boolean;
}

/** Ejects who succeeds less often than the mean by `stdevFactor` standard deviations. */
export interface SuccessRateDetection {
  readonly enforcing: number;
  readonly minimumHosts: number;
  readonly requestVolume: number;
  readonly stdevFactor: number;
}

/** Ejects who fails in at least `threshold` percent of an interval's requests. */
export interface FailurePercentageDetection {
  readonly enforcing: number;
  readonly threshold: number;
  readonly minimumHosts: number;
  readonly requestVolume: number;
}

/** A transport socket for endpoints whose `envoy.transport_socket_match` metadata has all of these. */
export interface TlsMatch {
  readonly name: string;
  readonly criteria: { readonly [key: string]: unknown };
  readonly tls: UpstreamTls | undefined;
  readonly proxyProtocol: ProxyProtocolVersion | undefined;
}

/** Which form of the PROXY protocol goes before everything else on a connection. */
export type ProxyProtocolVersion = 'V1' | 'V2';

/** What is spoken to the endpoints. */
export interface UpstreamHttp {
  /** `downstream`: what the client spoke. `alpn`: what TLS agrees on. */
  readonly protocol: 'http1' | 'http2' | 'downstream' | 'alpn';
  readonly http2: UpstreamHttp2;
  /** The server name of TLS, from the request; undefined for the transport socket's. */
  readonly autoServerName: AutoServerName | undefined;
  /** Idle connections are closed after this. 0: never by us. */
  readonly idleTimeoutMs: number;
  /** 0: without limit. */
  readonly maxRequestsPerConnection: number;
  /** 0: without limit. */
  readonly maxConnectionDurationMs: number;
}

/** How HTTP/2 is spoken to the endpoints. */
export interface UpstreamHttp2 {
  /** Streams at once on one connection, however many the endpoint would take. */
  readonly maxConcurrentStreams: number;
  /** What a stream's endpoint may send before the client has taken it. */
  readonly streamWindowBytes: number;
  readonly connectionWindowBytes: number;
  readonly keepalive: Http2KeepaliveSettings | undefined;
}

/** Whether the endpoint is still there is asked by PING. 0 is never. */
export interface Http2KeepaliveSettings {
  readonly intervalMs: number;
  /** Without a byte for so long after a PING the connection is given up. */
  readonly timeoutMs: number;
  /** Up to this share of the interval is added at random, in percent. */
  readonly jitterPercent: number;
  /** After a rest of so long a request is sent with a PING. */
  readonly idleIntervalMs: number;
}

/** The server name of TLS taken from each request: a connection for every name. */
export interface AutoServerName {
  /** Lower case; '' for the authority. */
  readonly header: string;
  /** The endpoint's certificate must name it too. */
  readonly validate: boolean;
}

/** How connections are made beyond TCP. */
export type UpstreamSocket = Pick<ClusterConfig, 'tls' | 'proxyProtocol'>;
