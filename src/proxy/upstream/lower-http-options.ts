import { fieldIn, type Refuse, refuseRest } from '../../xds/match/refuse.ts';
import type { Cluster } from '../../xds/resources.ts';
import { readDurationMs } from '../fields.ts';
import type { Http2KeepaliveSettings, UpstreamHttp2 } from './cluster-config.ts';

type Http1Message = NonNullable<Cluster['http_protocol_options']>;
type Message = NonNullable<Cluster['http2_protocol_options']>;

/** Streams at once on a connection where nothing is said; Envoy's default since 1.36. */
const MAX_CONCURRENT_STREAMS = 1024;
/**
 * Many times a stream's window: clients that do not read hold up to a window each, and the rest of the connection's
 * requests must not stand behind a few of them. It is only ever memory for such clients.
 */
const STREAM_WINDOW_BYTES = 256 * 1024;
const CONNECTION_WINDOW_BYTES = 16 * 1024 * 1024;
const KEEPALIVE_TIMEOUT_MS = 20_000;
const KEEPALIVE_JITTER_PERCENT = 15;

/** config.core.v3.Http1ProtocolOptions for connections to endpoints: nothing of it changes anything here. */
export function checkUpstreamHttp1(message: Http1Message | undefined, refuse: Refuse, field: string): void {
  const {
    // What servers accept.
    allow_absolute_url: _absolute,
    accept_http_10: _old,
    default_host_for_http_10: _host,
    allow_custom_methods: _methods,
    // Always so: trailers go on, names keep their case, one bad response ends alone.
    enable_trailers: _trailers,
    override_stream_error_on_invalid_http_message: _streamError,
    use_balsa_parser: _parser,
    header_key_format,
    ...rest
  } = message ?? {};
  refuseRest(refuse, field, rest);
  const { stateful_formatter: _preserve, ...formats } = header_key_format ?? {};
  refuseRest(refuse, fieldIn(field, 'header_key_format'), formats);
}

/** config.core.v3.Http2ProtocolOptions for connections to endpoints. */
export function readUpstreamHttp2(
  message: Message | undefined,
  refuse: Refuse,
  field: string,
): UpstreamHttp2 {
  const {
    max_concurrent_streams,
    initial_stream_window_size,
    initial_connection_window_size,
    connection_keepalive,
    ...more
  } = message ?? {};
  const {
    hpack_table_size: _table, // the most that may be used; less is
    allow_connect: _connect, // extended CONNECT is only sent to who allows it
    override_stream_error_on_invalid_http_message: _streamError, // always: one bad stream ends alone
    stream_error_on_invalid_http_messaging: _older,
    // Limits of what a peer may make us queue or count: the codec has its own, which cannot be turned off.
    max_outbound_frames: _frames,
    max_outbound_control_frames: _control,
    max_consecutive_inbound_frames_with_empty_payload: _empty,
    max_inbound_priority_frames_per_stream: _priority,
    max_inbound_window_update_frames_per_data_frame_sent: _updates,
    use_oghttp2_codec: _codec,
    ...rest
  } = more;
  refuseRest(refuse, field, rest);
  return {
    maxConcurrentStreams: Math.max(1, max_concurrent_streams ?? MAX_CONCURRENT_STREAMS),
    streamWindowBytes: initial_stream_window_size ?? STREAM_WINDOW_BYTES,
    connectionWindowBytes: initial_connection_window_size ?? CONNECTION_WINDOW_BYTES,
    keepalive: readKeepalive(connection_keepalive, refuse, fieldIn(field, 'connection_keepalive')),
  };
}

function readKeepalive(
  message: Message['connection_keepalive'],
  refuse: Refuse,
  field: string,
): Http2KeepaliveSettings | undefined {
  if (message === undefined) return undefined;
  const { interval, timeout, interval_jitter, connection_idle_interval, ...rest } = message;
  refuseRest(refuse, field, rest);
  const duration = (text: string | undefined, name: string, absentMs: number): number =>
    readDurationMs(text, absentMs, refuse, fieldIn(field, name));
  return {
    intervalMs: duration(interval, 'interval', 0),
    timeoutMs: duration(timeout, 'timeout', KEEPALIVE_TIMEOUT_MS),
    jitterPercent: interval_jitter?.value ?? KEEPALIVE_JITTER_PERCENT,
    idleIntervalMs: duration(connection_idle_interval, 'connection_idle_interval', 0),
  };
}
