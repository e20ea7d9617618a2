import { describe, expect, it } from 'vitest';
import type { Cluster } from '../../xds/resources.ts';
import { refusalText } from '../lowered.ts';
import { lowerCluster } from './lower-cluster.ts';
import { lowerEndpoints } from './lower-endpoint.ts';
import type { LowerUpstreamTls } from './upstream-tls.ts';

const tls: LowerUpstreamTls = (socket, field) =>
  socket.name === 'raw_buffer'
    ? { ok: true, value: undefined }
    : { ok: false, refusals: [{ field: `${field}.typed_config`, message: 'is strange' }] };

function lower(cluster: Cluster) {
  const lowered = lowerCluster({ name: 'c', ...cluster }, tls);
  if (!lowered.ok) throw new Error(refusalText(lowered.refusals));
  return lowered.value;
}

const refusals = (cluster: Cluster): readonly string[] => {
  const lowered = lowerCluster({ name: 'c', ...cluster }, tls);
  return lowered.ok ? [] : lowered.refusals.map(({ field }) => field);
};

const endpoint = (address: string, port_value: number) => ({
  endpoint: { address: { socket_address: { address, port_value } } },
});

describe('connections that are idle', () => {
  it('are probed as told, and else as Linux does', () => {
    const probes = (tcp_keepalive: object) =>
      lower({ upstream_connection_options: { tcp_keepalive } }).keepAlive;
    expect(probes({ keepalive_time: 60 })).toEqual({ timeMs: 60_000, intervalMs: 75_000, probes: 9 });
    expect(probes({ keepalive_interval: 5, keepalive_probes: 3 })).toEqual({
      timeMs: 7_200_000,
      intervalMs: 5000,
      probes: 3,
    });
    expect(lower({}).keepAlive).toBeUndefined();
    expect(
      refusals({ upstream_connection_options: { set_local_interface_name_on_upstream_connections: true } }),
    ).toEqual(['upstream_connection_options.set_local_interface_name_on_upstream_connections']);
  });
});

describe('a cluster', () => {
  it("gets Envoy's defaults where it says nothing", () => {
    expect(lower({})).toMatchObject({
      statName: 'c',
      discovery: { kind: 'static', endpoints: { localities: [] } },
      connectTimeoutMs: 5000,
      balancing: { policy: 'round-robin', choiceCount: 2, panicThreshold: 50 },
      limits: { maxConnections: 1024, maxPendingRequests: 1024, maxRequests: 1024, maxRetries: 3 },
      outlier: undefined,
      tls: undefined,
      http: { protocol: 'http1', idleTimeoutMs: 3_600_000 },
    });
  });

  it('is what the control plane says of it', () => {
    const cluster = lower({
      type: 'EDS',
      eds_cluster_config: { eds_config: { ads: {} }, service_name: 'outbound|9080||reviews' },
      connect_timeout: '0.25s',
      lb_policy: 'LEAST_REQUEST',
      circuit_breakers: {
        thresholds: [
          { priority: 'HIGH', max_retries: 9 },
          { max_connections: 7, max_retries: 0 },
        ],
      },
      outlier_detection: { consecutive_5xx: 0, enforcing_success_rate: 0, base_ejection_time: '60s' },
      common_lb_config: { healthy_panic_threshold: {}, locality_weighted_lb_config: {} },
      upstream_bind_config: { source_address: { address: '10.244.0.7', port_value: 0 } },
      typed_extension_protocol_options: {
        'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
          '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
          explicit_http_config: { http_protocol_options: {} },
          common_http_protocol_options: { idle_timeout: '30s', max_requests_per_connection: 4 },
        },
      },
    });
    expect(cluster).toMatchObject({
      discovery: { kind: 'eds', serviceName: 'outbound|9080||reviews' },
      connectTimeoutMs: 250,
      balancing: { policy: 'least-request', panicThreshold: 0, localityWeighted: true },
      limits: { maxConnections: 7, maxRetries: 0 },
      outlier: { consecutive5xx: 0, successRate: undefined, baseEjectionMs: 60_000 },
      localAddress: '10.244.0.7',
      http: { protocol: 'http1', idleTimeoutMs: 30_000, maxRequestsPerConnection: 4 },
    });
  });

  it('refuses, all at once and by name, what it cannot do', () => {
    expect(
      refusals({
        lb_policy: 'MAGLEV',
        maglev_lb_config: { table_size: 65_536 },
        connect_timeout: 'soon',
        health_checks: [{}],
        lb_subset_config: { subset_selectors: [{ keys: ['a', 'b'], single_host_per_subset: true }] },
        transport_socket: { name: 'tls' },
        http2_protocol_options: { allow_metadata: true },
        http_protocol_options: { send_fully_qualified_url: true },
        load_assignment: { endpoints: [{ lb_endpoints: [{ endpoint: {} }] }] },
      }).toSorted(),
    ).toEqual([
      'connect_timeout',
      'health_checks[0]',
      'health_checks[0].healthy_threshold',
      'health_checks[0].interval',
      'health_checks[0].timeout',
      'health_checks[0].unhealthy_threshold',
      'http2_protocol_options.allow_metadata',
      'http_protocol_options.send_fully_qualified_url',
      'lb_subset_config.subset_selectors[0].keys',
      'load_assignment.endpoints[0].lb_endpoints[0].endpoint.address',
      'maglev_lb_config.table_size',
      'transport_socket.typed_config',
    ]);
  });
});

describe('endpoints', () => {
  it('keep locality, priority, weight, health and metadata', () => {
    const metadata = { filter_metadata: { istio: { workload: 'reviews-v1;default;reviews;v1;Kubernetes' } } };
    const lowered = lowerEndpoints({
      cluster_name: 'c',
      endpoints: [
        {
          locality: { region: 'eu', zone: 'a' },
          priority: 1,
          load_balancing_weight: 3,
          lb_endpoints: [
            { ...endpoint('10.0.0.1', 80), metadata, load_balancing_weight: 5 },
            { ...endpoint('::1', 81), health_status: 'DRAINING' },
          ],
        },
      ],
    });
    expect(lowered).toMatchObject({
      ok: true,
      value: {
        localities: [
          {
            region: 'eu',
            zone: 'a',
            priority: 1,
            weight: 3,
            endpoints: [
              {
                address: { host: '10.0.0.1', port: 80 },
                weight: 5,
                health: 'healthy',
                metadata: metadata.filter_metadata,
              },
              { address: { host: '::1', port: 81 }, weight: 1, health: 'draining' },
            ],
          },
        ],
      },
    });
  });
});
