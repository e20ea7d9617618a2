/** Bootstraps of the pairs: a listener and a cluster a lane, all HTTP, with what a family of tests wants in them. */
import { type AnyMessage, any, type Cluster, type HttpConnectionManager } from '../../src/xds/resources.ts';
import type { Ports } from './harness.ts';

const PRESERVE_CASE = {
  stateful_formatter: {
    name: 'preserve_case',
    typed_config: any(
      'envoy.extensions.http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig',
      { forward_reason_phrase: true },
    ),
  },
};

export interface HttpBootstrap {
  /** Where the lanes' upstreams are, in place of the recording ones. */
  readonly upstreamPorts?: readonly number[];
  readonly manager?: Partial<HttpConnectionManager>;
  readonly cluster?: Cluster;
  /** Route action fields beside the cluster. */
  readonly route?: object;
  readonly router?: object;
  /** `@type` is added. Upstream protocol options in place of HTTP/1 with case kept. */
  readonly upstreamHttp?: object;
  /** The same, lane by lane. */
  readonly upstreamHttpOf?: (lane: number) => object | undefined;
}

/** A listener a lane, all HTTP, one route each to its lane's upstream. Header case is kept on both sides. */
export function httpBootstrap(options: HttpBootstrap = {}): (ports: Ports) => object {
  return (ports) => ({
    node: { id: 'differential', cluster: 'test' },
    admin: { address: address(ports.admin) },
    static_resources: {
      listeners: ports.listeners.map((port, lane) => ({
        name: `lane-${lane}`,
        address: address(port),
        filter_chains: [{ filters: [{ name: 'http', typed_config: manager(lane, options) }] }],
      })),
      clusters: (options.upstreamPorts ?? ports.upstreams).map((port, lane) => cluster(lane, port, options)),
    },
  });
}

export function address(port_value: number): object {
  return { socket_address: { address: '127.0.0.1', port_value } };
}

function manager(lane: number, { manager: more = {}, route = {}, router = {} }: HttpBootstrap): AnyMessage {
  return any('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', {
    stat_prefix: 'lane',
    delayed_close_timeout: '0.05s',
    http_protocol_options: {
      accept_http_10: true,
      enable_trailers: true,
      allow_absolute_url: true,
      allow_custom_methods: true,
      header_key_format: PRESERVE_CASE,
    },
    upgrade_configs: [{ upgrade_type: 'websocket' }],
    http_filters: [
      {
        name: 'envoy.filters.http.router',
        typed_config: any('envoy.extensions.filters.http.router.v3.Router', router),
      },
    ],
    route_config: {
      name: 'routes',
      virtual_hosts: [
        {
          name: 'all',
          domains: ['*'],
          routes: [{ match: { prefix: '/' }, route: { cluster: `lane-${lane}`, ...route } }],
        },
      ],
    },
    ...more,
  });
}

function cluster(lane: number, port: number, options: HttpBootstrap): object {
  const { cluster: more = {}, upstreamHttp, upstreamHttpOf } = options;
  const name = `lane-${lane}`;
  return {
    name,
    connect_timeout: '1s',
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: address(port) } }] }],
    },
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': any(
        'envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
        upstreamHttpOf?.(lane) ??
          upstreamHttp ?? {
            explicit_http_config: {
              http_protocol_options: { header_key_format: PRESERVE_CASE, enable_trailers: true },
            },
          },
      ),
    },
    ...more,
  };
}
