import { getHeader, getJoinedHeader, type Headers } from '../../../wire/headers.ts';
import { addressOf, portOf } from '../operator.ts';
import { headerBytes, requestHeaderBytes, responseHeaderBytes } from '../operators-request.ts';
import { FLAG, type ResponseFlags } from '../response-flags.ts';
import type { StreamFacts } from '../stream-facts.ts';

// One entry of the access log service (data.accesslog.v3), as a plain object for the codec.

/** Headers that are logged beside the usual ones, lower case. */
export interface EntrySettings {
  readonly requestHeaders: readonly string[];
  readonly responseHeaders: readonly string[];
  readonly responseTrailers: readonly string[];
  readonly customTags: (facts: StreamFacts) => { readonly [name: string]: string } | undefined;
}

const VERSIONS: Readonly<Record<string, string>> = {
  'HTTP/1.0': 'HTTP10',
  'HTTP/1.1': 'HTTP11',
  'HTTP/2': 'HTTP2',
};
const METHODS: ReadonlySet<string> = new Set([
  ...['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'],
]);

/** data.accesslog.v3.HTTPAccessLogEntry */
export function httpEntry(facts: StreamFacts, settings: EntrySettings): object {
  const { request, requestHeaders, responseHeaders, responseTrailers } = facts;
  const method = request?.method ?? '';
  return {
    common_properties: commonProperties(facts, settings),
    protocol_version: VERSIONS[facts.protocol ?? ''] ?? 'PROTOCOL_UNSPECIFIED',
    request: {
      request_method: METHODS.has(method) ? method : 'METHOD_UNSPECIFIED',
      scheme: request?.scheme,
      authority: request?.authority,
      path: request?.path,
      user_agent: getHeader(requestHeaders, 'user-agent'),
      referer: getHeader(requestHeaders, 'referer'),
      forwarded_for: getHeader(requestHeaders, 'x-forwarded-for'),
      request_id: getHeader(requestHeaders, 'x-request-id'),
      original_path: getHeader(requestHeaders, 'x-envoy-original-path'),
      request_headers_bytes: requestHeaderBytes(facts),
      request_body_bytes: facts.bytesReceived,
      request_headers: chosen(requestHeaders, settings.requestHeaders),
    },
    response: {
      response_code: facts.responseCode === 0 ? undefined : facts.responseCode,
      response_headers_bytes: responseHeaderBytes(facts),
      response_body_bytes: facts.bytesSent,
      response_headers: chosen(responseHeaders, settings.responseHeaders),
      response_trailers:
        headerBytes(responseTrailers) === 0 ? undefined : chosen(responseTrailers, settings.responseTrailers),
      response_code_details: facts.responseCodeDetails,
    },
  };
}

/** data.accesslog.v3.TCPAccessLogEntry */
export function tcpEntry(facts: StreamFacts, settings: EntrySettings): object {
  return {
    common_properties: commonProperties(facts, settings),
    connection_properties: { received_bytes: facts.bytesReceived, sent_bytes: facts.bytesSent },
  };
}

function commonProperties(facts: StreamFacts, settings: EntrySettings): object {
  const { upstream } = facts;
  return {
    downstream_remote_address: address(facts.downstreamRemote),
    downstream_local_address: address(facts.downstreamLocal),
    downstream_direct_remote_address: address(facts.downstreamDirectRemote),
    tls_properties: tlsProperties(facts),
    start_time: new Date(facts.startTimeMs).toISOString(),
    time_to_last_rx_byte: duration(facts.requestDurationMs),
    time_to_first_upstream_tx_byte: duration(
      upstream === undefined || upstream.sentMs < 0 ? undefined : upstream.sentMs,
    ),
    time_to_first_upstream_rx_byte: duration(facts.responseDurationMs),
    time_to_last_downstream_tx_byte: duration(facts.durationMs),
    duration: duration(facts.durationMs),
    upstream_remote_address: address(facts.upstreamHost),
    upstream_local_address: address(facts.upstreamLocalAddress),
    upstream_cluster: facts.upstreamCluster,
    upstream_request_attempt_count: facts.upstreamAttempts,
    upstream_transport_failure_reason: facts.upstreamTransportFailureReason,
    response_flags: facts.responseFlags === 0 ? undefined : responseFlags(facts.responseFlags),
    route_name: facts.routeName,
    connection_termination_details: facts.connectionTerminationDetails,
    stream_id: facts.streamId ?? getHeader(facts.requestHeaders, 'x-request-id'),
    metadata: facts.peer.allMetadata && { filter_metadata: facts.peer.allMetadata },
    custom_tags: settings.customTags(facts),
    access_log_type: facts.logType,
  };
}

