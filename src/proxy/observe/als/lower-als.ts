import { ProtobufWriter } from '../../../lib/protobuf-writer.ts';
import { frameMessage } from '../../../wire/grpc/framing.ts';
import { encode } from '../../../xds/encode.ts';
import { fieldIn, type Refuse, refuseRest } from '../../../xds/match/refuse.ts';
import type { AnyMessage, GrpcLogConfig, HttpGrpcLogConfig } from '../../../xds/resources.ts';
import { readDurationMs } from '../../fields.ts';
import type { Runtime } from '../../runtime.ts';
import { ANY_CONTEXT } from '../../upstream/pick-context.ts';
import { Batch } from '../batch.ts';
import { type GrpcTarget, readGrpcService } from '../export-call.ts';
import type { StreamFacts } from '../stream-facts.ts';
import { readCustomTags } from '../tracing/custom-tags.ts';
import type { TracedStream } from '../tracing/traced-stream.ts';
import { type EntrySettings, httpEntry, tcpEntry } from './entry.ts';
import { LogStream } from './log-stream.ts';

// The gRPC access log service: entries are encoded when their stream ends, gathered, and sent on one long call.

const PATH = '/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs';
const FLUSH_AFTER_MS = 1000;
const FLUSH_AT_BYTES = 16_384;
/** What may wait for a service that does not take it; further entries are dropped and counted. */
const MAX_ENTRIES = 20_000;

export const HTTP_GRPC = 'envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig';
export const TCP_GRPC = 'envoy.extensions.access_loggers.grpc.v3.TcpGrpcAccessLogConfig';

/** Writes entries to the service; undefined after a refusal. */
export function readGrpcLog(
  config: AnyMessage,
  kind: 'http' | 'tcp',
  runtime: Runtime,
  refuse: Refuse,
  field: string,
): { log(facts: StreamFacts): void } {
  const { '@type': _type, ...message } = config;
  const {
    common_config = {},
    additional_request_headers_to_log = [],
    additional_response_headers_to_log = [],
    additional_response_trailers_to_log = [],
    ...rest
  } = message as HttpGrpcLogConfig;
  refuseRest(refuse, field, rest);
  const place = fieldIn(field, 'common_config');
  const { grpc_service = {}, custom_tags, ...common } = common_config;
  const target = readGrpcService(grpc_service, 0, refuse, fieldIn(place, 'grpc_service'));
  const clusters = (name: string) => runtime.cluster(name)?.config.metadata;
  const tags = readCustomTags(custom_tags, clusters, refuse, fieldIn(place, 'custom_tags'));
  const settings: EntrySettings = {
    requestHeaders: additional_request_headers_to_log.map((name) => name.toLowerCase()),
    responseHeaders: additional_response_headers_to_log.map((name) => name.toLowerCase()),
    responseTrailers: additional_response_trailers_to_log.map((name) => name.toLowerCase()),
    customTags: (facts) => tagsOf(tags, facts, runtime),
  };
  const batch = shareBatch(kind, target, common, runtime, refuse, place);
  const name = `envoy.data.accesslog.v3.${kind === 'http' ? 'HTTP' : 'TCP'}AccessLogEntry`;
  const entry = kind === 'http' ? httpEntry : tcpEntry;
  return { log: (facts) => batch.add(encode(name, entry(facts, settings))) };
}

