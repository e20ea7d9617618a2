import { describe, expect, it } from 'vitest';
import { filterOf, hostOf, httpService, meshOf, named, proxyOf } from '../../../testing/compiled-mesh.ts';

const services = `${httpService('reviews', { port: 9080 })}\n---${httpService('web')}`;
const web = 'sidecar~default/web-v1';
const cluster = 'outbound|9080||reviews.default.svc.cluster.local';

function filter(
  patches: string,
  options: { readonly name?: string; readonly namespace?: string; readonly rest?: string } = {},
): string {
  const { name = 'change', namespace = 'default', rest = '' } = options;
  return `
---
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: { name: ${name}, namespace: ${namespace} }
spec:
  ${rest}
  configPatches:
${patches}`;
}

const timeout = (value: string) => `
  - { applyTo: CLUSTER, match: { cluster: { service: reviews.default.svc.cluster.local } }, patch: { operation: MERGE, value: { connectTimeout: ${value} } } }`;

const view = (...filters: readonly string[]) => proxyOf(meshOf(services + filters.join('')), web);

describe('an EnvoyFilter changes', () => {
  it('clusters, and stands among what made them', () => {
    const proxy = view(filter(timeout('7s')));
    expect(named(proxy.clusters(), cluster)).toMatchObject({ connect_timeout: '7s', type: 'EDS' });
    const { provenance } = proxy.clusters().find(({ name }) => name === cluster) ?? {};
    expect(provenance?.at(-1)).toMatchObject({
      kind: 'EnvoyFilter',
      name: 'change',
      field: 'spec.configPatches[0]',
    });
    expect(named(proxy.clusters(), 'PassthroughCluster').connect_timeout).toBe('10s');
  });

  it('which clusters there are', () => {
    const proxy = view(
      filter(`
  - { applyTo: CLUSTER, patch: { operation: ADD, value: { name: extra, type: STATIC, connect_timeout: 1s } } }
  - { applyTo: CLUSTER, match: { cluster: { portNumber: 9080 } }, patch: { operation: REMOVE } }`),
    );
    const names = proxy.clusters().map(({ name }) => name);
    expect(names).toContain('extra');
    expect(names).not.toContain(cluster);
  });

  it('HTTP filters: before the router, first, instead, and out', () => {
    const at = (operation: string, name: string, value: string) => `
  - applyTo: HTTP_FILTER
    match: { context: SIDECAR_OUTBOUND, listener: { filterChain: { filter: { name: envoy.filters.network.http_connection_manager${name && `, subFilter: { name: ${name} }`} } } } }
    patch: { operation: ${operation}, value: { name: ${value}, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer, max_request_bytes: 100 } } }`;
    const filters = (...patches: string[]) =>
      filterOf(
        named(view(filter(patches.join(''))).listeners(), '0.0.0.0_9080').filter_chains?.at(-1),
      ).http_filters?.map(({ name }) => name?.replace('envoy.filters.http.', ''));
    expect(filters(at('INSERT_BEFORE', 'envoy.filters.http.router', 'buffer'))).toEqual([
      'fault',
      'cors',
      'buffer',
      'router',
    ]);
    expect(filters(at('INSERT_AFTER', 'envoy.filters.http.fault', 'buffer'))).toEqual([
      'fault',
      'buffer',
      'cors',
      'router',
    ]);
    expect(filters(at('INSERT_FIRST', '', 'buffer'))).toEqual(['buffer', 'fault', 'cors', 'router']);
    expect(filters(at('ADD', '', 'buffer'))).toEqual(['fault', 'cors', 'buffer', 'router']);
    expect(filters(at('REPLACE', 'envoy.filters.http.cors', 'buffer'))).toEqual([
      'fault',
      'buffer',
      'router',
    ]);
    expect(filters(at('REMOVE', 'envoy.filters.http.cors', 'buffer'))).toEqual(['fault', 'router']);
    expect(filters(at('INSERT_AFTER', 'nothing', 'buffer'))).toEqual(['fault', 'cors', 'router']);
  });

  it('HTTP filters beside a standard one that is not there: before the router', () => {
    const beside = (anchor: string) =>
      view(
        filter(`
  - applyTo: HTTP_FILTER
    match: { context: SIDECAR_INBOUND, listener: { filterChain: { filter: { name: envoy.filters.network.http_connection_manager, subFilter: { name: ${anchor} } } } } }
    patch: { operation: INSERT_BEFORE, value: { name: buffer, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer, max_request_bytes: 100 } } }`),
      );
    const names = (anchor: string) =>
      named(beside(anchor).listeners(), 'virtualInbound')
        .filter_chains?.flatMap((chain) => filterOf(chain).http_filters ?? [])
        .map(({ name }) => name);
    expect(names('envoy.filters.http.cors')).toContain('buffer');
    expect(names('envoy.filters.http.grpc_stats')).toContain('buffer');
    expect(names('envoy.filters.http.nothing')).not.toContain('buffer');
  });

  it('the connection manager itself, typed config by typed config', () => {
    const proxy = view(
      filter(`
  - applyTo: NETWORK_FILTER
    match: { context: SIDECAR_INBOUND, listener: { portNumber: 80, filterChain: { filter: { name: envoy.filters.network.http_connection_manager } } } }
    patch: { operation: MERGE, value: { typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager, max_request_headers_kb: 96 } } }`),
    );
    const inbound = named(proxy.listeners(), 'virtualInbound').filter_chains ?? [];
    const ofPort = inbound.filter((chain) => chain.filter_chain_match?.destination_port === 80);
    expect(ofPort.length).toBeGreaterThan(0);
    for (const chain of ofPort)
      expect(filterOf(chain)).toMatchObject({
        max_request_headers_kb: 96,
        stat_prefix: 'inbound_0.0.0.0_80',
      });
    expect(
      filterOf(named(proxy.listeners(), '0.0.0.0_80').filter_chains?.at(-1)).max_request_headers_kb,
    ).toBeUndefined();
  });

  it('listeners, their filters and their chains', () => {
    const proxy = view(
      filter(`
  - { applyTo: LISTENER, match: { context: SIDECAR_INBOUND }, patch: { operation: MERGE, value: { per_connection_buffer_limit_bytes: 1000 } } }
  - { applyTo: LISTENER_FILTER, match: { context: SIDECAR_INBOUND, listener: { listenerFilter: envoy.filters.listener.http_inspector } }, patch: { operation: REMOVE } }
  - { applyTo: FILTER_CHAIN, match: { context: SIDECAR_INBOUND, listener: { filterChain: { destinationPort: 80 } } }, patch: { operation: MERGE, value: { name: mine } } }
  - { applyTo: LISTENER, match: { listener: { name: dns } }, patch: { operation: REMOVE } }`),
    );
    const inbound = named(proxy.listeners(), 'virtualInbound');
    expect(inbound.per_connection_buffer_limit_bytes).toBe(1000);
    expect(inbound.listener_filters?.map(({ name }) => name)).not.toContain(
      'envoy.filters.listener.http_inspector',
    );
    expect(inbound.filter_chains?.map(({ name }) => name)).toContain('mine');
    expect(proxy.listeners().map(({ name }) => name)).not.toContain('dns');
  });

  it('routes, virtual hosts and route configurations, also those within inbound listeners', () => {
    const proxy = view(
      filter(`
  - { applyTo: ROUTE_CONFIGURATION, match: { context: SIDECAR_OUTBOUND, routeConfiguration: { portNumber: 9080 } }, patch: { operation: MERGE, value: { response_headers_to_remove: [x-a] } } }
  - { applyTo: VIRTUAL_HOST, match: { routeConfiguration: { name: "9080", vhost: { domainName: reviews.default.svc.cluster.local } } }, patch: { operation: MERGE, value: { request_headers_to_remove: [x-b] } } }
  - { applyTo: HTTP_ROUTE, match: { context: SIDECAR_OUTBOUND, routeConfiguration: { name: "9080", vhost: { route: { action: ROUTE } } } }, patch: { operation: MERGE, value: { route: { timeout: 3s } } } }
  - { applyTo: HTTP_ROUTE, match: { context: SIDECAR_INBOUND, routeConfiguration: { portNumber: 80 } }, patch: { operation: MERGE, value: { route: { timeout: 9s } } } }`),
    );
    expect(named(proxy.routes(['9080']), '9080').response_headers_to_remove).toEqual(['x-a']);
    const host = hostOf(proxy, '9080', 'reviews.default.svc.cluster.local');
    expect(host.request_headers_to_remove).toEqual(['x-b']);
    expect(host.routes?.[0]?.route).toMatchObject({ cluster, timeout: '3s' });
    const chain = named(proxy.listeners(), 'virtualInbound').filter_chains?.find(
      ({ name }) => name === '0.0.0.0_80',
    );
    expect(filterOf(chain).route_config?.virtual_hosts?.[0]?.routes?.[0]?.route?.timeout).toBe('9s');
  });
});

