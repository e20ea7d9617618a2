import { DEFAULT_HTTP2_LIMITS, type Http2Limits } from '../../../../wire/http2/limits.ts';
import {
  DEFAULT_MAX_FRAME_BYTES,
  DEFAULT_WINDOW_BYTES,
  MAX_31_BITS,
} from '../../../../wire/http2/protocol.ts';
import { fieldIn, type Refuse, refuseRest } from '../../../../xds/match/refuse.ts';
import type { HttpConnectionManager as Message } from '../../../../xds/resources.ts';
import { readDurationMs } from '../../../fields.ts';
import type { Http2Settings, Http2Times } from '../../../stream/http2-server.ts';

type Options = NonNullable<Message['http2_protocol_options']>;

/** How HTTP/2 connections are run, as far as the configuration says it. */
export type Http2Config = Omit<Http2Settings, 'deadlines' | 'clock'>;

/** What other parts of the connection manager's configuration say that HTTP/2 needs. */
export interface Http2Surroundings {
  readonly idleMs: number;
  readonly drainMs: number;
  readonly discardMs: number;
  readonly flushMs: number;
  readonly maxHeaderBytes: number;
  readonly maxHeaderCount: number;
}

/** Envoy's. */
const MAX_STREAMS = 1024;
/**
 * Smaller than Envoy's (16 and 24 MiB), which an upstream that does not read lets fill up: this is what a client can
 * make us hold. A wide-area link of 1 Gbit/s and 8 ms is still filled by one stream.
 */
const STREAM_WINDOW_BYTES = 1024 * 1024;
const CONNECTION_WINDOW_BYTES = 4 * 1024 * 1024;
/** A field's own size in SETTINGS_MAX_HEADER_LIST_SIZE; Envoy's limit counts names and values only. */
const FIELD_OVERHEAD_BYTES = 32;
const BLOCK_SLACK_BYTES = 16 * 1024;

export function readHttp2Options(
  options: Options | undefined,
  around: Http2Surroundings,
  refuse: Refuse,
  field: string,
): Http2Config {
  const { connection_keepalive, allow_connect = false, ...limits } = options ?? {};
  return {
    times: {
      idleMs: around.idleMs,
      drainMs: around.drainMs,
      discardMs: around.discardMs,
      flushMs: around.flushMs,
      ...readKeepalive(connection_keepalive, refuse, fieldIn(field, 'connection_keepalive')),
    },
    limits: { ...readLimits(limits, refuse, field), ...headerLimits(around) },
    allowConnect: allow_connect,
  };
}

function readLimits(
  options: Omit<Options, 'connection_keepalive' | 'allow_connect'>,
  refuse: Refuse,
  field: string,
): Partial<Http2Limits> {
  const {
    max_concurrent_streams = MAX_STREAMS,
    initial_stream_window_size = STREAM_WINDOW_BYTES,
    initial_connection_window_size = CONNECTION_WINDOW_BYTES,
    max_consecutive_inbound_frames_with_empty_payload: emptyFrames,
    max_inbound_priority_frames_per_stream: priorityFrames,
    max_inbound_window_update_frames_per_data_frame_sent: windowUpdates,
    ...more
  } = options;
  const {
    override_stream_error_on_invalid_http_message,
    stream_error_on_invalid_http_messaging,
    allow_metadata = false,
    hpack_table_size: _table, // what a client may use of it; 4096 bytes are kept for all
    max_outbound_frames: _frames, // what waits for a client is bounded in bytes (maxUnsentBytes), and lower
    max_outbound_control_frames: _control,
    use_oghttp2_codec: _codec,
    ...rest
  } = more;
  refuseRest(refuse, field, rest);
  if (allow_metadata)
    refuse(fieldIn(field, 'allow_metadata'), 'METADATA frames are not supported by this proxy');
  demandRange(max_concurrent_streams, 1, refuse, fieldIn(field, 'max_concurrent_streams'));
  for (const [name, bytes] of Object.entries({ initial_stream_window_size, initial_connection_window_size }))
    demandRange(bytes, DEFAULT_WINDOW_BYTES, refuse, fieldIn(field, name));
  const { emptyDataFrames, idleFrames } = DEFAULT_HTTP2_LIMITS;
  return {
    maxConcurrentStreams: max_concurrent_streams,
    streamWindowBytes: initial_stream_window_size,
    connectionWindowBytes: initial_connection_window_size,
    // A stream's fault ends the stream. Only who says so wants it to end all others of the connection too.
    badMessageEndsConnection:
      (override_stream_error_on_invalid_http_message ?? stream_error_on_invalid_http_messaging) === false,
    ...(emptyFrames !== undefined && { emptyDataFrames: { ...emptyDataFrames, burst: emptyFrames } }),
    ...(priorityFrames !== undefined && { idleFrames: { ...idleFrames, burst: priorityFrames } }),
    ...(windowUpdates !== undefined && { windowUpdatesPerDataFrame: windowUpdates }),
  };
}

function demandRange(value: number, least: number, refuse: Refuse, field: string): void {
  if (value < least || value > MAX_31_BITS) refuse(field, `is not between ${least} and ${MAX_31_BITS}`);
}

/** Room for every head that the limits allow, however it comes. */
function headerLimits({ maxHeaderBytes, maxHeaderCount }: Http2Surroundings): Partial<Http2Limits> {
  const maxHeaderListBytes = maxHeaderBytes + maxHeaderCount * FIELD_OVERHEAD_BYTES;
  const maxHeaderBlockBytes = maxHeaderListBytes + BLOCK_SLACK_BYTES;
  return {
    maxHeaderListBytes,
    maxHeaderCount,
    maxHeaderBlockBytes: Math.max(DEFAULT_HTTP2_LIMITS.maxHeaderBlockBytes, maxHeaderBlockBytes),
    maxContinuationFrames: Math.max(
      DEFAULT_HTTP2_LIMITS.maxContinuationFrames,
      Math.ceil(maxHeaderBlockBytes / DEFAULT_MAX_FRAME_BYTES),
    ),
  };
}

function readKeepalive(
  keepalive: Options['connection_keepalive'],
  refuse: Refuse,
  field: string,
): Pick<Http2Times, 'keepaliveMs' | 'keepaliveTimeoutMs'> {
  const {
    interval,
    timeout,
    interval_jitter: _jitter, // PINGs of many connections need not be spread: each is one small write
    connection_idle_interval: _idle, // for whoever opens streams, which is the client
    ...rest
  } = keepalive ?? {};
  refuseRest(refuse, field, rest);
  if (keepalive !== undefined && timeout === undefined) refuse(fieldIn(field, 'timeout'), 'is missing');
  return {
    keepaliveMs: readDurationMs(interval, 0, refuse, fieldIn(field, 'interval')),
    keepaliveTimeoutMs: readDurationMs(timeout, 0, refuse, fieldIn(field, 'timeout')),
  };
}
