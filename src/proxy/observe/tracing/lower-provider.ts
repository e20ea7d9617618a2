import { Buffer } from 'node:buffer';
import { fieldIn, type Refuse, refuseRest } from '../../../xds/match/refuse.ts';
import {
  type AnyMessage,
  messageOf,
  type OpenTelemetryConfig,
  type ZipkinConfig,
} from '../../../xds/resources.ts';
import type { Runtime } from '../../runtime.ts';
import { Batch } from '../batch.ts';
import { grpcSender, httpSender, readGrpcService, readHttpService, type SendBatch } from '../export-call.ts';
import type { StatScope } from '../stat-scope.ts';
import { type Attributes, exportTraceRequest } from './otlp-encode.ts';
import { OtlpTracer } from './otlp-tracer.ts';
import { readResource } from './resource.ts';
import type { Span } from './span.ts';
import type { Tracer } from './tracing.ts';
import { zipkinJson } from './zipkin-json.ts';
import { ZipkinTracer } from './zipkin-tracer.ts';

// The providers of tracing: what sends spans off, and how contexts travel.

/** Spans wait at most this long, or until there are so many; Envoy: 5 s, 5 spans. */
const FLUSH_AFTER_MS = 1000;
const FLUSH_AT_SPANS = 100;
/** What waits for a collector that is slow or gone, 20 to 30 MB at most; further spans are dropped and counted. */
const MAX_SPANS = 10_000;
const MAX_IN_FLIGHT = 4;
const TIMEOUT_MS = 5000;
const OTLP_PATH = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';

const ZIPKIN = 'envoy.config.trace.v3.ZipkinConfig';
const OPENTELEMETRY = 'envoy.config.trace.v3.OpenTelemetryConfig';

/** The tracer of a provider; undefined after a refusal. */
export function readProvider(
  message: { readonly name?: string; readonly typed_config?: AnyMessage },
  runtime: Runtime,
  refuse: Refuse,
  field: string,
): Tracer | undefined {
  const { typed_config } = message;
  const place = fieldIn(field, 'typed_config');
  const { '@type': type = '', ...config } = typed_config ?? {};
  if (messageOf(type) === ZIPKIN) return readZipkin(config as ZipkinConfig, runtime, refuse, place);
  if (messageOf(type) === OPENTELEMETRY)
    return readOpenTelemetry(config as OpenTelemetryConfig, runtime, refuse, place);
  refuse(place, `'${type || message.name || ''}' is not supported by this proxy`);
  return undefined;
}

function readZipkin(config: ZipkinConfig, runtime: Runtime, refuse: Refuse, field: string): Tracer {
  const {
    collector_cluster: cluster = '',
    collector_endpoint: path = '',
    collector_hostname,
    ...more
  } = config;
  const {
    trace_id_128bit: traceId128 = false,
    shared_span_context: shared = true,
    collector_endpoint_version: version = 'HTTP_JSON',
    trace_context_option: option = 'USE_B3',
    split_spans_for_request: split = false,
    ...rest
  } = more as typeof more & { readonly trace_context_option?: string };
  refuseRest(refuse, field, rest);
  if (cluster === '') refuse(fieldIn(field, 'collector_cluster'), 'is missing');
  if (path === '') refuse(fieldIn(field, 'collector_endpoint'), 'is missing');
  if (version !== 'HTTP_JSON')
    refuse(
      fieldIn(field, 'collector_endpoint_version'),
      `${version} is not supported by this proxy: HTTP_JSON is`,
    );
  if (split)
    refuse(
      fieldIn(field, 'split_spans_for_request'),
      'is not supported by this proxy: spawn_upstream_span is',
    );
  const { node } = runtime;
  const local = { serviceName: node.cluster, ipv4: addressOf(node.id) };
  const host = collector_hostname || cluster;
  const headers: string[] = [];
  const target = { cluster, path, host, contentType: 'application/json', headers, timeoutMs: TIMEOUT_MS };
  const batch = runtime.exporters.share(`zipkin ${shared} ${JSON.stringify(target)}`, () =>
    spanBatch(runtime, runtime.metrics.scope('tracing.zipkin.'), httpSender(target, runtime), (spans) =>
      Buffer.from(zipkinJson(spans, local, shared)),
    ),
  );
  const settings = {
    traceId128,
    sharesContext: shared,
    withW3c: option === 'USE_B3_WITH_W3C_PROPAGATION',
  };
  return new ZipkinTracer(settings, runtime.random, (span) => batch.add(span));
}

