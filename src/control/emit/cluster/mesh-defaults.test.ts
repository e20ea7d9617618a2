import { describe, expect, it } from 'vitest';
import { filterOf, hostOf, httpService, meshOf, named, proxyOf } from '../../../testing/compiled-mesh.ts';
import type { Cluster } from '../../../xds/resources.ts';

const web = 'sidecar~default/web-v1';
const host = 'reviews.default.svc.cluster.local';
const services = `${httpService('reviews', { port: 9080 })}\n---${httpService('web')}`;

function config(mesh: string): string {
  return `
---
apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data: { mesh: "${mesh}" }`;
}

function rule(policy: string): string {
  return `
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: reviews, namespace: default }
spec: { host: reviews, trafficPolicy: ${policy} }`;
}

function clusterOf(mesh: string): Cluster {
  return named(proxyOf(meshOf(mesh), web).clusters(), `outbound|9080||${host}`);
}

describe('defaults of the mesh', () => {
  it('hold for every destination, until a rule says otherwise', () => {
    const mesh = services + config('{connectTimeout: 3s, tcpKeepalive: {time: 60s, probes: 4}}');
    expect(clusterOf(mesh)).toMatchObject({
      connect_timeout: '3s',
      upstream_connection_options: { tcp_keepalive: { keepalive_probes: 4, keepalive_time: 60 } },
    });
    const ruled = clusterOf(
      mesh + rule('{ connectionPool: { tcp: { connectTimeout: 1s, tcpKeepalive: { time: 5s } } } }'),
    );
    expect(ruled.connect_timeout).toBe('1s');
    expect(ruled.upstream_connection_options).toEqual({ tcp_keepalive: { keepalive_time: 5 } });
  });

  it('come from the default traffic policy, field by field', () => {
    const policy =
      '{defaultTrafficPolicy: {connectionPool: {tcp: {maxConnections: 5}, http: {maxRetries: 2}}, outlierDetection: {consecutive5xxErrors: 7}}}';
    const mesh = services + config(policy) + rule('{ connectionPool: { tcp: { maxConnections: 9 } } }');
    expect(clusterOf(mesh)).toMatchObject({
      circuit_breakers: { thresholds: [{ max_connections: 9, max_retries: 2 }] },
      outlier_detection: { consecutive_5xx: 7 },
    });
  });

  it('say how requests are tried again', () => {
    const mesh = services + config('{defaultHttpRetryPolicy: {attempts: 4, retryOn: gateway-error}}');
    const [route] = hostOf(proxyOf(meshOf(mesh), web), '9080', host).routes ?? [];
    expect(route?.route?.retry_policy).toMatchObject({ num_retries: 4, retry_on: 'gateway-error' });
  });
});

describe('names that the proxy resolves when a request has them', () => {
  it('are those of unknown hosts, where the mesh says so', () => {
    const view = proxyOf(
      meshOf(services + config('{outboundTrafficPolicy: {mode: ALLOW_ANY_DYNAMIC_DNS}}')),
      web,
    );
    expect(named(view.clusters(), 'AllowAnyDynamicDNSCluster').cluster_type?.name).toBe(
      'envoy.clusters.dynamic_forward_proxy',
    );
    const unknown = hostOf(view, '9080', '*').routes?.[0];
    expect(unknown?.route?.cluster).toBe('AllowAnyDynamicDNSCluster');
    const chain = named(view.listeners(), '0.0.0.0_9080').filter_chains?.at(-1);
    expect(filterOf(chain).http_filters?.map(({ name }) => name)).toContain(
      'envoy.filters.http.dynamic_forward_proxy',
    );
    // Bytes name no host: they go where the client wanted.
    expect(filterOf(named(view.listeners(), 'virtualOutbound').filter_chains?.at(-1)).cluster).toBe(
      'PassthroughCluster',
    );
  });

  it('are those of a wildcard entry with dynamic DNS', () => {
    const entry = `
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: wild, namespace: default }
spec:
  hosts: ["*.example.com"]
  ports: [{ number: 80, name: http, protocol: HTTP }, { number: 443, name: tls, protocol: TLS }]
  resolution: DYNAMIC_DNS`;
    const view = proxyOf(meshOf(services + entry), web);
    expect(named(view.clusters(), 'outbound|80||*.example.com')).toMatchObject({
      lb_policy: 'CLUSTER_PROVIDED',
      cluster_type: { name: 'envoy.clusters.dynamic_forward_proxy' },
    });
    expect(named(view.clusters(), 'outbound|443||*.example.com').type).toBe('ORIGINAL_DST');
    expect(hostOf(view, '80', '*.example.com').routes?.[0]?.route?.cluster).toBe(
      'outbound|80||*.example.com',
    );
  });
});

describe('the proxy protocol', () => {
  it('is spoken before anything else, inside of which TLS stays as it was', () => {
    const [mesh, plain] =
      clusterOf(services + rule('{ proxyProtocol: { version: V2 } }')).transport_socket_matches ?? [];
    expect(mesh?.transport_socket).toMatchObject({
      name: 'envoy.transport_sockets.upstream_proxy_protocol',
      typed_config: { config: { version: 'V2' }, transport_socket: { name: 'envoy.transport_sockets.tls' } },
    });
    expect(plain?.transport_socket?.name).toBe('envoy.transport_sockets.upstream_proxy_protocol');
  });
});
