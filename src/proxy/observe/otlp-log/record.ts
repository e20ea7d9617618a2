import { Buffer } from 'node:buffer';
import { ProtobufWriter } from '../../../lib/protobuf-writer.ts';
import { encode } from '../../../xds/encode.ts';
import { fieldIn, type Refuse } from '../../../xds/match/refuse.ts';
import type { OpenTelemetryLogConfig } from '../../../xds/resources.ts';
import { compileText } from '../format.ts';
import type { Extensions } from '../format-pieces.ts';
import type { StreamFacts } from '../stream-facts.ts';

// opentelemetry.proto.logs.v1.LogRecord, and the request that carries many of them, written field by field.

type AnyValue = NonNullable<OpenTelemetryLogConfig['body']>;
type KeyValueList = NonNullable<OpenTelemetryLogConfig['attributes']>;

/** A value of the configuration with the operators in its texts filled in. */
type Filled<T> = (facts: StreamFacts) => T;

export interface LogFormats {
  readonly body: Filled<AnyValue> | undefined;
  readonly attributes: Filled<NonNullable<KeyValueList['values']>>;
}

export interface ValueCompiler {
  readonly refuse: Refuse;
  readonly extensions: Extensions;
}

/** Texts are formats, lists and maps are looked into, other values stay as they are. */
export function compileValue(value: AnyValue, field: string, compiler: ValueCompiler): Filled<AnyValue> {
  const { string_value, array_value, kvlist_value } = value;
  if (string_value !== undefined) {
    const place = fieldIn(field, 'string_value');
    const { format } = compileText(string_value, compiler.refuse, place, '-', compiler.extensions);
    return (facts) => ({ string_value: format(facts) });
  }
  if (kvlist_value !== undefined) {
    const all = compileAttributes(kvlist_value, fieldIn(field, 'kvlist_value'), compiler);
    return (facts) => ({ kvlist_value: { values: all(facts) } });
  }
  if (array_value === undefined) return () => value;
  const items = (array_value.values ?? []).map((item, i) =>
    compileValue(item, fieldIn(field, `array_value.values[${i}]`), compiler),
  );
  return (facts) => ({ array_value: { values: items.map((item) => item(facts)) } });
}

export function compileAttributes(
  list: KeyValueList | undefined,
  field: string,
  compiler: ValueCompiler,
): LogFormats['attributes'] {
  const pairs = (list?.values ?? []).map(({ key = '', value = {} }, i) => ({
    key,
    fill: compileValue(value, fieldIn(field, `values[${i}].value`), compiler),
  }));
  return (facts) => pairs.map(({ key, fill }) => ({ key, value: fill(facts) }));
}

/** One record, encoded. */
export function logRecord(facts: StreamFacts, { body, attributes }: LogFormats): Uint8Array {
  const record = new ProtobufWriter();
  record.fixed64(1, BigInt(Math.round(facts.startTimeMs * 1000)) * 1000n);
  if (body !== undefined) record.bytes(5, encode('opentelemetry.proto.common.v1.AnyValue', body(facts)));
  for (const pair of attributes(facts))
    record.bytes(6, encode('opentelemetry.proto.common.v1.KeyValue', pair));
  if (facts.traceId !== undefined) record.bytes(9, Buffer.from(facts.traceId, 'hex'));
  if (facts.spanId !== undefined) record.bytes(10, Buffer.from(facts.spanId, 'hex'));
  return record.finish();
}

/** opentelemetry.proto.collector.logs.v1.ExportLogsServiceRequest; `resource.attributes` is a list of KeyValue. */
export function exportLogsRequest(records: readonly Uint8Array[], resource: object): Uint8Array {
  const { attributes } = resource as { readonly attributes: readonly object[] };
  const request = new ProtobufWriter();
  request.message(1, (logs) => {
    logs.message(1, (writer) => {
      for (const pair of attributes) writer.bytes(1, encode('opentelemetry.proto.common.v1.KeyValue', pair));
    });
    logs.message(2, (scope) => {
      for (const record of records) scope.bytes(2, record);
    });
  });
  return request.finish();
}
