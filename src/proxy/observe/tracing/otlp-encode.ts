import { Buffer } from 'node:buffer';
import { ProtobufWriter } from '../../../lib/protobuf-writer.ts';
import type { Span } from './span.ts';

// opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest, written field by field: the definitions are in no
// dependency, and one message out of them is all that is sent.

/** Attributes of what reports: [name, value]. */
export type Attributes = readonly (readonly [name: string, value: string])[];

const KINDS = { server: 2, client: 3 } as const;
const STATUS_ERROR = 2;

export function exportTraceRequest(spans: readonly Span[], resource: Attributes): Uint8Array {
  const request = new ProtobufWriter();
  request.message(1, (resourceSpans) => {
    resourceSpans.message(1, (writer) => writeAttributes(writer, 1, resource));
    resourceSpans.message(2, (scopeSpans) => {
      scopeSpans.message(1, (scope) => scope.string(1, 'weft'));
      for (const span of spans) scopeSpans.message(2, (writer) => writeSpan(writer, span));
    });
  });
  return request.finish();
}

function writeSpan(writer: ProtobufWriter, span: Span): void {
  const { tags, events } = span;
  writer.bytes(1, Buffer.from(span.traceId, 'hex'));
  writer.bytes(2, Buffer.from(span.spanId, 'hex'));
  if (span.traceState !== '') writer.string(3, span.traceState);
  if (span.parentId !== '') writer.bytes(4, Buffer.from(span.parentId, 'hex'));
  writer.string(5, span.name);
  writer.uint(6, KINDS[span.kind]);
  writer.fixed64(7, nanos(span.startMs));
  writer.fixed64(8, nanos(span.startMs + span.durationMs));
  for (let i = 0; i < tags.length; i += 2)
    writeAttribute(writer, 9, tags[i] as string, tags[i + 1] as string);
  for (let i = 0; events !== undefined && i < events.length; i += 2)
    writer.message(11, (event) => {
      event.fixed64(1, nanos(events[i + 1] as number));
      event.string(2, events[i] as string);
    });
  if (isError(span)) writer.message(15, (status) => status.uint(3, STATUS_ERROR));
}

/** A server's span fails by what is the server's fault, a client's by what it was answered at all. */
function isError({ kind, tags }: Span): boolean {
  const at = tags.indexOf('http.status_code');
  return at >= 0 && Number(tags[at + 1]) >= (kind === 'client' ? 400 : 500);
}

export function writeAttributes(writer: ProtobufWriter, field: number, attributes: Attributes): void {
  for (const [name, value] of attributes) writeAttribute(writer, field, name, value);
}

function writeAttribute(writer: ProtobufWriter, field: number, name: string, value: string): void {
  writer.message(field, (pair) => {
    pair.string(1, name);
    pair.message(2, (any) => any.string(1, value));
  });
}

/** Microseconds are what clocks here tell apart. */
function nanos(ms: number): bigint {
  return BigInt(Math.round(ms * 1000)) * 1000n;
}
