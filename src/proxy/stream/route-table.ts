import type { Random } from '../../lib/random.ts';
import type { RequestFacts } from '../../xds/match/facts.ts';
import type { Redirect } from '../../xds/match/redirect.ts';
import type { CompiledRouteMatch } from '../../xds/match/route-match.ts';
import type { HostIndex } from '../../xds/match/virtual-host.ts';
import { choose, type WeightedChoice } from '../../xds/match/weighted.ts';
import type { RouteTracing } from '../observe/tracing/traced-stream.ts';
import type { Metadata } from '../upstream/endpoint-set.ts';
import type { MetadataMatch } from '../upstream/metadata-match.ts';
import type { HashPolicy } from './hash-policy.ts';
import type { HeaderOperations } from './header-operations.ts';
import type { InternalRedirectPolicy } from './internal-redirect.ts';
import type { RateLimits } from './rate-limit-policy.ts';
import type { RetryPolicy } from './retry-policy.ts';

/** A route's own configuration of a filter; each filter knows its own. */
export type RouteOverride = unknown;

/** A RouteConfiguration made ready: made by lower-route.ts, immutable, read by the connection manager and the router. */
export interface RouteTable {
  readonly name: string;
  /** Clusters that its routes lead to, mirrors included. */
  readonly clusterNames: readonly string[];
  readonly hosts: HostIndex<VirtualHostRoutes>;
  /** The Host header's port does not count. */
  readonly ignorePort: boolean;
  /** Headers that only callers inside may send. */
  readonly internalOnlyHeaders: readonly string[];
  /** Virtual hosts come when they are asked for (vhds), in place of `hosts`; undefined: all are here. */
  readonly onDemand?: HostsOnDemand | undefined;
  /** Its virtual hosts are to come one by one. */
  readonly vhds: boolean;
}

/** Virtual hosts that come when they are asked for. */
export interface HostsOnDemand {
  /** What answers for a Host header; `none`: nothing does. Undefined: it is not known yet, and asked for. */
  find(authority: string): VirtualHostRoutes | 'none' | undefined;
  /** Calls back when it is known, with false where nobody said in time. */
  until(authority: string, done: (known: boolean) => void): void;
}

export interface VirtualHostRoutes {
  readonly name: string;
  readonly requireTls: 'none' | 'external' | 'all';
  readonly routes: readonly Route[];
}

/** One route with everything it inherits from its virtual host and table. */
export interface Route {
  readonly name: string;
  readonly virtualHost: string;
  /** Name of statistics of what it forwards, '' for none. */
  readonly statPrefix: string;
  readonly match: CompiledRouteMatch;
  readonly action: RouteAction;
  readonly metadata: Metadata;
  /** Operation name for traces, '' for none. */
  readonly decorator: string;
  /** The operation name is told to the other end. */
  readonly decoratorPropagates: boolean;
  readonly tracing: RouteTracing['tracing'];
}

export type RouteAction =
  | ForwardAction
  | RedirectAction
  | DirectAction
  | { readonly kind: 'none'; readonly leaf: RouteLeaf };

/**
 * What a request ends up at: a route without clusters, or one cluster of a route. Filter chains are compiled per leaf.
 */
export interface RouteLeaf {
  readonly route: string;
  /** Name of the cluster, or the header that holds it; both '' where the route forwards nothing. */
  readonly cluster: string;
  readonly clusterHeader: string;
  readonly requestHeaders: readonly HeaderOperations[] | undefined;
  readonly responseHeaders: readonly HeaderOperations[] | undefined;
  /** Configurations of filters by name in the chain, most specific first. */
  readonly overrides: ReadonlyMap<string, readonly RouteOverride[]>;
  /** Filters that are switched off here, by name in the chain. */
  readonly disabledFilters: ReadonlySet<string>;
  /** What its requests are counted as; undefined for nothing. */
  readonly rateLimits: RateLimits | undefined;
  /** In place of the action's host rewrite. */
  readonly hostRewrite: string | undefined;
  /** The subset of the cluster's endpoints that is wanted; undefined for any. */
  readonly metadataMatch: MetadataMatch | undefined;
}