function readOpenTelemetry(
  config: OpenTelemetryConfig,
  runtime: Runtime,
  refuse: Refuse,
  field: string,
): Tracer | undefined {
  const { grpc_service, http_service, service_name = '', resource_detectors = [], sampler, ...rest } = config;
  refuseRest(refuse, field, rest);
  const samplerKind = messageOf(sampler?.typed_config?.['@type'] ?? '');
  if (sampler !== undefined && samplerKind !== ALWAYS_ON)
    refuse(fieldIn(field, 'sampler'), `'${samplerKind}' is not supported by this proxy`);
  const resource = readResource(
    service_name,
    resource_detectors,
    refuse,
    fieldIn(field, 'resource_detectors'),
  );
  let send: SendBatch | undefined;
  let target: object | undefined;
  if (grpc_service !== undefined) {
    const grpc = readGrpcService(grpc_service, TIMEOUT_MS, refuse, fieldIn(field, 'grpc_service'));
    target = grpc;
    send = grpcSender(grpc, OTLP_PATH, runtime);
  } else if (http_service !== undefined) {
    const http = readHttpService(
      http_service,
      'application/x-protobuf',
      refuse,
      fieldIn(field, 'http_service'),
    );
    target = http;
    send = httpSender(http, runtime);
  } else refuse(field, 'has neither grpc_service nor http_service');
  if (send === undefined) return undefined;
  const encode = (spans: readonly Span[]): Uint8Array => exportTraceRequest(spans, resource);
  const batch = shareOtlp(runtime, send, target, resource, encode);
  return new OtlpTracer(runtime.random, sampler !== undefined, (span) => batch.add(span));
}

const ALWAYS_ON = 'envoy.extensions.tracers.opentelemetry.samplers.v3.AlwaysOnSamplerConfig';

function shareOtlp(
  runtime: Runtime,
  send: SendBatch,
  target: object | undefined,
  resource: Attributes,
  encode: (spans: readonly Span[]) => Uint8Array,
): Batch<Span> {
  return runtime.exporters.share(`otlp ${JSON.stringify([target, resource])}`, () =>
    spanBatch(runtime, runtime.metrics.scope('tracing.opentelemetry.'), send, encode),
  );
}

function spanBatch(
  runtime: Runtime,
  stats: StatScope,
  send: SendBatch,
  encode: (spans: readonly Span[]) => Uint8Array,
): Batch<Span> {
  const spansSent = stats.counter('spans_sent');
  const spansDropped = stats.counter('spans_dropped');
  const timerFlushed = stats.counter('timer_flushed');
  const reports = {
    accepted: stats.counter('reports_sent'),
    refused: stats.counter('reports_dropped'),
    failed: stats.counter('reports_failed'),
    absent: stats.counter('reports_skipped_no_cluster'),
  };
  return new Batch<Span>(
    runtime.clock,
    {
      flushAfterMs: FLUSH_AFTER_MS,
      flushAtItems: FLUSH_AT_SPANS,
      maxItems: MAX_SPANS,
      maxInFlight: MAX_IN_FLIGHT,
    },
    { onTimer: () => timerFlushed.value++, onDropped: () => spansDropped.value++ },
    async (spans) => {
      spansSent.value += spans.length;
      reports[await send(encode(spans))].value++;
    },
  );
}

/** `sidecar~10.0.0.7~name~domain` -> `10.0.0.7` */
function addressOf(nodeId: string): string {
  const address = nodeId.split('~')[1] ?? '';
  return /^\d+\.\d+\.\d+\.\d+$/.test(address) ? address : '';
}
