import { fieldIn, type Refuse, refuseRest } from '../../../xds/match/refuse.ts';
import type { AnyMessage, OpenTelemetryLogConfig } from '../../../xds/resources.ts';
import { readDurationMs } from '../../fields.ts';
import type { Runtime } from '../../runtime.ts';
import { Batch } from '../batch.ts';
import { type GrpcTarget, grpcSender, readGrpcService } from '../export-call.ts';
import type { Extensions } from '../format-pieces.ts';
import type { StreamFacts } from '../stream-facts.ts';
import { compileAttributes, compileValue, exportLogsRequest, type LogFormats, logRecord } from './record.ts';

// Access logs as OpenTelemetry's log records: made when their stream ends, gathered, and sent in unary calls of OTLP.

const PATH = '/opentelemetry.proto.collector.logs.v1.LogsService/Export';
const FLUSH_AFTER_MS = 1000;
const FLUSH_AT_BYTES = 16_384;
/** What may wait for a collector that does not take it; further records are dropped and counted. */
const MAX_RECORDS = 20_000;
const MAX_IN_FLIGHT = 4;
const TIMEOUT_MS = 5000;

export const OPEN_TELEMETRY_LOG =
  'envoy.extensions.access_loggers.open_telemetry.v3.OpenTelemetryAccessLogConfig';

type Common = NonNullable<OpenTelemetryLogConfig['common_config']>;

/** Sends records to the collector. `extensions`: what the message's formatters add. */
export function readOtlpLog(
  config: AnyMessage,
  extensions: Extensions,
  runtime: Runtime,
  refuse: Refuse,
  field: string,
): { log(facts: StreamFacts): void } {
  const { '@type': _type, formatters: _formatters, ...message } = config;
  const { common_config = {}, body, attributes, ...more } = message as OpenTelemetryLogConfig;
  const { disable_builtin_labels = false, resource_attributes, stat_prefix = '', ...rest } = more;
  refuseRest(refuse, field, rest);
  const compiler = { refuse, extensions };
  const formats: LogFormats = {
    body: body === undefined ? undefined : compileValue(body, fieldIn(field, 'body'), compiler),
    attributes: compileAttributes(attributes, fieldIn(field, 'attributes'), compiler),
  };
  const { node } = runtime;
  const own = {
    log_name: common_config.log_name ?? '',
    zone_name: node.zone ?? '',
    cluster_name: node.cluster,
    node_name: node.id,
  };
  const labels = disable_builtin_labels ? [] : Object.entries(own);
  const resource = {
    attributes: [
      ...labels.map(([key, string_value]) => ({ key, value: { string_value } })),
      ...(resource_attributes?.values ?? []),
    ],
  };
  const place = fieldIn(field, 'common_config');
  const batch = shareBatch(common_config, resource, stat_prefix, runtime, refuse, place);
  return { log: (facts) => batch.add(logRecord(facts, formats)) };
}

function shareBatch(
  common: Common,
  resource: object,
  statPrefix: string,
  runtime: Runtime,
  refuse: Refuse,
  field: string,
): Batch<Uint8Array> {
  const { grpc_service = {}, log_name: _name, transport_api_version: _version, ...more } = common;
  const { buffer_flush_interval, buffer_size_bytes = FLUSH_AT_BYTES, ...rest } = more;
  refuseRest(refuse, field, rest);
  const target = readGrpcService(grpc_service, TIMEOUT_MS, refuse, fieldIn(field, 'grpc_service'));
  const place = fieldIn(field, 'buffer_flush_interval');
  const flushAfterMs = readDurationMs(buffer_flush_interval, FLUSH_AFTER_MS, refuse, place);
  const key = JSON.stringify([target, resource, statPrefix, flushAfterMs, buffer_size_bytes]);
  return runtime.exporters.share(`otlp logs ${key}`, () =>
    recordBatch(target, resource, statPrefix, { flushAfterMs, atBytes: buffer_size_bytes }, runtime),
  );
}

function recordBatch(
  target: GrpcTarget,
  resource: object,
  statPrefix: string,
  when: { readonly flushAfterMs: number; readonly atBytes: number },
  runtime: Runtime,
): Batch<Uint8Array> {
  const dot = statPrefix === '' ? '' : `${statPrefix}.`;
  const stats = runtime.metrics.scope(`access_logs.open_telemetry_access_log.${dot}`);
  const written = stats.counter('logs_written');
  const dropped = stats.counter('logs_dropped');
  const send = grpcSender(target, PATH, runtime);
  return new Batch<Uint8Array>(
    runtime.clock,
    {
      flushAfterMs: when.flushAfterMs,
      flushAtItems: when.atBytes === 0 ? 1 : MAX_RECORDS,
      flushAtWeight: when.atBytes,
      maxItems: MAX_RECORDS,
      maxInFlight: MAX_IN_FLIGHT,
    },
    { onTimer() {}, onDropped: () => dropped.value++ },
    async (records) => {
      const result = await send(exportLogsRequest(records, resource));
      (result === 'accepted' ? written : dropped).value += records.length;
    },
    (record) => record.length,
  );
}
