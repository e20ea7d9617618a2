import { type Refuse, refuseRest } from '../../xds/match/refuse.ts';
import type { Cluster } from '../../xds/resources.ts';
import { readDurationMs } from '../fields.ts';
import { type Lowered, lowering } from '../lowered.ts';
import type { ClusterConfig, TlsMatch, UpstreamSocket } from './cluster-config.ts';
import { readHealthChecks } from './health/lower-health-check.ts';
import { readBalancing } from './lower-balancing.ts';
import { readCircuitBreakers } from './lower-circuit-breakers.ts';
import { readDiscovery } from './lower-discovery.ts';
import { type HttpOutlier, readOutlierDetection } from './lower-outlier.ts';
import { HTTP_OPTIONS, readUpstreamHttp } from './lower-upstream-http.ts';
import { readUpstreamSocket } from './lower-upstream-socket.ts';
import type { LowerUpstreamTls } from './upstream-tls.ts';

/** A Cluster of CDS or of the bootstrap. Refusals name fields from the cluster on (`lb_policy`). */
export function lowerCluster(message: Cluster, lowerUpstreamTls: LowerUpstreamTls): Lowered<ClusterConfig> {
  return lowering((refuse) => readCluster(message, lowerUpstreamTls, refuse));
}

function readCluster(message: Cluster, lowerUpstreamTls: LowerUpstreamTls, refuse: Refuse): ClusterConfig {
  const { name = '', alt_stat_name, connect_timeout, metadata, upstream_bind_config, ...others } = message;
  const { upstream_connection_options, ...more } = others;
  const {
    transport_socket,
    transport_socket_matches = [],
    circuit_breakers,
    outlier_detection,
    health_checks,
    ignore_health_on_host_removal = false,
    close_connections_on_host_health_failure = false,
    ...groups
  } = more;
  if (name === '') refuse('name', 'is missing');
  const readSocket = (socket: Cluster['transport_socket'], field: string): UpstreamSocket =>
    readUpstreamSocket(socket, field, lowerUpstreamTls, refuse);
  const read = readGroups(groups, name, refuse);
  const { kind } = read.discovery;
  // Their endpoints are not the cluster's to check: they come with requests, or are another cluster's.
  const unchecked = kind === 'dynamic' || kind === 'aggregate' || kind === 'original-destination';
  if (unchecked && (health_checks ?? []).length > 0)
    refuse('health_checks', 'is not supported by this proxy for a cluster of this type');
  const tlsMatches = transport_socket_matches.map((match, i) => readTlsMatch(match, i, readSocket));
  if (read.http.protocol === 'alpn' && transport_socket === undefined && tlsMatches.length === 0)
    refuse('typed_extension_protocol_options', 'auto_config needs a transport socket with TLS: ALPN decides');
  return {
    name,
    statName: alt_stat_name === undefined || alt_stat_name === '' ? name : alt_stat_name,
    connectTimeoutMs: readDurationMs(connect_timeout, 5000, refuse, 'connect_timeout'),
    metadata: metadata?.filter_metadata ?? {},
    localAddress: readLocalAddress(upstream_bind_config, refuse),
    keepAlive: readKeepAlive(upstream_connection_options, refuse),
    ...readSocket(transport_socket, 'transport_socket'),
    tlsMatches,
    ...readCircuitBreakers(circuit_breakers, refuse),
    outlier:
      outlier_detection &&
      readOutlierDetection(
        outlier_detection,
        refuse,
        groups.typed_extension_protocol_options?.[HTTP_OPTIONS]?.['outlier_detection'] as HttpOutlier,
        `typed_extension_protocol_options.${HTTP_OPTIONS}.outlier_detection`,
      ),
    healthCheck: health_checks && readHealthChecks(health_checks, refuse),
    ignoreHealthOnRemoval: ignore_health_on_host_removal,
    closesOnFailure: close_connections_on_host_health_failure,
    ...read,
  };
}

