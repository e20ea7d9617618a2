import { formatProtoDuration } from '../../../lib/duration.ts';
import type { ConnectionLimits } from '../../../mesh/settings.ts';
import type { HttpConnectionManager } from '../../../xds/resources.ts';

type Common = NonNullable<HttpConnectionManager['common_http_protocol_options']>;
type Underscores = NonNullable<Common['headers_with_underscores_action']>;
type Slashes = NonNullable<HttpConnectionManager['path_with_escaped_slashes_action']>;

/** What limits of connections come to in a connection manager. Only what is written is there. */
export function limitFields(limits: ConnectionLimits): HttpConnectionManager {
  const { mergeSlashes, escapedSlashes } = limits;
  return {
    ...times(limits),
    ...present('common_http_protocol_options', commonOptions(limits)),
    ...present('http2_protocol_options', {
      ...maybe('max_concurrent_streams', limits.maxConcurrentStreams),
      ...maybe('initial_stream_window_size', limits.streamWindowBytes),
      ...maybe('initial_connection_window_size', limits.connectionWindowBytes),
    }),
    ...maybe('merge_slashes', mergeSlashes),
    ...maybe('path_with_escaped_slashes_action', escapedSlashes as Slashes | undefined),
  };
}

function times(limits: ConnectionLimits): HttpConnectionManager {
  return {
    ...maybe('stream_idle_timeout', duration(limits.streamIdleTimeoutMs)),
    ...maybe('request_timeout', duration(limits.requestTimeoutMs)),
    ...maybe('request_headers_timeout', duration(limits.requestHeadersTimeoutMs)),
    ...maybe('drain_timeout', duration(limits.drainTimeoutMs)),
  };
}

function commonOptions(limits: ConnectionLimits): Common {
  return {
    ...maybe('idle_timeout', duration(limits.idleTimeoutMs)),
    ...maybe('max_connection_duration', duration(limits.maxConnectionDurationMs)),
    ...maybe('max_stream_duration', duration(limits.maxStreamDurationMs)),
    ...maybe('headers_with_underscores_action', limits.underscores as Underscores | undefined),
  };
}

function duration(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : formatProtoDuration(ms);
}

function maybe<K extends string, V>(name: K, value: V | undefined): { readonly [k in K]?: V } {
  return value === undefined ? {} : ({ [name]: value } as { readonly [k in K]: V });
}

function present<K extends string, V extends object>(name: K, value: V): { readonly [k in K]?: V } {
  return Object.keys(value).length === 0 ? {} : maybe(name, value);
}
