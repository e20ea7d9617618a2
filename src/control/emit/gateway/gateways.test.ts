import { describe, expect, it } from 'vitest';
import { filterOf, hostOf, httpService, meshOf, named, proxyOf } from '../../../testing/compiled-mesh.ts';

const labels = { istio: 'ingressgateway' };
const services = `${httpService('web')}\n---${httpService('api', { namespace: 'shop' })}`;

function gateway(servers: string, name = 'gw', namespace = 'default'): string {
  return `
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: ${name}, namespace: ${namespace} }
spec: { selector: { istio: ingressgateway }, servers: [${servers}] }`;
}

function rules(name: string, spec: string, namespace = 'default', created = ''): string {
  return `
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${name}, namespace: ${namespace}${created} }
spec: ${spec}`;
}

function router(mesh: string) {
  return proxyOf(meshOf(mesh), 'gateway~istio-system/istio-ingressgateway', labels);
}

const http = (hosts: string) => `{ port: { number: 80, name: http, protocol: HTTP }, hosts: ${hosts} }`;
const toWeb = 'http: [{ route: [{ destination: { host: web.default.svc.cluster.local } }] }]';

describe('a gateway', () => {
  it('sends HTTP/1.1 where nobody says what is spoken, whatever its clients speak', () => {
    const unnamed = services.replace('name: http', 'name: web');
    const options = (proxy: ReturnType<typeof router>) =>
      JSON.stringify(
        named(proxy.clusters(), 'outbound|80||web.default.svc.cluster.local')
          .typed_extension_protocol_options ?? '',
      );
    expect(unnamed).not.toBe(services);
    expect(
      options(
        router(unnamed + gateway(http('["*"]')) + rules('web', `{ hosts: ["*"], gateways: [gw], ${toWeb} }`)),
      ),
    ).not.toContain('http2');
    expect(options(proxyOf(meshOf(unnamed), 'sidecar~default/web-v1'))).toContain('http2');
  });

  it('takes plain HTTP on a port that ends TLS, not TLS on one that has plain HTTP', () => {
    const https =
      '{ port: { number: 443, name: https, protocol: HTTPS }, hosts: ["*"], tls: { mode: SIMPLE, credentialName: c } }';
    const clear = '{ port: { number: 443, name: clear, protocol: HTTP }, hosts: ["*"] }';
    const chains = (servers: string) =>
      named(router(services + gateway(servers)).listeners(), '0.0.0.0_443').filter_chains;
    expect(
      chains(`${https}, ${clear}`)?.map(({ filter_chain_match, transport_socket }) => [
        filter_chain_match,
        transport_socket === undefined,
      ]),
    ).toEqual([
      [undefined, false],
      [{ transport_protocol: 'raw_buffer' }, true],
    ]);
    expect(chains(`${clear}, ${https}`)?.map(({ transport_socket }) => transport_socket)).toEqual([
      undefined,
    ]);
  });

  it('listens where its Service leads', () => {
    const service = `
---
apiVersion: v1
kind: Service
metadata: { name: istio-ingressgateway, namespace: istio-system }
spec: { selector: { istio: ingressgateway }, ports: [{ name: http, port: 80, targetPort: 8080 }] }`;
    const view = router(
      services +
        service +
        gateway(http("['*']")) +
        rules('web', `{ hosts: ['*'], gateways: [gw], ${toWeb} }`),
    );
    const listener = named(view.listeners(), '0.0.0.0_8080');
    expect(filterOf(listener.filter_chains?.[0])).toMatchObject({
      rds: { route_config_name: 'http.8080' },
      use_remote_address: true,
      forward_client_cert_details: 'SANITIZE_SET',
    });
    expect(hostOf(view, 'http.8080', '*')).toMatchObject({
      name: '*:80',
      routes: [{ route: { cluster: 'outbound|80||web.default.svc.cluster.local' } }],
    });
  });

  it('is told by PROXY protocol who calls, and has limits of the edge, where the mesh says so', () => {
    const settings = `
---
apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data: { mesh: "{defaultConfig: {gatewayTopology: {proxyProtocol: {}}, connectionSettings: {profile: EDGE, httpStreamIdleTimeout: 9s}}}" }`;
    const tls =
      "{ port: { number: 443, name: https, protocol: HTTPS }, hosts: ['*'], tls: { mode: SIMPLE, credentialName: a } }";
    const view = router(`${services}${gateway(`${http("['*']")}, ${tls}`)}${settings}`);
    const filtersAt = (name: string) =>
      named(view.listeners(), name).listener_filters?.map((filter) => filter.name);
    expect(filtersAt('0.0.0.0_80')).toEqual(['envoy.filters.listener.proxy_protocol']);
    expect(filtersAt('0.0.0.0_443')).toEqual([
      'envoy.filters.listener.proxy_protocol',
      'envoy.filters.listener.tls_inspector',
    ]);
    const listener = named(view.listeners(), '0.0.0.0_80');
    expect(listener.per_connection_buffer_limit_bytes).toBe(32_768);
    expect(filterOf(listener.filter_chains?.[0])).toMatchObject({
      common_http_protocol_options: {
        idle_timeout: '3600s',
        headers_with_underscores_action: 'REJECT_REQUEST',
      },
      stream_idle_timeout: '9s',
      request_headers_timeout: '60s',
      http2_protocol_options: { max_concurrent_streams: 100 },
      merge_slashes: true,
      path_with_escaped_slashes_action: 'UNESCAPE_AND_REDIRECT',
    });
  });

  it('believes the proxies before it, as far as the mesh says', () => {
    const topology = `
---
apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data: { mesh: "{defaultConfig: {gatewayTopology: {numTrustedProxies: 2, forwardClientCertDetails: FORWARD_ONLY}}}" }`;
    const view = router(services + gateway(http("['*']")) + topology);
    expect(filterOf(named(view.listeners(), '0.0.0.0_80').filter_chains?.[0])).toMatchObject({
      use_remote_address: true,
      xff_num_trusted_hops: 2,
      forward_client_cert_details: 'FORWARD_ONLY',
    });
  });

  it('serves the narrower of its hosts and the rules', () => {
    const view = router(
      services +
        gateway(http("['*.example.com', 'b.org']")) +
        rules('one', `{ hosts: [a.example.com], gateways: [gw], ${toWeb} }`) +
        rules('two', `{ hosts: ['*'], gateways: [default/gw], ${toWeb} }`) +
        rules('other', `{ hosts: [c.net], gateways: [gw], ${toWeb} }`),
    );
    const { virtual_hosts = [] } = named(view.routes(), 'http.80');
    // Hosts of one object are one virtual host, called by the narrowest.
    expect(virtual_hosts.map(({ name, domains }) => [name, domains])).toEqual([
      ['a.example.com:80', ['a.example.com']],
      ['b.org:80', ['b.org', '*.example.com']],
    ]);
  });

  it('redirects what rules are about, too, where it redirects', () => {
    const redirecting =
      "{ port: { number: 80, name: http, protocol: HTTP }, hosts: ['*'], tls: { httpsRedirect: true } }";
    const view = router(
      services + gateway(redirecting) + rules('web', `{ hosts: [A.example.com], gateways: [gw], ${toWeb} }`),
    );
    expect(hostOf(view, 'http.80', 'a.example.com').require_tls).toBe('ALL');
    expect(hostOf(view, 'http.80', '*').require_tls).toBe('ALL');
  });

  it('has routes of its own at an address of its own', () => {
    const bound = (port: string, bind: string) =>
      `{ port: { number: 80, name: ${port}, protocol: HTTP }, hosts: ['*'], bind: ${bind} }`;
    const view = router(services + gateway(`${bound('a', '1.2.3.4')}, ${bound('b', '1.2.3.5')}`));
    expect(view.routes().map(({ name }) => name)).toEqual(['http.80.1.2.3.4', 'http.80.1.2.3.5']);
  });

  it('answers 404 where nobody has rules', () => {
    const { virtual_hosts } = named(router(services + gateway(http("['*']"))).routes(), 'http.80');
    expect(virtual_hosts).toEqual([{ name: 'blackhole:80', domains: ['*'] }]);
  });

  it('puts rules of several objects for one host together, what takes everything last', () => {
    const view = router(
      services +
        gateway(http('[a.com]')) +
        rules(
          'everything',
          `{ hosts: [a.com], gateways: [gw], ${toWeb} }`,
          'default',
          ", creationTimestamp: '2020-01-01T00:00:00Z'",
        ) +
        rules(
          'part',
          `{ hosts: [a.com], gateways: [gw], http: [{ match: [{ uri: { prefix: /api } }], route: [{ destination: { host: web } }] }] }`,
          'default',
          ", creationTimestamp: '2021-01-01T00:00:00Z'",
        ),
    );
    expect(hostOf(view, 'http.80', 'a.com').routes?.map(({ match }) => match?.prefix)).toEqual(['/api', '/']);
  });

  it('keeps hosts to the namespaces that may use them', () => {
    const mesh = (namespace: string) =>
      services +
      gateway(http("['shop/*']")) +
      rules('web', `{ hosts: [a.com], gateways: [default/gw], ${toWeb} }`, namespace);
    expect(named(router(mesh('shop')).routes(), 'http.80').virtual_hosts?.[0]?.domains).toEqual(['a.com']);
    expect(named(router(mesh('default')).routes(), 'http.80').virtual_hosts?.[0]?.name).toBe('blackhole:80');
  });

  it('sends clients without TLS to where it is', () => {
    const server =
      '{ port: { number: 80, name: http, protocol: HTTP }, hosts: [a.com], tls: { httpsRedirect: true } }';
    expect(hostOf(router(services + gateway(server)), 'http.80', 'a.com')).toMatchObject({
      require_tls: 'ALL',
      routes: [],
    });
  });

  it('ends TLS by server name with certificates of its secrets', () => {
    const servers = `
      { port: { number: 443, name: one, protocol: HTTPS }, hosts: [a.com], tls: { mode: SIMPLE, credentialName: a } },
      { port: { number: 443, name: two, protocol: HTTPS }, hosts: [b.com], tls: { mode: MUTUAL, credentialName: b } }`;
    const view = router(
      services + gateway(servers) + rules('a', `{ hosts: [a.com], gateways: [gw], ${toWeb} }`),
    );
    const [one, two] = named(view.listeners(), '0.0.0.0_443').filter_chains ?? [];
    expect(one?.filter_chain_match).toEqual({ server_names: ['a.com'] });
    expect(one?.transport_socket?.typed_config).toMatchObject({
      common_tls_context: {
        tls_certificate_sds_secret_configs: [{ name: 'kubernetes://a' }],
        alpn_protocols: ['h2', 'http/1.1'],
      },
    });
    expect(filterOf(one).rds?.route_config_name).toBe('https.443.one.gw.default');
    expect(two?.transport_socket?.typed_config).toMatchObject({
      require_client_certificate: true,
      common_tls_context: {
        combined_validation_context: {
          validation_context_sds_secret_config: { name: 'kubernetes://b-cacert' },
        },
      },
    });
    expect(hostOf(view, 'https.443.one.gw.default', 'a.com').name).toBe('a.com:443');
  });

  it('judges clients by what the server says of them', () => {
    const server = `{ port: { number: 443, name: https, protocol: HTTPS }, hosts: [a.com], tls: {
      mode: OPTIONAL_MUTUAL, serverCertificate: /a.pem, privateKey: /a.key, caCertificates: /ca.pem, caCrl: /ca.crl,
      insecureSkipVerify: true, minProtocolVersion: TLSV1_3, cipherSuites: [AES128-SHA, AES128-SHA] } }`;
    const view = router(services + gateway(server));
    const [chain] = named(view.listeners(), '0.0.0.0_443').filter_chains ?? [];
    expect(chain?.transport_socket?.typed_config).toMatchObject({
      common_tls_context: {
        tls_params: { tls_minimum_protocol_version: 'TLSv1_3', cipher_suites: ['AES128-SHA'] },
        validation_context: {
          trusted_ca: { filename: '/ca.pem' },
          crl: { filename: '/ca.crl' },
          trust_chain_verification: 'ACCEPT_UNTRUSTED',
        },
      },
    });
  });

  it('passes TLS on by server name, and bytes by port', () => {
    const servers = `
      { port: { number: 443, name: tls, protocol: TLS }, hosts: ['*'], tls: { mode: PASSTHROUGH } },
      { port: { number: 3306, name: tcp, protocol: TCP }, hosts: ['*'] },
      { port: { number: 3307, name: unused, protocol: TCP }, hosts: ['*'] }`;
    const view = router(
      services +
        gateway(servers) +
        rules(
          'tls',
          '{ hosts: [web.com], gateways: [gw], tls: [{ match: [{ sniHosts: [web.com] }], route: [{ destination: { host: web } }] }], tcp: [{ match: [{ port: 3306 }], route: [{ destination: { host: web } }] }] }',
        ),
    );
    const tls = named(view.listeners(), '0.0.0.0_443').filter_chains?.[0];
    expect(tls?.filter_chain_match?.server_names).toEqual(['web.com']);
    expect(filterOf(tls).cluster).toBe('outbound|80||web.default.svc.cluster.local');
    expect(filterOf(named(view.listeners(), '0.0.0.0_3306').filter_chains?.[0]).cluster).toBe(
      'outbound|80||web.default.svc.cluster.local',
    );
    expect(view.listeners().map(({ name }) => name)).not.toContain('0.0.0.0_3307');
  });

  it('gives a port to the older of two that cannot share it', () => {
    const tcp = "{ port: { number: 80, name: tcp, protocol: TCP }, hosts: ['*'] }";
    const view = router(services + gateway(http("['*']"), 'a') + gateway(tcp, 'b'));
    expect(filterOf(named(view.listeners(), '0.0.0.0_80').filter_chains?.[0]).rds?.route_config_name).toBe(
      'http.80',
    );
  });

  it('is only for the workloads that it selects', () => {
    const mesh = meshOf(services + gateway(http("['*']")));
    expect(proxyOf(mesh, 'gateway~istio-system/other', { istio: 'egressgateway' }).listeners()).toEqual([]);
  });
});

describe('a reference to no Gateway', () => {
  it('is found', () => {
    const mesh = meshOf(services + rules('web', `{ hosts: [a.com], gateways: [nowhere], ${toWeb} }`));
    expect(mesh.findings()).toEqual([
      expect.objectContaining({
        field: 'spec.gateways[0]',
        message: expect.stringContaining('default/nowhere'),
      }),
    ]);
  });
});
