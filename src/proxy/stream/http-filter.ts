import type { Clock } from '../../lib/clock.ts';
import type { Random } from '../../lib/random.ts';
import type { Headers } from '../../wire/headers.ts';
import type { PeerFacts, RequestFacts } from '../../xds/match/facts.ts';
import type { Refuse } from '../../xds/match/refuse.ts';
import type { AnyMessage, Json } from '../../xds/resources.ts';
import type { ResponseFlags } from '../observe/response-flags.ts';
import type { StatScope } from '../observe/stat-scope.ts';
import type { StreamFacts } from '../observe/stream-facts.ts';
import type { Runtime } from '../runtime.ts';
import type { ConnectionView } from './connection-view.ts';
import type { RequestBody } from './held-body.ts';
import type { RouteLeaf, RouteOverride } from './route-table.ts';

/**
 * What an HTTP filter is: phases as data. A filter implements the phases it needs, is made once per configuration and
 * route, is shared by all streams, and says continue, reply, or promises to. It never calls back into the chain, holds
 * nothing of a stream in itself, and no phase that it lacks costs anything: hooks are compiled into flat arrays.
 */
export interface HttpFilter {
  /** The head of the request; `stream.request` may be changed. */
  readonly requestHeaders?: (stream: FilterStream) => Verdict;
  /**
   * A piece of the request's body; what is returned goes on in its place, a reply ends the request. A filter without
   * this never sees bodies.
   */
  readonly requestData?: (stream: FilterStream, bytes: Buffer, end: boolean) => Buffer | Reply;
  /** The request's trailers, where there are any; the array may be changed, and none are sent where it is emptied. */
  readonly requestTrailers?: (stream: FilterStream, trailers: Headers) => void;
  /** The head of the response; `stream.response` may be changed. In reverse order of the chain. */
  readonly responseHeaders?: (stream: FilterStream) => Verdict;
  /** A piece of the response's body. While a promise of bytes is open the upstream is held back. */
  readonly responseData?: (stream: FilterStream, bytes: Buffer, end: boolean) => Buffer | Promise<Buffer>;
  /** The response's trailers, after the body's end; may be changed. Bytes that are returned end the body. */
  readonly responseTrailers?: (stream: FilterStream, trailers: Headers) => Buffer | undefined;
  /** The stream is over, however it ended. Exactly once for every stream whose requestHeaders was called. */
  readonly close?: (stream: FilterStream) => void;
}

/** Undefined: go on. A reply: the request ends here. A promise: the stream waits for it, others do not. */
export type Verdict = undefined | Reply | Promise<undefined | Reply>;

/** An answer of the proxy itself. */
export interface Reply {
  readonly status: number;
  readonly body: string;
  readonly headers?: Headers;
  /** %RESPONSE_CODE_DETAILS%: a word with underscores. */
  readonly details: string;
  readonly flags?: ResponseFlags;
  /** Of the body; absent: `text/plain`, where `headers` say nothing else. */
  readonly contentType?: string;
  /** For gRPC callers where it does not follow from the status. */
  readonly grpcStatus?: number;
  /** Cut the connection in place of an answer. */
  readonly reset?: boolean;
  /** The route's operations on response headers hold for this answer too. */
  readonly applyRouteHeaders?: boolean;
}

/** What a filter sees of a stream. */
export interface FilterStream {
  readonly request: MutableRequest;
  /** Set from responseHeaders on. */
  readonly response: MutableResponse;
  readonly peer: PeerFacts;
  readonly connection: ConnectionView;
  readonly facts: StreamFacts;
  readonly clock: Clock;
  readonly random: Random;
  /** True once nobody waits for the stream any more. */
  readonly over: boolean;
  /** Whether answers of the proxy itself are gRPC's; for filters that make gRPC of requests that are none. */
  answersGrpc: boolean | undefined;
  /** The endpoint that the first try goes to, where its cluster has it (`strict`: it or nobody). */
  overrideHost: OverrideHost | undefined;
  /** The cluster the chosen route leads to; '' where it leads to none. */
  readonly routeCluster: string;
  /** Whether a body follows the head, and whether its length is told. */
  readonly requestBody: 'none' | 'length' | 'stream';
  /**
   * Waits for the request's body, or for more than `maxBytes` of it, and keeps it: for requestHeaders, whose promise
   * waits for this one. What was kept goes on after the head. Never resolves for a stream that is over.
   */
  readBody(maxBytes: number): Promise<RequestBody>;
  /** The route is chosen again by the request as it is now; filters that come after this one are that route's. */
  clearRoute(): void;
  addFlags(flags: ResponseFlags): void;
  setMetadata(filter: string, fields: { readonly [key: string]: Json }): void;
  /** State of this stream that belongs to a filter: `key` is an object only that filter has. */
  stateOf<T>(key: object, make: () => T): T;
  /** The same where it was made, undefined where it was not. */
  knownState<T>(key: object): T | undefined;
}

/** An endpoint by its address, `10.0.0.1:80`. */
export interface OverrideHost {
  readonly address: string;
  readonly strict: boolean;
}

export interface MutableRequest extends RequestFacts {
  method: string;
  path: string;
  authority: string;
  scheme: string;
  readonly headers: Headers;
}

export interface MutableResponse {
  status: number;
  /** Whether a body follows, as it came. */
  readonly body: 'none' | 'length' | 'stream' | 'raw';
  readonly headers: Headers;
}

/** A filter as configured in a chain, before a route is known. */
export interface ConfiguredFilter {
  /** Name in the chain, which typed_per_filter_config speaks of. */
  readonly name: string;
  /**
   * The filter for a route: `overrides` are that route's own configurations, most specific first, as lowerRoute gave
   * them. Undefined where it has nothing to do there.
   */
  forRoute(overrides: readonly RouteOverride[], leaf: RouteLeaf): HttpFilter | undefined;
}

/** What is around a filter's message when it is read, in a chain or in a route. */
export interface MessageContext {
  /** The filter's name in the chain. */
  readonly name: string;
  readonly refuse: Refuse;
  /** Path of the message, for refusals. */
  readonly field: string;
}

/** What is around a filter when it is lowered for a chain. */
export interface HttpFilterContext extends MessageContext {
  readonly statPrefix: string;
  /** Clusters, files, clock: for filters that ask others. */
  readonly runtime: Runtime;
  /** The same object for all filters of one chain, and for no others. */
  readonly chain: object;
  /** Where its listener takes traffic from. */
  readonly direction: 'inbound' | 'outbound' | 'unspecified';
  /** Statistics under `http.STAT_PREFIX.` */
  readonly stats: StatScope;
}

/** A kind of HTTP filter, found by the type URLs of its messages. */
export interface HttpFilterKind {
  /** Full message name of the configuration in a chain. */
  readonly message: string;
  /** Full message name of the configuration of a route, '' for none. */
  readonly routeMessage: string;
  lower(message: AnyMessage, context: HttpFilterContext): ConfiguredFilter;
  lowerRoute(message: AnyMessage, context: MessageContext): RouteOverride;
}
