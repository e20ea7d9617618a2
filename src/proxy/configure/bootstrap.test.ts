import { describe, expect, it } from 'vitest';
import { readBootstrap } from './bootstrap.ts';
import { adsSource } from './source.ts';

const yaml = `
node:
  id: sidecar~10.0.0.1~web-0.default~default.svc.cluster.local
  metadata: { NAMESPACE: default, SERVICE_ACCOUNT: web, WORKLOAD_NAME: web, LABELS: { app: web } }
admin: { address: { socket_address: { address: 127.0.0.1, port_value: 15000 } } }
dynamic_resources:
  ads_config:
    api_type: DELTA_GRPC
    grpc_services: [{ envoy_grpc: { cluster_name: xds }, initial_metadata: [{ key: a, value: b }] }]
  cds_config: { ads: {} }
  lds_config: { ads: {} }
static_resources:
  clusters: [{ name: xds, type: STATIC, connect_timeout: 1s }]
`;

function refusals(text: string): readonly string[] {
  const read = readBootstrap(text);
  return read.ok ? [] : read.refusals.map((r) => r.field);
}

describe('a bootstrap', () => {
  it('says who the proxy is, where its control plane is, and what comes from there', () => {
    const read = readBootstrap(yaml);
    if (!read.ok) throw new Error(JSON.stringify(read.refusals));
    expect(read.value.node).toMatchObject({
      namespace: 'default',
      serviceAccount: 'web',
      workload: 'web',
      labels: { app: 'web' },
    });
    expect(read.value.admin).toEqual({ host: '127.0.0.1', port: 15000 });
    expect(read.value.ads?.cluster.name).toBe('xds');
    expect(read.value.ads?.metadata).toEqual([['a', 'b']]);
    expect(read.value.dynamic).toEqual({ listeners: adsSource, clusters: adsSource });
  });

  it('limits the connections of clients, in either of Envoy’s two ways', () => {
    const limit = (text: string) => {
      const read = readBootstrap(`${yaml}${text}\n`);
      return read.ok ? read.value.limits.maxDownstreamConnections : read.refusals.map((r) => r.field);
    };
    const layers = (layer: string) => `layered_runtime: { layers: [{ name: a, static_layer: ${layer} }] }`;
    expect(limit('')).toBeUndefined();
    expect(limit(layers('{ overload: { global_downstream_max_connections: 7 } }'))).toBe(7);
    expect(limit(layers("{ overload.global_downstream_max_connections: '9' }"))).toBe(9);
    const monitor = (type: string) =>
      `overload_manager: { resource_monitors: [{ name: a, typed_config: { '@type': type.googleapis.com/envoy.extensions.resource_monitors.${type} } }] }`;
    const connections =
      'downstream_connections.v3.DownstreamConnectionsConfig, max_active_downstream_connections: 5';
    expect(limit(monitor(connections))).toBe(5);
    expect(limit(layers('{ upstream.healthy_panic_threshold: 1 }'))).toEqual([
      "layered_runtime.layers[0].static_layer['upstream.healthy_panic_threshold']",
    ]);
    expect(limit('layered_runtime: { layers: [{ name: a, disk_layer: { symlink_root: /x } }] }')).toEqual([
      'layered_runtime.layers[0].disk_layer',
    ]);
    expect(limit('overload_manager: { actions: [{ name: a }] }')).toEqual(['overload_manager.actions']);
  });

  it('is refused by the name of what this proxy cannot do', () => {
    expect(refusals(yaml.replace('cluster_name: xds', 'cluster_name: other'))).toEqual([
      'dynamic_resources.ads_config.grpc_services[0].envoy_grpc.cluster_name',
    ]);
    const clustersFrom = (source: string) =>
      refusals(yaml.replace('cds_config: { ads: {} }', `cds_config: { api_config_source: ${source} }`));
    const field = 'dynamic_resources.cds_config.api_config_source';
    expect(clustersFrom('{ api_type: AGGREGATED_GRPC }')).toEqual([
      `${field}.api_type`,
      `${field}.grpc_services[0]`,
    ]);
    expect(clustersFrom('{ api_type: REST, cluster_names: [xds] }')).toEqual([`${field}.refresh_delay`]);
    expect(clustersFrom('{ api_type: REST, cluster_names: [xds], refresh_delay: 1s }')).toEqual([]);
    expect(refusals(`${yaml}hds_config: { api_type: GRPC }\n`)).toEqual(['hds_config']);
    expect(refusals(yaml.replace('connect_timeout', 'connect_timeuot'))).toEqual([
      'static_resources.clusters[0].connect_timeuot',
    ]);
    expect(refusals('{ not json')).toEqual(['']);
  });
});
