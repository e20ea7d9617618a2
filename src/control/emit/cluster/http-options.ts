import { formatProtoDuration } from '../../../lib/duration.ts';
import { isHttp, isHttp2, type Protocol } from '../../../mesh/protocol.ts';
import type { ClientTls, ConnectionPool, TrafficPolicy } from '../../../mesh/traffic-policy.ts';
import { any, type Cluster, type MatchPredicate } from '../../../xds/resources.ts';

const NAME = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

/**
 * What is spoken to the endpoints of a port: HTTP/1.1, HTTP/2, or what the client spoke where nobody knows.
 * `subjectAltNames`: those that the service itself expects of certificates.
 */
export function httpOptions(
  protocol: Protocol,
  { pool = {}, tls, outlier }: Pick<TrafficPolicy, 'pool' | 'tls' | 'outlier'>,
  subjectAltNames: readonly string[] = [],
  keepCase = false,
): Pick<Cluster, 'typed_extension_protocol_options'> {
  const common = commonOptions(pool);
  const spoken = spokenProtocol(protocol, pool, keepCase ? { header_key_format: preserveCase } : {});
  const naming = serverNaming(protocol, tls, subjectAltNames);
  const failures = outlier?.httpErrorCodes;
  if (spoken === undefined && common === undefined && naming === undefined && failures === undefined)
    return {};
  return {
    typed_extension_protocol_options: {
      [NAME]: any(NAME, {
        ...(common === undefined ? {} : { common_http_protocol_options: common }),
        ...(naming === undefined ? {} : { upstream_http_protocol_options: naming }),
        ...(failures === undefined ? {} : { outlier_detection: { error_matcher: anyStatus(failures) } }),
        ...(spoken ?? { explicit_http_config: { http_protocol_options: {} } }),
      }),
    },
  };
}

/** What the bytes on connections to a port are; `auto` where clients decide. */
export function spokenOn(protocol: Protocol, pool: ConnectionPool | undefined): Protocol {
  if (!isHttp(protocol) && protocol !== 'auto') return protocol;
  if (pool?.useClientProtocol === true) return 'auto';
  return pool?.http2 === 'upgrade' ? 'http2' : protocol;
}

/** Names of headers as they came. */
export const preserveCase = {
  stateful_formatter: {
    name: 'envoy.http.stateful_header_formatters.preserve_case',
    typed_config: any(
      'envoy.extensions.http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig',
      {},
    ),
  },
};

function spokenProtocol(
  protocol: Protocol,
  pool: ConnectionPool,
  http1: { readonly header_key_format?: typeof preserveCase },
) {
  const spoken = spokenOn(protocol, pool);
  if (isHttp2(spoken)) return { explicit_http_config: { http2_protocol_options: http2(pool) } };
  if (spoken === 'auto')
    return {
      use_downstream_protocol_config: { http_protocol_options: http1, http2_protocol_options: http2(pool) },
    };
  if (http1.header_key_format !== undefined && isHttp(spoken))
    return { explicit_http_config: { http_protocol_options: http1 } };
  return undefined;
}

/** Answers with one of these statuses. */
function anyStatus(codes: readonly number[]): MatchPredicate {
  const rules = codes.map((code) => ({
    http_response_headers_match: {
      headers: [{ name: ':status', string_match: { exact: String(code) } }],
    },
  }));
  return rules.length === 1 && rules[0] !== undefined ? rules[0] : { or_match: { rules } };
}

/** Servers outside of the mesh are asked for by the request's host, and held to it, unless a name is written. */
function serverNaming(protocol: Protocol, tls: ClientTls | undefined, names: readonly string[]) {
  if (tls === undefined || (tls.mode !== 'simple' && tls.mode !== 'mutual')) return undefined;
  if (tls.sni !== undefined || !(isHttp(protocol) || protocol === 'auto')) return undefined;
  const named = tls.subjectAltNames.length + names.length > 0;
  return { auto_sni: true, auto_san_validation: !tls.insecureSkipVerify && !named };
}

function http2(pool: ConnectionPool) {
  return {
    ...(pool.maxConcurrentStreams === undefined ? {} : { max_concurrent_streams: pool.maxConcurrentStreams }),
    ...(pool.http2KeepAlive === undefined
      ? {}
      : {
          connection_keepalive: {
            interval: formatProtoDuration(pool.http2KeepAlive.intervalMs),
            timeout: formatProtoDuration(pool.http2KeepAlive.timeoutMs),
          },
        }),
  };
}

function commonOptions(pool: ConnectionPool) {
  const { maxConnectionDurationMs: duration, maxRequestsPerConnection: requests } = pool;
  const idle = pool.httpIdleTimeoutMs ?? pool.tcpIdleTimeoutMs;
  if (idle === undefined && duration === undefined && requests === undefined) return undefined;
  return {
    ...(idle === undefined ? {} : { idle_timeout: formatProtoDuration(idle) }),
    ...(duration === undefined ? {} : { max_connection_duration: formatProtoDuration(duration) }),
    ...(requests === undefined ? {} : { max_requests_per_connection: requests }),
  };
}
