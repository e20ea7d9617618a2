import { describe, expect, it } from 'vitest';
import { httpService, meshOf } from '../testing/compiled-mesh.ts';
import { ON_DEMAND, ON_DEMAND_ENVOY } from '../xds/names.ts';
import type { HttpConnectionManager, Route, TcpProxy, VirtualHost } from '../xds/resources.ts';
import type { ProxyView } from './compile.ts';

const mesh = meshOf(
  [
    httpService('reviews', { port: 9080, versions: ['v1', 'v2'] }),
    httpService('web'),
    httpService('shadow'),
    httpService('collector'),
    `
apiVersion: v1
kind: Service
metadata: { name: db, namespace: default }
spec: { clusterIP: 10.96.0.7, selector: { app: db }, ports: [{ name: tcp, port: 3306 }, { name: any, port: 99 }] }`,
    `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: web, namespace: default }
spec:
  hosts: [web]
  http:
    - match: [{ uri: { prefix: /gone } }]
      route: [{ destination: { host: gone } }]
    - match: [{ uri: { prefix: /partly } }]
      route: [{ destination: { host: gone }, weight: 1 }, { destination: { host: web }, weight: 99 }]
    - route: [{ destination: { host: web } }]
      mirror: { host: shadow }`,
    `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: db, namespace: default }
spec:
  hosts: [db]
  http: [{ route: [{ destination: { host: gone, port: { number: 99 } } }] }]
  tcp: [{ route: [{ destination: { host: db }, weight: 1 }, { destination: { host: gone }, weight: 1 }] }]`,
    `
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: { name: script, namespace: default }
spec:
  configPatches:
    - applyTo: HTTP_FILTER
      match: { context: SIDECAR_INBOUND, listener: { filterChain: { filter: { name: envoy.filters.network.http_connection_manager } } } }
      patch:
        operation: INSERT_FIRST
        value:
          name: envoy.filters.http.lua
          typed_config:
            '@type': type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua
            default_source_code: { inline_string: "handle:httpCall('outbound|80||collector.default.svc.cluster.local', {})" }`,
  ].join('\n---'),
);
const id = 'sidecar~~reviews-v1.default~default.svc.cluster.local';
const whole = mesh.forProxy({ id })!;
const sparse = mesh.forProxy({ id, metadata: { [ON_DEMAND]: ON_DEMAND_ENVOY } })!;

