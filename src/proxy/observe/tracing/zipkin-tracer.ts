import type { Random } from '../../../lib/random.ts';
import type { Headers } from '../../../wire/headers.ts';
import { readB3, writeB3 } from './b3.ts';
import { newSpanId, Span, type SpanContext } from './span.ts';
import type { TracedStream } from './traced-stream.ts';
import type { SpanBegin, Tracer } from './tracing.ts';
import { readTraceParent, writeTraceParent } from './w3c.ts';

export interface ZipkinSettings {
  readonly traceId128: boolean;
  /** A server's span is the client's with the same id, not one beneath it. */
  readonly sharesContext: boolean;
  /** W3C headers are read where there are no B3 ones, and written beside them. */
  readonly withW3c: boolean;
}

/** Spans as Zipkin knows them: the operation is called by the host that was asked for. */
export class ZipkinTracer implements Tracer {
  readonly #settings: ZipkinSettings;
  readonly #random: Random;
  readonly #report: (span: Span) => void;

  constructor(settings: ZipkinSettings, random: Random, report: (span: Span) => void) {
    this.#settings = settings;
    this.#random = random;
    this.#report = report;
  }

  start(stream: TracedStream, begin: SpanBegin): Span | undefined {
    const { headers, authority } = stream.request;
    const { startTimeMs } = stream.facts;
    const found = readB3(headers, begin.sampled);
    if (found.malformed) return undefined;
    let context = found.context;
    if (context === undefined && this.#settings.withW3c) {
      const parent = readTraceParent(headers);
      if (parent !== 'malformed') context = parent;
    }
    const kind = begin.spawnsUpstream || begin.operation === 'ingress' ? 'server' : 'client';
    if (context === undefined)
      return new Span(this.#root(found.sampled ?? begin.sampled), authority, kind, startTimeMs);
    const joins = kind === 'server' && this.#settings.sharesContext;
    return new Span(joins ? context : this.#below(context), authority, kind, startTimeMs);
  }

  child(parent: Span, name: string, startMs: number): Span {
    return new Span(this.#below(parent), name, 'client', startMs);
  }

  inject(span: Span, headers: Headers): void {
    writeB3(headers, span);
    if (this.#settings.withW3c) writeTraceParent(headers, span);
  }

  report(span: Span): void {
    this.#report(span);
  }

  #root(sampled: boolean): SpanContext {
    const spanId = newSpanId(this.#random);
    const traceId = this.#settings.traceId128 ? newSpanId(this.#random) + spanId : spanId;
    return { traceId, spanId, parentId: '', sampled, traceState: '' };
  }

  #below({ traceId, spanId, sampled, traceState }: SpanContext): SpanContext {
    return { traceId, spanId: newSpanId(this.#random), parentId: spanId, sampled, traceState };
  }
}