export interface ForwardAction {
  readonly kind: 'forward';
  readonly leaves: WeightedChoice<RouteLeaf>;
  /** A request header whose number decides between the leaves, '' for chance alone. */
  readonly drawHeader: string;
  readonly clusterNotFoundStatus: number;
  /** The new path with query; undefined keeps the old one. */
  readonly rewritePath: ((path: string) => string) | undefined;
  readonly rewriteHost: HostRewrite | undefined;
  readonly appendForwardedHost: boolean;
  /** From the request's last byte to the response's last; 0 is none. */
  readonly timeoutMs: number;
  /** Without a byte in either direction; undefined: the connection manager's. */
  readonly idleTimeoutMs: number | undefined;
  /** 0 is none; undefined: the connection manager's. */
  readonly maxStreamMs: number | undefined;
  /** Upper bound for what `grpc-timeout` asks; undefined: it is not looked at. 0: whatever it asks. */
  readonly grpcTimeoutMaxMs: number | undefined;
  readonly grpcTimeoutOffsetMs: number;
  readonly retry: RetryPolicy | undefined;
  /** A try that takes too long goes on while another one is made. */
  readonly hedges: boolean;
  /** Redirects of the upstream that are followed here. */
  readonly internalRedirect: InternalRedirectPolicy | undefined;
  /** With max_stream_duration the time-out of the route does not count, as in Envoy. */
  readonly usesStreamTimes: boolean;
  /** x-envoy-is-timeout-retry on tries after a time-out. */
  readonly marksTimeoutRetries: boolean;
  /** Most of a body that is kept to be sent again or copied. */
  readonly bufferBytes: number;
  readonly mirrors: readonly MirrorPolicy[];
  readonly hash: readonly HashPolicy[];
  /** Some of these policies make cookies. */
  readonly makesCookies: boolean;
  /** Its requests go by the circuit breaker of high priority. */
  readonly highPriority: boolean;
  /** By lower-case upgrade type; absent: the connection manager's. */
  readonly upgrades: ReadonlyMap<string, boolean>;
  /** Methods that end here, the stream's bytes going to a TCP connection to the endpoint: CONNECT, and POST in its place. */
  readonly tunnels: readonly string[];
  /** The version of the PROXY protocol whose header comes first in those connections. */
  readonly tunnelHeader: 'V1' | 'V2' | undefined;
  /** Which attempt this is goes into x-envoy-attempt-count, of the request and of the response. */
  readonly attemptCountInRequest: boolean;
  readonly attemptCountInResponse: boolean;
}

export type HostRewrite =
  | { readonly kind: 'literal'; readonly host: string }
  | { readonly kind: 'endpoint' }
  | { readonly kind: 'header'; readonly name: string }
  | { readonly kind: 'path'; readonly rewrite: (path: string) => string };

export interface MirrorPolicy {
  readonly cluster: string;
  /** The header that holds the name in its place, '' for none. */
  readonly clusterHeader: string;
  /** Share of requests in parts of a million. */
  readonly share: number;
  readonly keepHost: boolean;
}

export interface RedirectAction extends Redirect {
  readonly kind: 'redirect';
  readonly leaf: RouteLeaf;
}

export interface DirectAction {
  readonly kind: 'direct';
  readonly leaf: RouteLeaf;
  readonly status: number;
  readonly body: string;
  /** Of statuses that redirect: to where the request came from, as Envoy answers them. */
  readonly location: Redirect['location'] | undefined;
}

/** The leaf a request falls on; undefined where all weights are zero. */
export function leafOf(action: RouteAction, random: Random, request: RequestFacts): RouteLeaf | undefined {
  if (action.kind !== 'forward') return action.leaf;
  const { leaves, drawHeader } = action;
  if (leaves.options.length === 1) return leaves.options[0];
  const said = drawHeader === '' ? undefined : request.header(drawHeader);
  return choose(leaves, said !== undefined && /^\d{1,15}$/.test(said) ? Number(said) : random.uint32());
}
