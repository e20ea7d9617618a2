import { join } from 'node:path';
import { type CertificateFiles, HOST, type Hop, IDENTITY, type Tls } from './hop.ts';

/** The Envoy v3 bootstrap of a hop, for Envoy and for weft's proxy alike: only the port differs between the two. */
export function envoyBootstrap(hop: Hop, files: CertificateFiles, folder: string): object {
  return {
    node: { id: 'bench', cluster: 'bench' },
    static_resources: {
      listeners: [
        {
          name: 'bench',
          address: address(hop.listenPort),
          filter_chains: [
            {
              filters: [hop.protocol === 'tcp' ? tcpProxy : connectionManager(hop, folder)],
              ...transportSocket('Downstream', hop.downstreamTls, files),
            },
          ],
        },
      ],
      clusters: [
        {
          name: 'upstream',
          type: 'STATIC',
          connect_timeout: '5s',
          load_assignment: {
            cluster_name: 'upstream',
            endpoints: [{ lb_endpoints: [{ endpoint: { address: address(hop.upstreamPort) } }] }],
          },
          ...(usesHttp2(hop) ? http2ToUpstream : {}),
          ...transportSocket('Upstream', hop.upstreamTls, files),
        },
        ...(hop.collectorPort === undefined ? [] : [collector(hop.collectorPort)]),
      ],
    },
  };
}

const api = 'type.googleapis.com/envoy';
const usesHttp2 = (hop: Hop): boolean => hop.protocol === 'http2' || hop.protocol === 'grpc';
const address = (port_value: number) => ({ socket_address: { address: '127.0.0.1', port_value } });

const tcpProxy = {
  name: 'tcp',
  typed_config: {
    '@type': `${api}.extensions.filters.network.tcp_proxy.v3.TcpProxy`,
    stat_prefix: 'bench',
    cluster: 'upstream',
  },
};

const http2ToUpstream = {
  typed_extension_protocol_options: {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
      '@type': `${api}.extensions.upstreams.http.v3.HttpProtocolOptions`,
      explicit_http_config: { http2_protocol_options: {} },
    },
  },
};

function connectionManager(hop: Hop, folder: string): object {
  const routes = [
    {
      name: 'default',
      match: { prefix: '/' },
      route: {
        cluster: 'upstream',
        timeout: '0s',
        retry_policy: { retry_on: 'connect-failure,refused-stream,unavailable,cancelled', num_retries: 2 },
      },
    },
  ];
  return {
    name: 'http',
    typed_config: {
      '@type': `${api}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
      stat_prefix: 'bench',
      codec_type: usesHttp2(hop) ? 'HTTP2' : 'AUTO',
      route_config: { name: 'bench', virtual_hosts: [{ name: 'any', domains: ['*'], routes }] },
      http_filters: [
        ...(hop.accessRules ? [accessRules] : []),
        { name: 'router', typed_config: { '@type': `${api}.extensions.filters.http.router.v3.Router` } },
      ],
      ...(hop.collectorPort === undefined ? {} : { tracing }),
      ...(hop.accessLog ? { access_log: [accessLog(join(folder, 'access.log'))] } : {}),
    },
  };
}

function collector(port: number): object {
  const endpoints = [{ lb_endpoints: [{ endpoint: { address: address(port) } }] }];
  const load_assignment = { cluster_name: 'collector', endpoints };
  return { name: 'collector', type: 'STATIC', connect_timeout: '5s', load_assignment };
}

const tracing = {
  random_sampling: { value: 1 },
  provider: {
    name: 'zipkin',
    typed_config: {
      '@type': `${api}.config.trace.v3.ZipkinConfig`,
      collector_cluster: 'collector',
      collector_endpoint: '/api/v2/spans',
      collector_endpoint_version: 'HTTP_JSON',
    },
  },
};

const accessRules = {
  name: 'rbac',
  typed_config: {
    '@type': `${api}.extensions.filters.http.rbac.v3.RBAC`,
    rules: {
      action: 'ALLOW',
      policies: Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`rule-${i}`, rule(i)])),
    },
  },
};

/** The tenth is about the path that is asked for. All hold for the callers' identity, so that none is cheap to skip. */
function rule(i: number): object {
  const prefix = i === 9 ? '/api/' : `/team-${i}/`;
  const method = { name: ':method', string_match: { exact: 'GET' } };
  return {
    permissions: [{ and_rules: { rules: [{ header: method }, { url_path: { path: { prefix } } }] } }],
    principals: [{ authenticated: { principal_name: { exact: IDENTITY } } }],
  };
}

/** The fields of Istio's log. */
function accessLog(path: string): object {
  const json_format = {
    start_time: '%START_TIME%',
    method: '%REQ(:METHOD)%',
    path: '%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%',
    protocol: '%PROTOCOL%',
    response_code: '%RESPONSE_CODE%',
    response_flags: '%RESPONSE_FLAGS%',
    response_code_details: '%RESPONSE_CODE_DETAILS%',
    bytes_received: '%BYTES_RECEIVED%',
    bytes_sent: '%BYTES_SENT%',
    duration: '%DURATION%',
    x_forwarded_for: '%REQ(X-FORWARDED-FOR)%',
    user_agent: '%REQ(USER-AGENT)%',
    request_id: '%REQ(X-REQUEST-ID)%',
    authority: '%REQ(:AUTHORITY)%',
    upstream_host: '%UPSTREAM_HOST%',
    upstream_cluster: '%UPSTREAM_CLUSTER%',
    downstream_remote_address: '%DOWNSTREAM_REMOTE_ADDRESS%',
    requested_server_name: '%REQUESTED_SERVER_NAME%',
    route_name: '%ROUTE_NAME%',
  };
  return {
    name: 'file',
    typed_config: {
      '@type': `${api}.extensions.access_loggers.file.v3.FileAccessLog`,
      path,
      log_format: { json_format },
    },
  };
}

/** TLS 1.3 on both sides: Envoy's clients would otherwise stay at 1.2. */
function transportSocket(side: 'Downstream' | 'Upstream', tls: Tls, files: CertificateFiles): object {
  if (tls === 'none') return {};
  const isServer = side === 'Downstream';
  const own = { certificate_chain: { filename: files.chain }, private_key: { filename: files.key } };
  const names = [{ san_type: 'URI', matcher: { exact: IDENTITY } }];
  const validation = { trusted_ca: { filename: files.root }, match_typed_subject_alt_names: names };
  const typed_config = {
    '@type': `${api}.extensions.transport_sockets.tls.v3.${side}TlsContext`,
    common_tls_context: {
      tls_params: { tls_minimum_protocol_version: 'TLSv1_3', tls_maximum_protocol_version: 'TLSv1_3' },
      ...(isServer || tls === 'mutual' ? { tls_certificates: [own] } : {}),
      ...(!isServer || tls === 'mutual' ? { validation_context: validation } : {}),
    },
    ...(isServer ? { require_client_certificate: tls === 'mutual' } : { sni: HOST }),
  };
  return { transport_socket: { name: 'tls', typed_config } };
}