describe('what an EnvoyFilter means', () => {
  const manager = 'name: envoy.filters.network.http_connection_manager';
  const buffer = (bytes: number) =>
    `typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer, max_request_bytes: ${bytes} }`;
  const httpFilter = (operation: string, value: string, inner = '') => `
  - applyTo: HTTP_FILTER
    match: { context: SIDECAR_OUTBOUND, listener: { filterChain: { filter: { ${manager}${inner && `, subFilter: { name: ${inner} }`} } } } }
    patch: { operation: ${operation}${value && `, value: ${value}`} }`;
  const filters = (...patches: readonly string[]) =>
    filterOf(named(view(filter(patches.join(''))).listeners(), '0.0.0.0_9080').filter_chains?.at(-1))
      .http_filters;

  it('does not hang on the order: what is put in is merged with', () => {
    const [first] =
      filters(
        httpFilter('MERGE', `{ ${buffer(7)} }`, 'mine'),
        httpFilter('INSERT_FIRST', `{ name: mine, ${buffer(1)} }`),
      ) ?? [];
    expect(first).toMatchObject({ name: 'mine', typed_config: { max_request_bytes: 7 } });
  });

  it('does not change a filter of another type', () => {
    const cors = filters(httpFilter('MERGE', `{ ${buffer(7)} }`, 'envoy.filters.http.cors'))?.find(
      ({ name }) => name === 'envoy.filters.http.cors',
    );
    expect(cors?.typed_config?.['@type']).toContain('cors');
  });

  it('takes nothing out that it does not name', () => {
    expect(filters(httpFilter('REMOVE', ''))).toHaveLength(3);
    const removal = '{ applyTo: LISTENER_FILTER, patch: { operation: REMOVE } }';
    const proxy = view(filter(`\n  - ${removal}`));
    expect(named(proxy.listeners(), 'virtualInbound').listener_filters?.length).toBeGreaterThan(1);
  });

  it('puts configurations of extensions where they are asked for', () => {
    const asking = httpFilter(
      'INSERT_FIRST',
      '{ name: mine, config_discovery: { config_source: { ads: {} }, type_urls: [type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer] } }',
    );
    const config = `
  - { applyTo: EXTENSION_CONFIG, patch: { operation: ADD, value: { name: mine, ${buffer(9)} } } }`;
    expect(filters(asking, config)?.[0]).toEqual({
      name: 'mine',
      typed_config: {
        '@type': 'type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer',
        max_request_bytes: 9,
      },
    });
    expect(filters(asking)?.[0]?.name).toBe('envoy.filters.http.fault');
    expect(meshOf(services + filter(asking)).findings()[0]?.field).toBe(
      'spec.configPatches[0].patch.value.config_discovery',
    );
  });

  it('merges sockets where endpoints choose them, and replaces entries of maps', () => {
    const proxy = view(
      filter(`
  - applyTo: CLUSTER
    match: { cluster: { service: reviews.default.svc.cluster.local } }
    patch:
      operation: MERGE
      value:
        connect_timeout: 3s
        transport_socket: { name: envoy.transport_sockets.tls, typed_config: { "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext, common_tls_context: { tls_params: { tls_maximum_protocol_version: TLSv1_2 } } } }
        typed_extension_protocol_options: { envoy.extensions.upstreams.http.v3.HttpProtocolOptions: { "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, explicit_http_config: { http2_protocol_options: {} } } }`),
    );
    const changed = named(proxy.clusters(), cluster);
    expect(changed.connect_timeout).toBe('3s');
    expect(changed.transport_socket).toBeUndefined();
    const [tls] = changed.transport_socket_matches ?? [];
    expect(tls?.transport_socket?.typed_config).toMatchObject({
      common_tls_context: {
        tls_params: { tls_maximum_protocol_version: 'TLSv1_2', tls_minimum_protocol_version: 'TLSv1_2' },
      },
    });
    expect(Object.values(changed.typed_extension_protocol_options ?? {})[0]).toEqual({
      '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
      explicit_http_config: { http2_protocol_options: {} },
    });
  });

  it('knows inbound clusters by their service', () => {
    const proxy = view(
      filter(`
  - { applyTo: CLUSTER, match: { context: SIDECAR_INBOUND, cluster: { service: web.default.svc.cluster.local } }, patch: { operation: MERGE, value: { connect_timeout: 2s } } }
  - { applyTo: CLUSTER, match: { context: SIDECAR_INBOUND, cluster: { service: reviews.default.svc.cluster.local } }, patch: { operation: MERGE, value: { connect_timeout: 9s } } }`),
    );
    expect(named(proxy.clusters(), 'inbound|80||').connect_timeout).toBe('2s');
  });
});