function shareBatch(
  kind: 'http' | 'tcp',
  target: GrpcTarget,
  common: Omit<GrpcLogConfig, 'grpc_service' | 'custom_tags'>,
  runtime: Runtime,
  refuse: Refuse,
  field: string,
): Batch<Uint8Array> {
  const { log_name = '', transport_api_version = 'V3', buffer_flush_interval, ...more } = common;
  const { buffer_size_bytes = FLUSH_AT_BYTES, filter_state_objects_to_log = [], ...rest } = more;
  refuseRest(refuse, field, rest);
  if (transport_api_version !== 'V3' && transport_api_version !== 'AUTO')
    refuse(fieldIn(field, 'transport_api_version'), `${transport_api_version} is not supported: V3 is`);
  if (filter_state_objects_to_log.length > 0)
    refuse(fieldIn(field, 'filter_state_objects_to_log'), 'is not supported by this proxy');
  if (log_name === '') refuse(fieldIn(field, 'log_name'), 'is missing');
  const place = fieldIn(field, 'buffer_flush_interval');
  const flushAfterMs = readDurationMs(buffer_flush_interval, FLUSH_AFTER_MS, refuse, place);
  const key = JSON.stringify([kind, target, log_name, flushAfterMs, buffer_size_bytes]);
  return runtime.exporters.share(`als ${key}`, () => {
    const sender = new EntrySender(kind, target, log_name, runtime);
    return new Batch<Uint8Array>(
      runtime.clock,
      {
        flushAfterMs,
        flushAtItems: buffer_size_bytes === 0 ? 1 : MAX_ENTRIES,
        flushAtWeight: buffer_size_bytes,
        maxItems: MAX_ENTRIES,
        maxInFlight: 1,
      },
      { onTimer() {}, onDropped: () => sender.dropped.value++ },
      (entries) => sender.send(entries),
      (entry) => entry.length,
    );
  });
}

/** Keeps the call open, and opens another where it ended. */
class EntrySender {
  readonly written;
  readonly dropped;
  readonly #kind: 'http' | 'tcp';
  readonly #target: GrpcTarget;
  readonly #runtime: Runtime;
  readonly #identifier: Uint8Array;
  #stream: LogStream | undefined;

  constructor(kind: 'http' | 'tcp', target: GrpcTarget, logName: string, runtime: Runtime) {
    const stats = runtime.metrics.scope('access_logs.grpc_access_log.');
    this.written = stats.counter('logs_written');
    this.dropped = stats.counter('logs_dropped');
    this.#kind = kind;
    this.#target = target;
    this.#runtime = runtime;
    const { id, cluster } = runtime.node;
    this.#identifier = encode('envoy.service.accesslog.v3.StreamAccessLogsMessage.Identifier', {
      node: { id, cluster },
      log_name: logName,
    });
  }

  async send(entries: readonly Uint8Array[]): Promise<void> {
    const isNew = this.#stream === undefined || this.#stream.over;
    const stream = isNew ? this.#open() : this.#stream;
    this.#stream = stream;
    if (stream === undefined || !(await stream.opened) || stream.over) {
      this.dropped.value += entries.length;
      return;
    }
    this.written.value += entries.length;
    stream.send(frameMessage(this.#message(entries, isNew)));
  }

  #open(): LogStream | undefined {
    const cluster = this.#runtime.cluster(this.#target.cluster);
    const endpoint = cluster?.pick(ANY_CONTEXT);
    if (cluster === undefined || endpoint === undefined) return undefined;
    return new LogStream(cluster, endpoint, this.#target, PATH);
  }

  /** service.accesslog.v3.StreamAccessLogsMessage of entries that are encoded already. The first says who sends. */
  #message(entries: readonly Uint8Array[], isFirst: boolean): Uint8Array {
    const message = new ProtobufWriter();
    if (isFirst) message.bytes(1, this.#identifier);
    message.message(this.#kind === 'http' ? 2 : 3, (logs) => {
      for (const entry of entries) logs.bytes(1, entry);
    });
    return message.finish();
  }
}

function tagsOf(
  tags: ReturnType<typeof readCustomTags>,
  facts: StreamFacts,
  runtime: Runtime,
): { readonly [name: string]: string } | undefined {
  if (tags.length === 0) return undefined;
  const { request, requestHeaders: headers, routeMetadata, upstream } = facts;
  const { method = '', path = '', authority = '', scheme = '' } = request ?? {};
  const stream: TracedStream = {
    request: { method, path, authority, scheme, headers },
    facts,
    clock: runtime.clock,
    random: runtime.random,
    route: {
      decorator: '',
      decoratorPropagates: false,
      metadata: routeMetadata ?? {},
      tracing: undefined,
    },
    outcome: { cluster: facts.upstreamCluster, endpoint: upstream?.endpoint },
    span: undefined,
    traceReason: 'none',
  };
  const found = tags.map((tag) => [tag.name, tag.value(stream) ?? ''] as const);
  return Object.fromEntries(found.filter(([, value]) => value !== ''));
}
