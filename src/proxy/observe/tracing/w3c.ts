import { getHeader, getJoinedHeader, type Headers, setHeader } from '../../../wire/headers.ts';
import type { SpanContext } from './span.ts';

// W3C Trace Context: traceparent and tracestate.

const PARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;
const NO_TRACE = '0'.repeat(32);
const NO_SPAN = '0'.repeat(16);

/** The context that came; undefined for none, `malformed` for one that no span can follow. */
export function readTraceParent(headers: Headers): SpanContext | undefined | 'malformed' {
  const text = getHeader(headers, 'traceparent');
  if (text === undefined) return undefined;
  const [, version, traceId, spanId, flags] = PARENT.exec(text) ?? [];
  if (traceId === undefined || spanId === undefined || version === 'ff') return 'malformed';
  if (traceId === NO_TRACE || spanId === NO_SPAN) return 'malformed';
  return {
    traceId,
    spanId,
    parentId: '',
    sampled: (Number.parseInt(flags as string, 16) & 1) === 1,
    traceState: getJoinedHeader(headers, 'tracestate') ?? '',
  };
}

/** Writes traceparent, and tracestate where there is one. */
export function writeTraceParent(headers: Headers, span: SpanContext): void {
  const traceId = span.traceId.length === 32 ? span.traceId : NO_SPAN + span.traceId;
  setHeader(headers, 'traceparent', `00-${traceId}-${span.spanId}-${span.sampled ? '01' : '00'}`);
  if (span.traceState !== '') setHeader(headers, 'tracestate', span.traceState);
}
