import { getHeader, type Headers, setHeader } from '../../../wire/headers.ts';
import type { SpanContext } from './span.ts';

// B3 propagation (github.com/openzipkin/b3-propagation): x-b3-* headers, or all of it in one header `b3`.

/** What headers say: a context, only whether to record, nothing, or nonsense. */
export interface B3Found {
  /** Undefined where no ids came. */
  readonly context: SpanContext | undefined;
  readonly sampled: boolean | undefined;
  readonly malformed: boolean;
}

const NOTHING: B3Found = { context: undefined, sampled: undefined, malformed: false };
const MALFORMED: B3Found = { context: undefined, sampled: undefined, malformed: true };
const ID = /^[0-9a-f]{1,16}$/i;
const TRACE_ID = /^[0-9a-f]{1,32}$/i;
const SINGLE = /^([0-9a-f]{16}|[0-9a-f]{32})-([0-9a-f]{16})(?:-([01d])(?:-([0-9a-f]{16}))?)?$/i;

/** Reads both forms; the single header counts more. `sampled` is what holds where the headers leave it open. */
export function readB3(headers: Headers, sampled: boolean): B3Found {
  const single = getHeader(headers, 'b3');
  if (single !== undefined) return readSingle(single, sampled);
  const said = getHeader(headers, 'x-b3-sampled');
  const told = said === undefined ? undefined : said === '1' || said === 'true';
  const traceId = getHeader(headers, 'x-b3-traceid');
  const spanId = getHeader(headers, 'x-b3-spanid');
  if (traceId === undefined || spanId === undefined)
    return told === undefined ? NOTHING : { context: undefined, sampled: told, malformed: false };
  const parentId = getHeader(headers, 'x-b3-parentspanid') ?? '';
  if (!TRACE_ID.test(traceId) || !ID.test(spanId) || (parentId !== '' && !ID.test(parentId)))
    return MALFORMED;
  return {
    context: {
      traceId: traceId.toLowerCase().padStart(traceId.length > 16 ? 32 : 16, '0'),
      spanId: spanId.toLowerCase().padStart(16, '0'),
      parentId: parentId === '' ? '' : parentId.toLowerCase().padStart(16, '0'),
      sampled: told ?? sampled,
      traceState: '',
    },
    sampled: told,
    malformed: false,
  };
}

function readSingle(text: string, sampled: boolean): B3Found {
  if (text === '0' || text === '1' || text === 'd')
    return { context: undefined, sampled: text !== '0', malformed: false };
  const [, traceId, spanId, flag, parentId = ''] = SINGLE.exec(text) ?? [];
  if (traceId === undefined || spanId === undefined) return MALFORMED;
  const told = flag === undefined ? undefined : flag !== '0';
  return {
    context: {
      traceId: traceId.toLowerCase(),
      spanId: spanId.toLowerCase(),
      parentId: parentId.toLowerCase(),
      sampled: told ?? sampled,
      traceState: '',
    },
    sampled: told,
    malformed: false,
  };
}

/** Writes the x-b3-* headers, as Envoy does whichever form came in. */
export function writeB3(headers: Headers, span: SpanContext): void {
  setHeader(headers, 'x-b3-traceid', span.traceId);
  setHeader(headers, 'x-b3-spanid', span.spanId);
  if (span.parentId !== '') setHeader(headers, 'x-b3-parentspanid', span.parentId);
  setHeader(headers, 'x-b3-sampled', span.sampled ? '1' : '0');
}
