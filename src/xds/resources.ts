/** Short names of the messages that the rest of weft speaks of, and the type URLs of the resources. */
import type * as gen from './gen/types.ts';

export type AnyMessage = gen.AnyMessage;
export type Json = gen.Json;
export type Bootstrap = gen.config_bootstrap_v3_Bootstrap;
export type Node = gen.config_core_v3_Node;
export type Address = gen.config_core_v3_Address;
export type Listener = gen.config_listener_v3_Listener;
export type FilterChain = gen.config_listener_v3_FilterChain;
export type FilterChainMatch = gen.config_listener_v3_FilterChainMatch;
export type RouteConfiguration = gen.config_route_v3_RouteConfiguration;
export type VirtualHost = gen.config_route_v3_VirtualHost;
export type Route = gen.config_route_v3_Route;
export type RouteMatch = gen.config_route_v3_RouteMatch;
export type RouteAction = gen.config_route_v3_RouteAction;
export type WeightedCluster = gen.config_route_v3_WeightedCluster;
export type HeaderMatcher = gen.config_route_v3_HeaderMatcher;
export type ValueMatcher = gen.type_matcher_v3_ValueMatcher;
export type MatchPredicate = gen.config_common_matcher_v3_MatchPredicate;
export type StringMatcher = gen.type_matcher_v3_StringMatcher;
export type Cluster = gen.config_cluster_v3_Cluster;
export type ClusterLoadAssignment = gen.config_endpoint_v3_ClusterLoadAssignment;
export type LocalityLbEndpoints = gen.config_endpoint_v3_LocalityLbEndpoints;
export type LbEndpoint = gen.config_endpoint_v3_LbEndpoint;
export type TransportSocket = gen.config_core_v3_TransportSocket;
export type Secret = gen.extensions_transport_sockets_tls_v3_Secret;
export type CommonTlsContext = gen.extensions_transport_sockets_tls_v3_CommonTlsContext;
export type UpstreamTlsContext = gen.extensions_transport_sockets_tls_v3_UpstreamTlsContext;
export type DownstreamTlsContext = gen.extensions_transport_sockets_tls_v3_DownstreamTlsContext;
export type HttpConnectionManager =
  gen.extensions_filters_network_http_connection_manager_v3_HttpConnectionManager;
export type OpenTelemetryLogConfig =
  gen.extensions_access_loggers_open_telemetry_v3_OpenTelemetryAccessLogConfig;
export type StatsLogConfig = gen.extensions_access_loggers_stats_v3_Config;
export type GrpcLogConfig = gen.extensions_access_loggers_grpc_v3_CommonGrpcAccessLogConfig;
export type HttpGrpcLogConfig = gen.extensions_access_loggers_grpc_v3_HttpGrpcAccessLogConfig;
export type ZipkinConfig = gen.config_trace_v3_ZipkinConfig;
export type OpenTelemetryConfig = gen.config_trace_v3_OpenTelemetryConfig;
export type GrpcService = gen.config_core_v3_GrpcService;
export type HttpService = gen.config_core_v3_HttpService;
export type TcpProxy = gen.extensions_filters_network_tcp_proxy_v3_TcpProxy;
export type DnsTable = gen.data_dns_v3_DnsTable;
export type DnsFilterConfig = gen.extensions_filters_udp_dns_filter_v3_DnsFilterConfig;
export type Rbac = gen.config_rbac_v3_RBAC;
export type RbacPolicy = gen.config_rbac_v3_Policy;
export type RbacPermission = gen.config_rbac_v3_Permission;
export type RbacPrincipal = gen.config_rbac_v3_Principal;
export type JwtAuthentication = gen.extensions_filters_http_jwt_authn_v3_JwtAuthentication;
export type JwtProvider = gen.extensions_filters_http_jwt_authn_v3_JwtProvider;
export type JwtRequirement = gen.extensions_filters_http_jwt_authn_v3_JwtRequirement;
export type ExtAuthz = gen.extensions_filters_http_ext_authz_v3_ExtAuthz;
export type NetworkRbac = gen.extensions_filters_network_rbac_v3_RBAC;
export type NetworkExtAuthz = gen.extensions_filters_network_ext_authz_v3_ExtAuthz;
export type DiscoveryRequest = gen.service_discovery_v3_DiscoveryRequest;
export type DiscoveryResponse = gen.service_discovery_v3_DiscoveryResponse;
export type DeltaDiscoveryRequest = gen.service_discovery_v3_DeltaDiscoveryRequest;
export type DeltaDiscoveryResponse = gen.service_discovery_v3_DeltaDiscoveryResponse;

const prefix = 'type.googleapis.com/';

/** Type URLs of the resources of ADS. */
export const typeUrls = {
  listener: `${prefix}envoy.config.listener.v3.Listener`,
  route: `${prefix}envoy.config.route.v3.RouteConfiguration`,
  cluster: `${prefix}envoy.config.cluster.v3.Cluster`,
  endpoint: `${prefix}envoy.config.endpoint.v3.ClusterLoadAssignment`,
  secret: `${prefix}envoy.extensions.transport_sockets.tls.v3.Secret`,
  /** One virtual host of a route configuration (VHDS), by `ROUTES/HOST`. */
  virtualHost: `${prefix}envoy.config.route.v3.VirtualHost`,
  /** Addresses of one name, by that name: what a dns_filter's table says of it. */
  dnsTable: `${prefix}envoy.data.dns.v3.DnsTable`,
} as const;

export type ResourceKind = keyof typeof typeUrls;

/** The full message name behind a type URL. */
export function messageOf(typeUrl: string): string {
  return typeUrl.slice(typeUrl.lastIndexOf('/') + 1);
}

/** A typed_config: the fields with the type URL of the message `name`. */
export function any<T extends object>(name: string, fields: T): AnyMessage {
  return { '@type': `${prefix}${name}`, ...fields };
}
