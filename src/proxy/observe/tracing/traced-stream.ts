import type { Clock } from '../../../lib/clock.ts';
import type { Random } from '../../../lib/random.ts';
import type { Headers } from '../../../wire/headers.ts';
import type { Json } from '../../../xds/resources.ts';
import type { StreamFacts } from '../stream-facts.ts';
import type { Sampling, TraceReason } from './sampling.ts';
import type { Span } from './span.ts';

/** What a route says of traces. */
export interface RouteTracing {
  /** Operation name, '' for none. */
  readonly decorator: string;
  /** The name is told to the other end. */
  readonly decoratorPropagates: boolean;
  readonly metadata: MetadataByFilter;
  /** In place of the connection manager's. */
  readonly tracing: { readonly sampling: Sampling; readonly customTags: readonly CustomTag[] } | undefined;
}

export type MetadataByFilter = Readonly<Record<string, { readonly [key: string]: Json }>>;

/** A stream, as far as traces look at it. */
export interface TracedStream {
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly authority: string;
    readonly scheme: string;
    readonly headers: Headers;
  };
  readonly facts: StreamFacts;
  readonly clock: Clock;
  readonly random: Random;
  readonly route: RouteTracing | undefined;
  readonly outcome: {
    readonly cluster: string | undefined;
    readonly endpoint:
      | { readonly placement: { readonly spec: { readonly metadata: MetadataByFilter } } }
      | undefined;
  };
  span: Span | undefined;
  traceReason: TraceReason;
}

/** A tag that a configuration asks for (type.tracing.v3.CustomTag). */
export interface CustomTag {
  readonly name: string;
  /** Undefined or '': the span gets no such tag. */
  value(stream: TracedStream): string | undefined;
}
