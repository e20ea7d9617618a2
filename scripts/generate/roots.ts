import { globSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The definition files whose messages weft sends or reads. What they refer to is taken along, so this names only
 * entry points: resources, the discovery service, and each extension that appears in a typed_config.
 */
const patterns = [
  'envoy/config/{bootstrap,cluster,core,endpoint,listener,route,rbac,accesslog,metrics}/v3/*.proto',
  'envoy/config/trace/v3/{http_tracer,opentelemetry,service,zipkin,datadog,skywalking}.proto',
  'envoy/service/{discovery,secret,auth,accesslog,ratelimit,status}/v3/*.proto',
  'envoy/type/{v3,http/v3,matcher/v3,metadata/v3,tracing/v3}/*.proto',
  'envoy/data/accesslog/v3/*.proto',
  'envoy/extensions/access_loggers/{file,grpc,open_telemetry,stream,filters/cel}/v3/*.proto',
  'envoy/extensions/clusters/{aggregate,dynamic_forward_proxy}/v3/*.proto',
  'envoy/extensions/common/{dynamic_forward_proxy,ratelimit}/v3/*.proto',
  'envoy/extensions/compression/{gzip,brotli}/compressor/v3/*.proto',
  'envoy/extensions/filters/common/fault/v3/*.proto',
  'envoy/extensions/filters/http/{buffer,compressor,cors,ext_authz,fault,grpc_stats,grpc_web,header_mutation,health_check,jwt_authn,local_ratelimit,lua,on_demand,ratelimit,rbac,router,set_filter_state,dynamic_forward_proxy,stateful_session}/v3/*.proto',
  'envoy/extensions/filters/listener/{http_inspector,original_dst,original_src,proxy_protocol,tls_inspector,local_ratelimit}/v3/*.proto',
  'envoy/extensions/filters/network/{connection_limit,direct_response,echo,ext_authz,http_connection_manager,local_ratelimit,rbac,set_filter_state,sni_cluster,tcp_proxy}/v3/*.proto',
  'envoy/extensions/filters/udp/dns_filter/v3/*.proto',
  'envoy/extensions/http/{header_formatters/preserve_case,original_ip_detection/{xff,custom_header},early_header_mutation/header_mutation,stateful_session/cookie,stateful_session/header}/v3/*.proto',
  'envoy/extensions/load_balancing_policies/*/v3/*.proto',
  'envoy/extensions/network/dns_resolver/*/v3/*.proto',
  'envoy/extensions/path/*/uri_template/v3/*.proto',
  'envoy/extensions/internal_redirect/**/v3/*.proto',
  'envoy/extensions/rbac/**/v3/*.proto',
  'envoy/extensions/regex_engines/v3/*.proto',
  'envoy/extensions/request_id/uuid/v3/*.proto',
  'envoy/extensions/retry/**/v3/*.proto',
  'envoy/extensions/transport_sockets/{internal_upstream,proxy_protocol,raw_buffer,tls,tap}/v3/*.proto',
  'envoy/extensions/bootstrap/internal_listener/v3/*.proto',
  'envoy/extensions/resource_monitors/downstream_connections/v3/*.proto',
  'envoy/extensions/upstreams/http/v3/*.proto',
  'envoy/extensions/matching/common_inputs/**/v3/*.proto',
  'envoy/extensions/formatter/*/v3/*.proto',
];

/** What the dependency does not have. */
const included = join(import.meta.dirname, 'include');

/** Absolute paths of the entry-point files below `deps`, sorted. */
export function rootFiles(deps: string): string[] {
  const api = join(deps, 'envoy-api');
  const files = patterns.flatMap((pattern) => globSync(pattern, { cwd: api }).map((f) => join(api, f)));
  const xds = globSync('xds/{type,core}/**/v3/*.proto', { cwd: join(deps, 'xds') }).map((f) =>
    join(deps, 'xds', f),
  );
  const newer = globSync('envoy/**/*.proto', { cwd: included }).map((f) => join(included, f));
  return [...new Set([...files, ...xds, ...newer])].sort();
}
