import { hex32 } from '../../../lib/hex.ts';
import type { Random } from '../../../lib/random.ts';

/** Where a span is in its trace, as headers carry it. */
export interface SpanContext {
  /** 16 or 32 hexadecimal digits, lower case. */
  readonly traceId: string;
  readonly spanId: string;
  /** '' for none. */
  readonly parentId: string;
  readonly sampled: boolean;
  /** W3C tracestate, '' for none. */
  readonly traceState: string;
}

/** One operation of a trace. Tags are set at its end, and only where it is recorded. */
export class Span implements SpanContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string;
  readonly sampled: boolean;
  readonly traceState: string;
  readonly kind: 'client' | 'server';
  /** Wall time, milliseconds. */
  readonly startMs: number;
  name: string;
  /** The route named it. */
  decorated = false;
  durationMs = 0;
  /** [name, value, name, value, ...] */
  readonly tags: string[] = [];
  /** What happened when, wall time in milliseconds: [name, time, ...]; undefined for nothing. */
  events: (string | number)[] | undefined;

  constructor(context: SpanContext, name: string, kind: 'client' | 'server', startMs: number) {
    this.traceId = context.traceId;
    this.spanId = context.spanId;
    this.parentId = context.parentId;
    this.sampled = context.sampled;
    this.traceState = context.traceState;
    this.name = name;
    this.kind = kind;
    this.startMs = startMs;
  }

  /** Sets a tag; a later one of the same name wins. */
  tag(name: string, value: string): void {
    const { tags } = this;
    for (let i = 0; i < tags.length; i += 2)
      if (tags[i] === name) {
        tags[i + 1] = value;
        return;
      }
    tags.push(name, value);
  }
}

/** 16 random digits. */
export function newSpanId(random: Random): string {
  return hex32(random.uint32()) + hex32(random.uint32());
}
