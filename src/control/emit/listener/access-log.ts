import type { AccessLog } from '../../../mesh/settings.ts';
import { any, type HttpConnectionManager, type Json } from '../../../xds/resources.ts';

/** One line for each request: Istio's fields in Istio's order, then who called, by its certificate. */
const DEFAULT_TEXT = `${[
  '[%START_TIME%]',
  '"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%"',
  '%RESPONSE_CODE%',
  '%RESPONSE_FLAGS%',
  '%RESPONSE_CODE_DETAILS%',
  '%CONNECTION_TERMINATION_DETAILS%',
  '"%UPSTREAM_TRANSPORT_FAILURE_REASON%"',
  '%BYTES_RECEIVED%',
  '%BYTES_SENT%',
  '%DURATION%',
  '%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%',
  '"%REQ(X-FORWARDED-FOR)%"',
  '"%REQ(USER-AGENT)%"',
  '"%REQ(X-REQUEST-ID)%"',
  '"%REQ(:AUTHORITY)%"',
  '"%UPSTREAM_HOST%"',
  '%UPSTREAM_CLUSTER_RAW%',
  '%UPSTREAM_LOCAL_ADDRESS%',
  '%DOWNSTREAM_LOCAL_ADDRESS%',
  '%DOWNSTREAM_REMOTE_ADDRESS%',
  '%REQUESTED_SERVER_NAME%',
  '%ROUTE_NAME%',
  '"%DOWNSTREAM_PEER_URI_SAN%"',
].join(' ')}\n`;

const DEFAULT_JSON: Readonly<Record<string, string>> = {
  start_time: '%START_TIME%',
  method: '%REQ(:METHOD)%',
  path: '%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%',
  protocol: '%PROTOCOL%',
  response_code: '%RESPONSE_CODE%',
  response_flags: '%RESPONSE_FLAGS%',
  response_code_details: '%RESPONSE_CODE_DETAILS%',
  connection_termination_details: '%CONNECTION_TERMINATION_DETAILS%',
  upstream_transport_failure_reason: '%UPSTREAM_TRANSPORT_FAILURE_REASON%',
  bytes_received: '%BYTES_RECEIVED%',
  bytes_sent: '%BYTES_SENT%',
  duration: '%DURATION%',
  upstream_service_time: '%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%',
  x_forwarded_for: '%REQ(X-FORWARDED-FOR)%',
  user_agent: '%REQ(USER-AGENT)%',
  request_id: '%REQ(X-REQUEST-ID)%',
  authority: '%REQ(:AUTHORITY)%',
  upstream_host: '%UPSTREAM_HOST%',
  upstream_cluster: '%UPSTREAM_CLUSTER_RAW%',
  upstream_local_address: '%UPSTREAM_LOCAL_ADDRESS%',
  downstream_local_address: '%DOWNSTREAM_LOCAL_ADDRESS%',
  downstream_remote_address: '%DOWNSTREAM_REMOTE_ADDRESS%',
  requested_server_name: '%REQUESTED_SERVER_NAME%',
  route_name: '%ROUTE_NAME%',
  downstream_peer_uri_san: '%DOWNSTREAM_PEER_URI_SAN%',
};

/** Files that are the proxy's own streams: they cannot be opened by name where they are sockets. */
const STREAMS: Readonly<Record<string, { readonly name: string; readonly message: string }>> = {
  '/dev/stdout': { name: 'stdout', message: 'envoy.extensions.access_loggers.stream.v3.StdoutAccessLog' },
  '/dev/stderr': { name: 'stderr', message: 'envoy.extensions.access_loggers.stream.v3.StderrAccessLog' },
};

type AccessLogs = NonNullable<HttpConnectionManager['access_log']>;

/** Access logs as configured, as a field to spread; nothing where there are none. */
export function accessLogs(log: AccessLog | undefined): { readonly access_log?: AccessLogs } {
  if (log === undefined) return {};
  const log_format =
    log.encoding === 'json' ? { json_format: jsonFormat(log.format) } : textFormat(log.format);
  const stream = STREAMS[log.file];
  const access_log =
    stream === undefined
      ? {
          name: 'envoy.access_loggers.file',
          typed_config: any('envoy.extensions.access_loggers.file.v3.FileAccessLog', {
            path: log.file,
            log_format,
          }),
        }
      : { name: `envoy.access_loggers.${stream.name}`, typed_config: any(stream.message, { log_format }) };
  return { access_log: [access_log] };
}

function textFormat(format: string) {
  const text = format === '' ? DEFAULT_TEXT : format.endsWith('\n') ? format : `${format}\n`;
  return { text_format_source: { inline_string: text } };
}

/** A format that is no JSON object is as good as none. */
function jsonFormat(format: string): { readonly [key: string]: Json } {
  if (format === '') return DEFAULT_JSON;
  try {
    const parsed: unknown = JSON.parse(format);
    return typeof parsed === 'object' && parsed !== null ? (parsed as { [key: string]: Json }) : DEFAULT_JSON;
  } catch {
    return DEFAULT_JSON;
  }
}
