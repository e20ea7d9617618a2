/**
 * Traces of requests. A connection manager with `tracing` asks Tracing for every request once its route is known:
 * sampling.ts decides, by the bits of x-request-id, whether it is recorded; the tracer (zipkin-tracer.ts,
 * otlp-tracer.ts) makes its span from what the headers carry (b3.ts, w3c.ts). The router puts the span's context into
 * the request it sends. When the stream is over span-tags.ts says what it was, and an exporter sends it with others.
 *
 * A request that is not recorded still gets a context, so that those behind us know; it gets no tags, is never encoded
 * and is not kept. Without `tracing` nothing of this is called.
 */
import { type Headers, removeHeader, setHeader } from '../../../wire/headers.ts';
import type { Counter, StatScope } from '../stat-scope.ts';
import { decide, type Sampling, type TraceReason } from './sampling.ts';
import type { Span } from './span.ts';
import { finishDownstream, finishUpstream } from './span-tags.ts';
import type { CustomTag, RouteTracing, TracedStream } from './traced-stream.ts';

/** How spans of one provider begin, travel and are sent off. */
export interface Tracer {
  /** The span of a request that arrived; undefined where its context cannot be read. */
  start(stream: TracedStream, begin: SpanBegin): Span | undefined;
  /** The span of one attempt within a request's. */
  child(parent: Span, name: string, startMs: number): Span;
  /** Writes the context of a span into a request. */
  inject(span: Span, headers: Headers): void;
  /** A span that is recorded and finished. */
  report(span: Span): void;
}

export interface SpanBegin {
  readonly operation: 'ingress' | 'egress';
  /** The downstream span is a server's of its own: attempts have spans beneath it. */
  readonly spawnsUpstream: boolean;
  readonly sampled: boolean;
}

/** A connection manager's `tracing`, lowered. Immutable. */
export interface TracingConfig {
  readonly operation: 'ingress' | 'egress';
  readonly sampling: Sampling;
  readonly verbose: boolean;
  readonly maxPathLength: number;
  readonly customTags: readonly CustomTag[];
  readonly spawnsUpstream: boolean;
  readonly tracer: Tracer | undefined;
  /** `node_id` and `zone` of every span. */
  readonly nodeId: string;
  readonly zone: string;
}

const REASONS = {
  sampling: 'random_sampling',
  'service-forced': 'service_forced',
  'client-forced': 'client_enabled',
  none: 'not_traceable',
  'health-check': 'health_check',
} as const satisfies Readonly<Record<TraceReason, string>>;

/** The tracing of a connection manager. One for all its streams. */
export class Tracing {
  readonly config: TracingConfig;
  readonly #counts: Readonly<Record<TraceReason, Counter>>;

  /** `stats`: `http.STAT_PREFIX.tracing.` */
  constructor(config: TracingConfig, stats: StatScope) {
    this.config = config;
    const counts = Object.entries(REASONS).map(([reason, name]) => [reason, stats.counter(name)]);
    this.#counts = Object.fromEntries(counts) as Record<TraceReason, Counter>;
  }

  /** Decides, and begins the stream's span. Once per stream, after its route is known and before filters. */
  start(stream: TracedStream): void {
    const { config } = this;
    const { headers } = stream.request;
    const route = stream.route;
    const reason = decide(headers, route?.tracing?.sampling ?? config.sampling, stream.random);
    stream.traceReason = reason;
    this.#counts[reason].value++;
    const span = config.tracer?.start(stream, {
      operation: config.operation,
      spawnsUpstream: config.spawnsUpstream,
      sampled: reason !== 'none' && reason !== 'health-check',
    });
    if (span === undefined) return;
    stream.span = span;
    this.#decorate(span, headers, route);
  }

  /** What the other end's proxy calls the operation, or is told that we do, in a response. */
  respond(stream: TracedStream, headers: Headers): void {
    const { span, route } = stream;
    if (this.config.operation === 'egress') {
      const name = takeHeader(headers, DECORATOR);
      if (name !== undefined && name !== '' && span !== undefined) span.name = name;
    } else if (span?.decorated && route?.decoratorPropagates) setHeader(headers, DECORATOR, route.decorator);
  }

  /** The stream is over: what is recorded is sent off. */
  finish(stream: TracedStream): void {
    const { span } = stream;
    if (span === undefined || !span.sampled) return;
    finishDownstream(span, stream, this.config);
    this.config.tracer?.report(span);
  }

  /** The span of one attempt to `cluster`; undefined where attempts have none of their own. */
  startAttempt(stream: TracedStream, cluster: string, attempt: number): Span | undefined {
    const { span, facts } = stream;
    if (span === undefined || !this.config.spawnsUpstream) return undefined;
    const child = this.config.tracer?.child(
      span,
      `router ${cluster} egress`,
      facts.startTimeMs + facts.durationMs,
    );
    if (child?.sampled && attempt > 1) child.tag('retry.count', String(attempt - 1));
    return child;
  }

  /** `status`: of the attempt's response, 0 for none; `address`: of its endpoint. */
  finishAttempt(stream: TracedStream, span: Span, status: number, address: string): void {
    if (!span.sampled) return;
    finishUpstream(span, stream, status, address, this.config);
    this.config.tracer?.report(span);
  }

  /** Puts the context of an attempt, or of the whole stream, into a request. */
  inject(span: Span, headers: Headers): void {
    this.config.tracer?.inject(span, headers);
  }

  /** A route's decorator names the span; outbound it travels, inbound the caller's word counts more. */
  #decorate(span: Span, headers: Headers, route: RouteTracing | undefined): void {
    const own = route?.decorator ?? '';
    if (own !== '') {
      span.name = own;
      span.decorated = true;
    }
    if (this.config.operation === 'egress') {
      if (own !== '' && route?.decoratorPropagates) setHeader(headers, DECORATOR, own);
      return;
    }
    const said = takeHeader(headers, DECORATOR);
    if (said === undefined || said === '') return;
    span.name = said;
    span.decorated = false;
  }
}

const DECORATOR = 'x-envoy-decorator-operation';

function takeHeader(headers: Headers, name: string): string | undefined {
  for (let i = 0; i < headers.length; i += 2) {
    const found = headers[i] as string;
    if (found.length !== name.length || found.toLowerCase() !== name) continue;
    const value = headers[i + 1];
    removeHeader(headers, name);
    return value;
  }
  return undefined;
}
