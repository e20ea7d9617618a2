import type { Random } from '../../../lib/random.ts';
import type { Headers } from '../../../wire/headers.ts';
import { newSpanId, Span } from './span.ts';
import type { TracedStream } from './traced-stream.ts';
import type { SpanBegin, Tracer } from './tracing.ts';
import { readTraceParent, writeTraceParent } from './w3c.ts';

/** Spans as OpenTelemetry knows them: W3C contexts, each span with an id of its own. */
export class OtlpTracer implements Tracer {
  readonly #random: Random;
  readonly #report: (span: Span) => void;
  readonly #always: boolean;

  /** `always`: its sampler records everything, whatever was decided before. */
  constructor(random: Random, always: boolean, report: (span: Span) => void) {
    this.#random = random;
    this.#always = always;
    this.#report = report;
  }

  start(stream: TracedStream, begin: SpanBegin): Span | undefined {
    const { request, facts } = stream;
    const parent = readTraceParent(request.headers);
    if (parent === 'malformed') return undefined;
    const { operation } = begin;
    const name = operation === 'ingress' ? 'ingress' : `egress ${request.authority}`;
    const kind = begin.spawnsUpstream || operation === 'ingress' ? 'server' : 'client';
    const random = this.#random;
    const spanId = newSpanId(random);
    const context =
      parent === undefined
        ? {
            traceId: newSpanId(random) + newSpanId(random),
            spanId,
            parentId: '',
            sampled: begin.sampled || this.#always,
            traceState: '',
          }
        : { ...parent, spanId, parentId: parent.spanId, sampled: parent.sampled || this.#always };
    return new Span(context, name, kind, facts.startTimeMs);
  }

  child(parent: Span, name: string, startMs: number): Span {
    const { traceId, spanId, sampled, traceState } = parent;
    const context = { traceId, spanId: newSpanId(this.#random), parentId: spanId, sampled, traceState };
    return new Span(context, name, 'client', startMs);
  }

  inject(span: Span, headers: Headers): void {
    writeTraceParent(headers, span);
  }

  report(span: Span): void {
    this.#report(span);
  }
}