/** The fields that belong together, group by group; what no group knows is refused. */
function readGroups(
  groups: Omit<
    Cluster,
    | 'name'
    | 'alt_stat_name'
    | 'connect_timeout'
    | 'metadata'
    | 'upstream_bind_config'
    | 'upstream_connection_options'
    | 'transport_socket'
    | 'transport_socket_matches'
    | 'circuit_breakers'
    | 'outlier_detection'
    | 'health_checks'
    | 'ignore_health_on_host_removal'
    | 'close_connections_on_host_health_failure'
  >,
  name: string,
  refuse: Refuse,
): Pick<ClusterConfig, 'discovery' | 'balancing' | 'http'> {
  const {
    type,
    cluster_type,
    eds_cluster_config,
    load_assignment,
    original_dst_lb_config,
    ...afterEndpoints
  } = groups;
  const { dns_refresh_rate, dns_lookup_family, respect_dns_ttl, dns_failure_refresh_rate, ...afterDns } =
    afterEndpoints;
  const { lb_policy, load_balancing_policy, common_lb_config, lb_subset_config, ...afterPolicy } = afterDns;
  const {
    least_request_lb_config,
    round_robin_lb_config,
    ring_hash_lb_config,
    maglev_lb_config,
    ...afterBalancing
  } = afterPolicy;
  const { typed_extension_protocol_options, max_requests_per_connection, protocol_selection, ...afterHttp } =
    afterBalancing;
  const { common_http_protocol_options, http_protocol_options, http2_protocol_options, ...rest } = afterHttp;
  refuseRest(refuse, '', withoutHarmless(rest));
  return {
    discovery: readDiscovery(
      {
        type,
        cluster_type,
        eds_cluster_config,
        load_assignment,
        original_dst_lb_config,
        dns_refresh_rate,
        dns_lookup_family,
        respect_dns_ttl,
        dns_failure_refresh_rate,
      },
      name,
      refuse,
    ),
    balancing: readBalancing(
      {
        lb_policy,
        load_balancing_policy,
        least_request_lb_config,
        round_robin_lb_config,
        ring_hash_lb_config,
        maglev_lb_config,
        lb_subset_config,
        common_lb_config,
      },
      refuse,
    ),
    http: readUpstreamHttp(
      {
        typed_extension_protocol_options,
        max_requests_per_connection,
        protocol_selection,
        common_http_protocol_options,
        http_protocol_options,
        http2_protocol_options,
      },
      refuse,
    ),
  };
}

/** Fields that ask for what this proxy does anyway, or that change nothing anyone can see. */
function withoutHarmless(rest: Partial<Cluster>): object {
  const {
    per_connection_buffer_limit_bytes: _buffers, // what is held per stream is bounded by the socket's mark
    wait_for_warm_on_init: _warm, // always waited for
    cleanup_interval: _cleanup, // when destinations that nobody uses are forgotten: none that is in use
    ...others
  } = rest;
  return others;
}

function readTlsMatch(
  match: NonNullable<Cluster['transport_socket_matches']>[number],
  i: number,
  readSocket: (socket: Cluster['transport_socket'], field: string) => UpstreamSocket,
): TlsMatch {
  const field = `transport_socket_matches[${i}].transport_socket`;
  return {
    name: match.name ?? '',
    criteria: match.match ?? {},
    ...readSocket(match.transport_socket, field),
  };
}

function readLocalAddress(bind: Cluster['upstream_bind_config'], refuse: Refuse): string | undefined {
  const { source_address, freebind: _freebind, ...rest } = bind ?? {};
  refuseRest(refuse, 'upstream_bind_config', rest);
  if (source_address?.port_value)
    refuse('upstream_bind_config.source_address.port_value', 'only 0 is supported');
  return source_address?.address;
}

/** What is not said is as Linux has it (tcp(7)). */
function readKeepAlive(
  options: Cluster['upstream_connection_options'],
  refuse: Refuse,
): ClusterConfig['keepAlive'] {
  const { tcp_keepalive: keepalive, ...rest } = options ?? {};
  refuseRest(refuse, 'upstream_connection_options', rest);
  if (keepalive === undefined) return undefined;
  const { keepalive_time = 7200, keepalive_interval = 75, keepalive_probes = 9, ...unknown } = keepalive;
  refuseRest(refuse, 'upstream_connection_options.tcp_keepalive', unknown);
  return { timeMs: keepalive_time * 1000, intervalMs: keepalive_interval * 1000, probes: keepalive_probes };
}