describe('several EnvoyFilters', () => {
  const last = (...filters: readonly string[]) => named(view(...filters).clusters(), cluster).connect_timeout;
  const root = (priority: number) =>
    filter(timeout('3s'), { name: 'root', namespace: 'istio-system', rest: `priority: ${priority}` });

  it('go by priority, then namespace, then age', () => {
    const late = filter(timeout('1s'), { name: 'late', rest: 'priority: 10' });
    const early = filter(timeout('2s'), { name: 'early', rest: 'priority: -10' });
    expect(last(late, early)).toBe('1s');
    expect(last(late, early, root(99))).toBe('3s');
    expect(last(late, early, root(10))).toBe('1s');
  });

  it('hold for Gateways of their namespace', () => {
    const attached = filter(timeout('1s'), {
      rest: 'targetRefs: [{ group: gateway.networking.k8s.io, kind: Gateway, name: gw }]',
    });
    const mesh = meshOf(services + attached);
    const gateway = (namespace: string, name: string) =>
      named(
        proxyOf(mesh, `gateway~${namespace}/x`, {
          'gateway.networking.k8s.io/gateway-name': name,
        }).clusters(),
        cluster,
      ).connect_timeout;
    expect([gateway('default', 'gw'), gateway('default', 'other'), gateway('else', 'gw')]).toEqual([
      '1s',
      '10s',
      '10s',
    ]);
    expect(named(proxyOf(mesh, web).clusters(), cluster).connect_timeout).toBe('10s');
  });

  it('hold for proxies of which something is known, and say what is not', () => {
    const matching = (metadata: string) =>
      filter(
        `
  - { applyTo: CLUSTER, match: { proxy: { metadata: ${metadata} }, cluster: { portNumber: 9080 } }, patch: { operation: MERGE, value: { connect_timeout: 1s } } }`,
      );
    expect(last(matching('{ NAMESPACE: default, WORKLOAD_NAME: web-v1 }'))).toBe('1s');
    expect(last(matching('{ NAMESPACE: other }'))).toBe('10s');
    expect(last(matching('{ COLOUR: red }'))).toBe('10s');
    expect(meshOf(services + matching('{ COLOUR: red }')).findings()[0]?.field).toBe(
      'spec.configPatches[0].match.proxy.metadata.COLOUR',
    );
  });

  it('hold for those that they select, and no others', () => {
    const selecting = (app: string) =>
      filter(timeout('1s'), { rest: `workloadSelector: { labels: { app: ${app} } }` });
    expect(named(view(selecting('web')).clusters(), cluster).connect_timeout).toBe('1s');
    expect(named(view(selecting('reviews')).clusters(), cluster).connect_timeout).toBe('10s');
    expect(
      named(view(filter(timeout('1s'), { namespace: 'other' })).clusters(), cluster).connect_timeout,
    ).toBe('10s');
  });

  it('fail alone, and say where', () => {
    const bad = filter(
      `
  - { applyTo: CLUSTER, patch: { operation: MERGE, value: { no_such_field: 1 } } }
  - { applyTo: BOOTSTRAP, patch: { operation: MERGE, value: { node: {} } } }${timeout('4s')}`,
    );
    const mesh = meshOf(services + bad);
    expect(named(proxyOf(mesh, web).clusters(), cluster).connect_timeout).toBe('4s');
    expect(mesh.findings().map(({ field }) => field)).toEqual([
      'spec.configPatches[0].patch.value',
      'spec.configPatches[1].applyTo',
    ]);
  });

  it('touch nothing that they do not mean', () => {
    const plain = view();
    const changed = view(filter(timeout('4s')));
    expect(changed.listeners()).toEqual(plain.listeners());
    expect(changed.routes()).toEqual(plain.routes());
  });
});

describe('a change that cannot be made', () => {
  const added = (value: string) => `
  - { applyTo: CLUSTER, patch: { operation: ADD, value: ${value} } }`;
  const said = (patches: string) => {
    const mesh = meshOf(services + filter(patches));
    const { clusters, listeners } = proxyOf(mesh, web);
    clusters();
    listeners();
    return mesh.findings().map(({ key, field, message }) => `${key.name} ${field}: ${message}`);
  };

  it('is told where its value is no message, and is nowhere', () => {
    const negative = added(
      '{ name: own, connect_timeout: 1s, circuit_breakers: { thresholds: [{ max_requests: -1 }] } }',
    );
    const [first = '', ...more] = said(negative);
    expect(first).toMatch(/^change spec\.configPatches\[0\]\.patch\.value: .*-1; this change is not made$/);
    expect(more).toEqual([]);
  });

  it('is told where what it adds is there already', () => {
    expect(said(added('{ name: PassthroughCluster, connect_timeout: 1s }'))).toEqual([
      'change spec.configPatches[0]: on PassthroughCluster this change is not made: there is one of this name already',
    ]);
    expect(said(added('{ name: own, connect_timeout: 1s }'))).toEqual([]);
  });
});
