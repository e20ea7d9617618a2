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
    for (const name of ['PassthroughCluster', 'InboundPassthroughCluster'])
      expect(
        named(proxyOf(meshOf(mesh), 'sidecar~default/web-v1').clusters(), name).upstream_connection_options,
      ).toEqual({
        tcp_keepalive: { keepalive_probes: 4, keepalive_time: 60 },
      });
  });

  it('come from the default traffic policy, of which a rule replaces whole blocks', () => {
    const policy =
      '{tcpKeepalive: {time: 60s}, defaultTrafficPolicy: {connectionPool: {tcp: {maxConnections: 5}, http: {maxRetries: 2}}, outlierDetection: {consecutive5xxErrors: 7}}}';
    expect(clusterOf(services + config(policy))).toMatchObject({
      circuit_breakers: { thresholds: [{ max_connections: 5, max_retries: 2 }] },
      outlier_detection: { consecutive_5xx: 7 },
    });
    const mesh = services + config(policy) + rule('{ connectionPool: { tcp: { maxConnections: 9 } } }');
    expect(clusterOf(mesh)).toMatchObject({
      circuit_breakers: { thresholds: [{ max_connections: 9, max_retries: 4_294_967_295 }] },
      outlier_detection: { consecutive_5xx: 7 },
      upstream_connection_options: { tcp_keepalive: { keepalive_time: 60 } },
    });
  });

  it('say how requests are tried again', () => {
    const mesh = services + config('{defaultHttpRetryPolicy: {attempts: 4, retryOn: gateway-error}}');
    const [route] = hostOf(proxyOf(meshOf(mesh), web), '9080', host).routes ?? [];
    expect(route?.route?.retry_policy).toMatchObject({ num_retries: 4, retry_on: 'gateway-error' });
  });
});

