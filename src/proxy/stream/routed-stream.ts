import type { Connection } from '../../wire/connection.ts';
import type { Headers } from '../../wire/headers.ts';
import type { MetadataByNamespace, UpstreamEndpoint, UpstreamFacts } from '../observe/stream-facts.ts';
import type { TraceReason } from '../observe/tracing/sampling.ts';
import type { Span } from '../observe/tracing/span.ts';
import type { Tracing } from '../observe/tracing/tracing.ts';
import type { CallMessages } from './call-messages.ts';
import type { UpstreamResponse } from './codec.ts';
import type { FilterStream, Reply } from './http-filter.ts';
import type { RequestState } from './request-state.ts';
import type { ForwardAction, Route, RouteLeaf } from './route-table.ts';

/**
 * The end of every filter chain: takes a stream whose route forwards, and answers it. The router is one; tests bring
 * their own. It is told of the rest of the request by calls on what start() returns, and answers by calls on the stream.
 */
export interface Terminal {
  start(stream: RoutedStream, action: ForwardAction, leaf: RouteLeaf): Forwarding;
}

/** A stream's request on its way out. */
export interface Forwarding {
  /** False: hold the request until stream.resumeRequest(). `last`: no filter has the bytes. */
  requestData(bytes: Buffer, last?: boolean): boolean;
  requestEnd(trailers: Headers | undefined): void;
  requestFlush(): void;
  /** The client has room again after a respond call returned false. */
  responseDrain(): void;
  /** Hold the response: filters are not done with its head. */
  pauseResponse(): void;
  resumeResponse(): void;
  /** Nobody wants the response any more. Nothing follows. */
  abort(): void;
}

/** What the terminal sees of a stream, and how it answers. */
export interface RoutedStream extends FilterStream {
  readonly request: RequestState;
  readonly route: Route;
  /** The whole request has been received. */
  readonly requestEnded: boolean;
  /** Protocol that the client may switch to, '' for none. */
  readonly upgrade: string;
  /** The client waits for 100 (Continue), and that is passed on. */
  readonly expectsContinue: boolean;
  readonly responseStarted: boolean;
  /** Milliseconds from monotonic zero to the stream's start. */
  readonly startedMs: number;
  readonly outcome: UpstreamOutcome;
  readonly messages: CallMessages | undefined;
  readonly tracing: Tracing | undefined;
  span: Span | undefined;
  traceReason: TraceReason;
  inform(status: number, headers: Headers): void;
  /** The response's head; its headers are without hop-by-hop fields. The route's operations are applied here. */
  respond(response: UpstreamResponse): void;
  respondData(bytes: Buffer): boolean;
  respondEnd(trailers: Headers | undefined): void;
  respondFlush(): void;
  /** An answer of the proxy itself, or, where the response has begun, its cut end. */
  fail(reply: Reply): void;
  /** Redirects that were followed for this request, in order. */
  readonly redirects: readonly FollowedRedirect[];
  /**
   * Sends the request to another place, through routes and filters once more, with the body that was kept: when the
   * function is called. Undefined, and nothing changed, where no route takes it or the target does not accept that one.
   */
  redirect(target: RedirectTarget, body: RedirectedBody | undefined): (() => void) | undefined;
  /** Takes the request on after requestData returned false, or before it started. */
  holdRequest(): void;
  resumeRequest(): void;
}

/** From one route to another. */
export interface FollowedRedirect {
  readonly from: Route;
  readonly to: Route;
}

/** Where an upstream's redirect leads. */
export interface RedirectTarget {
  readonly scheme: string;
  readonly authority: string;
  readonly path: string;
  readonly method: string;
  readonly withoutBody: boolean;
  readonly headers: Headers;
  readonly accepts: (route: Route) => boolean;
}

/** A request's body as it was received, whole. */
export interface RedirectedBody {
  readonly chunks: readonly Buffer[];
  readonly trailers: Headers | undefined;
}

/** What metrics and logs want to know of an endpoint. */
export type OutcomeEndpoint = UpstreamEndpoint;

/** What the router found out, for logs and counts. */
export interface UpstreamOutcome extends UpstreamFacts {
  host: string | undefined;
  cluster: string | undefined;
  localAddress: string | undefined;
  transportFailure: string | undefined;
  attempts: number;
  /** The endpoint of the last attempt, for whoever keeps something per endpoint. */
  endpoint: OutcomeEndpoint | undefined;
  triedBefore: UpstreamEndpoint[] | undefined;
  connection: Connection | undefined;
  protocol: string | undefined;
  sentMs: number;
  statName: string | undefined;
  clusterMetadata: MetadataByNamespace | undefined;
  /** Who the endpoint proved to be, '' for nobody. */
  principal: string;
}
