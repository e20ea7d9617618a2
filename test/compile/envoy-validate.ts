import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ProxyView } from '../../src/control/compile.ts';
import { findEnvoy } from '../../src/local/envoy-binary.ts';
import type { Cluster, Listener, RouteConfiguration } from '../../src/xds/resources.ts';

/** The Envoy to test with: `WEFT_ENVOY`, else one on PATH or in the project's cache; undefined where there is none. */
export function envoyForTests(): string | undefined {
  const file = process.env['WEFT_ENVOY'];
  return findEnvoy({ ...(file && { file }), path: process.env['PATH'] ?? '', caches: ['.weft'] });
}

/**
 * What Envoy says of all that a proxy gets, as its static configuration: '' where it has nothing against any of it.
 * Warnings count, and deprecations are warnings, but for the one field that cannot be said in another way.
 */
export function envoyComplaints(binary: string, view: ProxyView): string {
  const folder = mkdtempSync(join(tmpdir(), 'weft-validate-'));
  try {
    const file = join(folder, 'bootstrap.json');
    writeFileSync(file, JSON.stringify(bootstrapOf(view)));
    const run = spawnSync(binary, ['--mode', 'validate', '-c', file, '-l', 'warning'], {
      encoding: 'utf8',
      timeout: 60_000,
    });
    if (run.error !== undefined) throw run.error;
    const lines = run.stderr.split('\n').filter((line) => !line.includes(ONLY_WAY));
    return run.status === 0 ? lines.join('\n') : `exit code ${run.status}\n${run.stdout}${run.stderr}`;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Envoy passes over the timeout of a route that says this by `max_stream_duration`. */
const ONLY_WAY = "deprecated option 'envoy.config.route.v3.RouteAction.max_grpc_timeout'";

function bootstrapOf(view: ProxyView): object {
  const listeners = view.listeners().map(({ object }) => object);
  const routes = view.routes().map(({ object }, i) => listenerWith(object, 20_000 + i));
  const clusters = view.clusters().map(({ object }): Cluster => object);
  return {
    node: { id: 'sidecar~127.0.0.1~test.default~x', cluster: 'test' },
    dynamic_resources: {
      ads_config: {
        api_type: 'DELTA_GRPC',
        transport_api_version: 'V3',
        grpc_services: [{ envoy_grpc: { cluster_name: 'xds' } }],
      },
    },
    static_resources: { listeners: [...listeners, ...routes], clusters: [...clusters, xdsCluster] },
  };
}

/** Route configurations come by RDS, which is not validated: each gets a listener that has it in itself. */
function listenerWith(route_config: RouteConfiguration, port_value: number): Listener {
  const filter = (name: string, type: string) => ({
    name: `envoy.filters.http.${name}`,
    typed_config: {
      '@type': `type.googleapis.com/envoy.extensions.filters.http.${name}.v3.${type}`,
    } as const,
  });
  const manager = {
    '@type':
      'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    stat_prefix: 'routes',
    internal_address_config: {},
    route_config,
    http_filters: [filter('fault', 'HTTPFault'), filter('cors', 'Cors'), filter('router', 'Router')],
  } as const;
  return {
    name: `routes ${route_config.name}`,
    address: { socket_address: { address: '127.0.0.1', port_value } },
    filter_chains: [{ filters: [{ name: 'http', typed_config: manager }] }],
  };
}

const xdsCluster: Cluster = {
  name: 'xds',
  type: 'STATIC',
  connect_timeout: '1s',
  load_assignment: {
    cluster_name: 'xds',
    endpoints: [
      {
        lb_endpoints: [
          { endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: 1 } } } },
        ],
      },
    ],
  },
  typed_extension_protocol_options: {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
      '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
      explicit_http_config: { http2_protocol_options: {} },
    },
  },
};