describe('the mesh', () => {
  it('says how long clients are waited for to tell their protocol', () => {
    const view = proxyOf(meshOf(services + config('{protocolDetectionTimeout: 5s}')), web);
    for (const name of ['virtualInbound', '0.0.0.0_9080'])
      expect(named(view.listeners(), name)).toMatchObject({
        listener_filters_timeout: '5s',
        continue_on_listener_filters_timeout: true,
      });
  });

  it('says what TLS between workloads is spoken with', () => {
    const mesh =
      services +
      config('{meshMTLS: {minProtocolVersion: TLSV1_3, cipherSuites: [ECDHE-ECDSA-AES128-GCM-SHA256]}}');
    const chains = named(proxyOf(meshOf(mesh), web).listeners(), 'virtualInbound').filter_chains ?? [];
    const socket = chains.find(({ transport_socket }) => transport_socket !== undefined)?.transport_socket;
    expect(socket?.typed_config).toMatchObject({
      common_tls_context: {
        tls_params: {
          tls_minimum_protocol_version: 'TLSv1_3',
          tls_maximum_protocol_version: 'TLSv1_3',
          cipher_suites: ['ECDHE-ECDSA-AES128-GCM-SHA256'],
        },
      },
    });
  });

  it('says which namespaces are looked at', () => {
    const elsewhere = `\n---${httpService('secret', { namespace: 'hidden' })}`;
    const namespace = `
---
apiVersion: v1
kind: Namespace
metadata: { name: hidden, labels: { mesh: joined } }`;
    const names = (mesh: string) =>
      proxyOf(meshOf(services + elsewhere + mesh), web)
        .clusters()
        .map(({ name }) => name);
    const secret = 'outbound|80||secret.hidden.svc.cluster.local';
    const selectors = (text: string) => config(`{discoverySelectors: [${text}]}`);
    expect(names('')).toContain(secret);
    expect(names(selectors('{matchLabels: {kubernetes.io/metadata.name: default}}'))).not.toContain(secret);
    expect(names(namespace + selectors('{matchLabels: {mesh: joined}}'))).toContain(secret);
    expect(names(namespace + selectors('{matchLabels: {mesh: joined}}'))).not.toContain(
      `outbound|9080||${host}`,
    );
  });

  it('says what proxies write of themselves, and of clients', () => {
    const written =
      '{defaultConfig: {proxyHeaders: {requestId: {disabled: true}, envoyDebugHeaders: {disabled: true}, server: {value: shop}, forwardedClientCert: SANITIZE}}}';
    const chains = named(
      proxyOf(meshOf(services + config(written)), web).listeners(),
      'virtualInbound',
    ).filter_chains;
    const manager = filterOf(chains?.find(({ name }) => name === '0.0.0.0_80'));
    expect(manager).toMatchObject({
      generate_request_id: false,
      server_name: 'shop',
      forward_client_cert_details: 'SANITIZE',
    });
    expect(manager.set_current_client_cert_details).toBeUndefined();
    expect(manager.http_filters?.at(-1)?.typed_config).toMatchObject({ suppress_envoy_headers: true });
  });

  it('says which parts of certificates workloads are told, which port was called, and how names are written', () => {
    const written =
      '{defaultConfig: {proxyHeaders: {setCurrentClientCertDetails: {subject: false, cert: true, chain: true}, xForwardedPort: {enabled: true}, preserveHttp1HeaderCase: true}}}';
    const view = proxyOf(meshOf(services + config(written)), web);
    const chains = named(view.listeners(), 'virtualInbound').filter_chains;
    const format = {
      stateful_formatter: { name: 'envoy.http.stateful_header_formatters.preserve_case' },
    };
    expect(filterOf(chains?.find(({ name }) => name === '0.0.0.0_80'))).toMatchObject({
      set_current_client_cert_details: { subject: false, cert: true, chain: true, dns: true, uri: true },
      append_x_forwarded_port: true,
      http_protocol_options: { header_key_format: format },
    });
    const optionsOf = (cluster: string) =>
      named(view.clusters(), cluster).typed_extension_protocol_options?.[
        'envoy.extensions.upstreams.http.v3.HttpProtocolOptions'
      ];
    for (const cluster of [`outbound|9080||${host}`, 'inbound|80||'])
      expect(optionsOf(cluster)).toMatchObject({
        explicit_http_config: { http_protocol_options: { header_key_format: format } },
      });
    expect(optionsOf('PassthroughCluster')).toMatchObject({
      use_downstream_protocol_config: { http_protocol_options: { header_key_format: format } },
    });
  });

  it('limits connections of clients', () => {
    const written =
      '{defaultConfig: {connectionSettings: {httpIdleTimeout: 10s, httpMaxConnectionDuration: 60s, httpMaxStreamDuration: 20s, httpStreamIdleTimeout: 5s, httpRequestTimeout: 4s, httpRequestHeadersTimeout: 3s, httpDrainTimeout: 2s, httpMaxConcurrentStreams: 7, http2InitialStreamWindowSize: 65535, httpPathWithEscapedSlashesAction: REJECT_REQUEST, clusterPerConnectionBufferLimitBytes: 9000}}}';
    const view = proxyOf(meshOf(services + config(written)), web);
    const chains = named(view.listeners(), 'virtualInbound').filter_chains;
    expect(filterOf(chains?.find(({ name }) => name === '0.0.0.0_80'))).toMatchObject({
      common_http_protocol_options: {
        idle_timeout: '10s',
        max_connection_duration: '60s',
        max_stream_duration: '20s',
      },
      stream_idle_timeout: '5s',
      request_timeout: '4s',
      request_headers_timeout: '3s',
      drain_timeout: '2s',
      http2_protocol_options: { max_concurrent_streams: 7, initial_stream_window_size: 65_535 },
      path_with_escaped_slashes_action: 'REJECT_REQUEST',
    });
    expect(clusterOf(services + config(written)).per_connection_buffer_limit_bytes).toBe(9000);
  });

  it('says whether applications are called at 127.0.0.1', () => {
    const at = (mesh: string) => named(proxyOf(meshOf(mesh), web).clusters(), 'inbound|80||');
    expect(at(services).type).toBe('ORIGINAL_DST');
    expect(at(services + config('{inboundTrafficPolicy: {mode: LOCALHOST}}'))).toMatchObject({
      type: 'STATIC',
      load_assignment: {
        endpoints: [
          {
            lb_endpoints: [
              { endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: 80 } } } },
            ],
          },
        ],
      },
    });
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
    // So do requests at ports that nobody has.
    const [, http] = named(view.listeners(), 'virtualOutbound').filter_chains ?? [];
    expect(http?.filter_chain_match).toEqual({ application_protocols: ['http/1.0', 'http/1.1', 'h2c'] });
    expect(filterOf(http).route_config?.virtual_hosts?.[0]?.routes?.[0]?.route?.cluster).toBe(
      'AllowAnyDynamicDNSCluster',
    );
    // Bytes name no host: they go where the client wanted.
    expect(filterOf(named(view.listeners(), 'virtualOutbound').filter_chains?.at(-1)).cluster).toBe(
      'PassthroughCluster',
    );
  });

  it('are called by TLS where the mesh says so, each by its own name', () => {
    const policy = '{outboundTrafficPolicy: {mode: ALLOW_ANY_DYNAMIC_DNS, tls: {mode: SIMPLE}}}';
    const cluster = named(
      proxyOf(meshOf(services + config(policy)), web).clusters(),
      'AllowAnyDynamicDNSCluster',
    );
    expect(cluster.transport_socket?.name).toBe('envoy.transport_sockets.tls');
    expect(JSON.stringify(cluster.typed_extension_protocol_options)).toContain('"auto_sni":true');
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