describe('an Envoy on demand', () => {
  it('gets all listeners; what goes out waits for virtual hosts and clusters', () => {
    expect(sparse.listeners().map(({ name }) => name)).toEqual(whole.listeners().map(({ name }) => name));
    const [first] = manager(sparse, '0.0.0.0_80').http_filters ?? [];
    expect(first).toMatchObject({
      name: 'envoy.filters.http.on_demand',
      typed_config: { odcds: { source: { ads: {} }, timeout: '5s' } },
    });
    expect(manager(sparse, '0.0.0.0_80').stream_idle_timeout).toBe('5s');
    expect(manager(sparse, '10.96.0.7_99')).toMatchObject({ stream_idle_timeout: '0s' });
    expect(tcpProxy(sparse, '10.96.0.7_3306').on_demand).toMatchObject({ timeout: '5s' });
  });

  it('has its inbound side as ever', () => {
    const inbound = (view: ProxyView) => view.listeners(['virtualInbound'])[0]?.object;
    expect(inbound(sparse)).toEqual(inbound(whole));
  });

  it('gets the same listeners again where nothing has changed', () => {
    const again = mesh.forProxy({ id, metadata: { [ON_DEMAND]: ON_DEMAND_ENVOY } })!;
    expect(again.listenerParts().shared).toBe(sparse.listenerParts().shared);
  });

  it('gets unasked those clusters only for which nothing waits', () => {
    expect(sparse.clusters().map(({ name }) => name)).toEqual([
      'BlackHoleCluster',
      'InboundPassthroughCluster',
      'PassthroughCluster',
      'inbound|9080||',
      'outbound|80||collector.default.svc.cluster.local',
      'outbound|80||shadow.default.svc.cluster.local',
    ]);
  });

  it('gets any other by name', () => {
    for (const { name, object } of whole.clusters())
      expect(sparse.clusters([name])).toEqual([expect.objectContaining({ name, object })]);
    expect(sparse.clusters(['outbound|80||gone.default.svc.cluster.local'])).toEqual([]);
  });

  it('looks hosts up as they come, with their ports: no two virtual hosts share a domain', () => {
    const [routes] = sparse.routes(['80']);
    expect(routes?.object).not.toHaveProperty('virtual_hosts');
    expect(routes?.object).not.toHaveProperty('ignore_port_in_host_matching');
    const [plain, withPort] = sparse.virtualHosts(['80/web', '80/web:80']);
    expect([plain?.object.domains, withPort?.object.domains]).toEqual([['web'], ['web:80']]);
    expect(plain?.object.routes).toEqual(withPort?.object.routes);
    expect(plain?.provenance.map(({ kind }) => kind)).toContain('VirtualService');
  });

  it('finds a virtual host again by the name of the resource', () => {
    for (const name of ['80/web', '80/nobody.test', '80/'])
      expect(sparse.virtualHosts([name])).toMatchObject([{ name, object: { name } }]);
  });

  it('is answered for hosts that nobody knows as the whole configuration answers', () => {
    const catchAll = wholeHosts('80').find(({ domains }) => domains?.includes('*'));
    const [given] = sparse.virtualHosts(['80/nobody.test']);
    expect(given?.object.routes?.map(({ route }) => route?.cluster)).toEqual(
      catchAll?.routes?.map(({ route }) => route?.cluster),
    );
  });

  it('makes no wildcard of a Host header', () => {
    for (const host of ['*', '*.default.svc.cluster.local', 'web*', '']) {
      const [domain = ''] = sparse.virtualHosts([`80/${host}`])[0]?.object.domains ?? [];
      expect(domain).toMatch(/^ [^*]*$/); // no Host header begins with a space
    }
  });

  it('waits for no cluster that is known not to be', () => {
    const [web] = sparse.virtualHosts(['80/web']);
    const [gone, partly, rest] = web!.object.routes as readonly [Route, Route, Route];
    const none = { 'envoy.filters.http.on_demand': { '@type': expect.stringContaining('PerRouteConfig') } };
    expect(gone.typed_per_filter_config).toMatchObject(none);
    const [missing, there] = partly.route?.weighted_clusters?.clusters ?? [];
    expect(missing?.typed_per_filter_config).toMatchObject(none);
    expect(there).not.toHaveProperty('typed_per_filter_config');
    expect(rest).not.toHaveProperty('typed_per_filter_config');
  });

  it('nor where the virtual hosts of a service come whole', () => {
    const [route] =
      sparse.routes(['db.default.svc.cluster.local:99'])[0]?.object.virtual_hosts?.[0]?.routes ?? [];
    expect(route?.route?.cluster).toBe('outbound|99||gone.default.svc.cluster.local');
    expect(route?.typed_per_filter_config).toHaveProperty(['envoy.filters.http.on_demand']);
    expect(sparse.routes(['gone:1'])).toEqual([]);
  });

  it('lets a request that has found its route be idle as long as ever', () => {
    const [web] = sparse.virtualHosts(['80/web']);
    expect(web?.object.routes?.map(({ route }) => route?.idle_timeout)).toEqual(['0s', '0s', '0s']);
  });
});

function wholeHosts(routes: string): readonly VirtualHost[] {
  return whole.routes([routes])[0]?.object.virtual_hosts ?? [];
}

function configs(view: ProxyView, listener: string): readonly object[] {
  const { filter_chains = [], default_filter_chain } = view.listeners([listener])[0]!.object;
  const chains = default_filter_chain ? [...filter_chains, default_filter_chain] : filter_chains;
  return chains.flatMap(({ filters = [] }) => filters.map(({ typed_config }) => typed_config ?? {}));
}

function manager(view: ProxyView, listener: string): HttpConnectionManager {
  return configs(view, listener).find((one) => 'http_filters' in one) as HttpConnectionManager;
}

function tcpProxy(view: ProxyView, listener: string): TcpProxy {
  return configs(view, listener).find((one) => 'weighted_clusters' in one) as TcpProxy;
}