const TLS_VERSIONS: Readonly<Record<string, string>> = { 'TLSv1.2': 'TLSv1_2', 'TLSv1.3': 'TLSv1_3' };

function tlsProperties(facts: StreamFacts): object | undefined {
  if (facts.tlsVersion === undefined) return undefined;
  const { peerCertificate, downstream } = facts;
  const localUri = downstream.tls?.localUri;
  return {
    tls_version: TLS_VERSIONS[facts.tlsVersion] ?? 'VERSION_UNSPECIFIED',
    tls_sni_hostname: facts.peer.requestedServerName,
    local_certificate_properties: localUri ? { subject_alt_name: [{ uri: localUri }] } : undefined,
    peer_certificate_properties:
      peerCertificate === undefined
        ? undefined
        : { subject_alt_name: [{ uri: peerCertificate.uri }], subject: peerCertificate.subject },
  };
}

/** `10.0.0.1:80` */
function address(text: string | undefined): object | undefined {
  const port = portOf(text);
  if (text === undefined) return undefined;
  if (port === undefined) return { pipe: { path: text } };
  return { socket_address: { address: addressOf(text), port_value: port } };
}

/** `0.001234s`: microseconds are what clocks here tell apart. */
function duration(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : `${(Math.max(0, ms) / 1000).toFixed(6)}s`;
}

function chosen(headers: Headers, names: readonly string[]): { [name: string]: string } | undefined {
  let found: { [name: string]: string } | undefined;
  for (const name of names) {
    const value = getJoinedHeader(headers, name);
    if (value !== undefined) (found ??= {})[name] = value;
  }
  return found;
}

const FLAG_FIELDS: readonly (readonly [flag: ResponseFlags, field: string])[] = [
  [FLAG.noHealthyUpstream, 'no_healthy_upstream'],
  [FLAG.upstreamConnectionFailure, 'upstream_connection_failure'],
  [FLAG.upstreamOverflow, 'upstream_overflow'],
  [FLAG.noRouteFound, 'no_route_found'],
  [FLAG.upstreamRetryLimitExceeded, 'upstream_retry_limit_exceeded'],
  [FLAG.noClusterFound, 'no_cluster_found'],
  [FLAG.durationTimeout, 'duration_timeout'],
  [FLAG.localReset, 'local_reset'],
  [FLAG.upstreamRemoteReset, 'upstream_remote_reset'],
  [FLAG.upstreamRequestTimeout, 'upstream_request_timeout'],
  [FLAG.upstreamConnectionTermination, 'upstream_connection_termination'],
  [FLAG.delayInjected, 'delay_injected'],
  [FLAG.faultInjected, 'fault_injected'],
  [FLAG.rateLimited, 'rate_limited'],
  [FLAG.rateLimitServiceError, 'rate_limit_service_error'],
  [FLAG.downstreamConnectionTermination, 'downstream_connection_termination'],
  [FLAG.streamIdleTimeout, 'stream_idle_timeout'],
  [FLAG.downstreamProtocolError, 'downstream_protocol_error'],
  [FLAG.upstreamProtocolError, 'upstream_protocol_error'],
  [FLAG.upstreamMaxStreamDuration, 'upstream_max_stream_duration_reached'],
  [FLAG.downstreamRemoteReset, 'downstream_remote_reset'],
  [FLAG.overloadManager, 'overload_manager'],
];

function responseFlags(flags: ResponseFlags): object {
  const set = FLAG_FIELDS.filter(([flag]) => (flags & flag) !== 0).map(([, field]) => [field, true]);
  const unauthorized = (flags & FLAG.unauthorizedExternalService) !== 0;
  return {
    ...Object.fromEntries(set),
    unauthorized_details: unauthorized ? { reason: 'EXTERNAL_SERVICE' } : undefined,
  };
}
