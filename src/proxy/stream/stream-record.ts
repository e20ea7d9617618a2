import type { Clock } from '../../lib/clock.ts';
import type { Random } from '../../lib/random.ts';
import type { Headers } from '../../wire/headers.ts';
import type { Json } from '../../xds/resources.ts';
import { FLAG, type ResponseFlags } from '../observe/response-flags.ts';
import type { LogType, StreamFacts, UpstreamFacts } from '../observe/stream-facts.ts';
import type { TraceReason } from '../observe/tracing/sampling.ts';
import type { Span } from '../observe/tracing/span.ts';
import type { Tracing } from '../observe/tracing/tracing.ts';
import type { CallMessages } from './call-messages.ts';
import { ConnectionFacts } from './connection-facts.ts';
import type { ConnectionView } from './connection-view.ts';
import type { MutableResponse, OverrideHost } from './http-filter.ts';
import type { HttpManager } from './manager.ts';
import type { RequestState } from './request-state.ts';
import type { Route, RouteLeaf } from './route-table.ts';
import type { UpstreamOutcome } from './routed-stream.ts';

const NO_HEADERS: Headers = [];

/** What is known of one HTTP stream: everything that logs, counts, filters and formats may ask. exchange.ts moves it. */
export class StreamRecord extends ConnectionFacts implements StreamFacts {
  readonly manager: HttpManager;
  readonly request: RequestState;
  logType: LogType = 'DownstreamEnd';
  readonly protocol: string;
  readonly outcome: UpstreamOutcome = {
    host: undefined,
    cluster: undefined,
    localAddress: undefined,
    transportFailure: undefined,
    attempts: 0,
    endpoint: undefined,
    triedBefore: undefined,
    connection: undefined,
    protocol: undefined,
    sentMs: -1,
    statName: undefined,
    clusterMetadata: undefined,
    principal: '',
  };
  response: MutableResponse = { status: 0, headers: NO_HEADERS, body: 'none' };
  responseTrailers: Headers = NO_HEADERS;
  responseFlags: ResponseFlags = 0;
  responseCodeDetails: string | undefined;
  connectionTerminationDetails: string | undefined;
  localReplyBody = '';
  bytesReceived = 0;
  bytesSent = 0;
  requestEndMs = -1;
  responseStartMs = -1;
  endedMs = -1;
  over = false;
  /** Undefined: as the request's content-type says. */
  answersGrpc: boolean | undefined;
  overrideHost: OverrideHost | undefined;
  /** Undefined for what is no gRPC call, or counted by nobody. */
  messages: CallMessages | undefined;
  route: Route | undefined;
  leaf: RouteLeaf | undefined;
  span: Span | undefined;
  traceReason: TraceReason = 'none';
  #states: Map<object, unknown> | undefined;

  constructor(manager: HttpManager, connection: ConnectionView, request: RequestState, protocol: string) {
    super(connection, manager.clock);
    this.manager = manager;
    this.request = request;
    this.protocol = protocol;
  }

  get clock(): Clock {
    return this.manager.clock;
  }
  get random(): Random {
    return this.manager.random;
  }
  get facts(): StreamFacts {
    return this;
  }
  get tracing(): Tracing | undefined {
    return this.manager.tracing;
  }
  get isTraced(): boolean {
    return this.traceReason !== 'none' && this.traceReason !== 'health-check';
  }
  get spanId(): string | undefined {
    return this.span?.spanId;
  }
  get routeMetadata(): StreamFacts['routeMetadata'] {
    return this.route?.metadata;
  }
  get upstream(): UpstreamFacts {
    return this.outcome;
  }
  get traceId(): string | undefined {
    return this.span?.traceId;
  }
  get routeCluster(): string {
    return this.leaf?.cluster ?? '';
  }
  get durationMs(): number {
    return (this.endedMs < 0 ? this.manager.clock.monotonicMs() : this.endedMs) - this.startedMs;
  }
  get requestDurationMs(): number | undefined {
    return this.requestEndMs < 0 ? undefined : this.requestEndMs - this.startedMs;
  }
  get responseDurationMs(): number | undefined {
    return this.responseStartMs < 0 ? undefined : this.responseStartMs - this.startedMs;
  }
  get responseCode(): number {
    return this.response.status;
  }
  get requestHeaders(): Headers {
    return this.request.headers;
  }
  get responseHeaders(): Headers {
    return this.response.headers;
  }
  get upstreamTransportFailureReason(): string | undefined {
    return this.outcome.transportFailure;
  }
  get upstreamHost(): string | undefined {
    return this.outcome.host;
  }
  get upstreamCluster(): string | undefined {
    return this.outcome.cluster;
  }
  get upstreamLocalAddress(): string | undefined {
    return this.outcome.localAddress;
  }
  get upstreamAttempts(): number {
    return this.outcome.attempts;
  }
  get routeName(): string {
    return this.route?.name ?? '';
  }
  get virtualHost(): string {
    return this.route?.virtualHost ?? '';
  }

  addFlags(flags: ResponseFlags): void {
    this.responseFlags |= flags;
  }

  setMetadata(filter: string, fields: { readonly [key: string]: Json }): void {
    this.peer.setMetadata(filter, fields);
  }

  stateOf<T>(key: object, make: () => T): T {
    this.#states ??= new Map();
    if (!this.#states.has(key)) this.#states.set(key, make());
    return this.#states.get(key) as T;
  }

  knownState<T>(key: object): T | undefined {
    return this.#states?.get(key) as T | undefined;
  }

  /** What filters remember of it. */
  protected forgetStates(): void {
    this.#states = undefined;
  }

  /** The client went before it was answered. */
  markGone(details: string): void {
    this.responseFlags |= FLAG.downstreamConnectionTermination;
    this.responseCodeDetails = details;
  }
}
