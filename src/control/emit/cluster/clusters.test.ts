import { describe, expect, it } from 'vitest';
import { httpService, meshOf, named, proxyOf } from '../../../testing/compiled-mesh.ts';
import type { Cluster } from '../../../xds/resources.ts';

const host = 'reviews.default.svc.cluster.local';
const services = `${httpService('reviews', { port: 9080, versions: ['v1', 'v2'] })}\n---${httpService('web')}`;

function rule(spec: string, name = 'reviews', namespace = 'default', labels = ''): string {
  return `
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: ${name}, namespace: ${namespace}${labels} }
spec: ${spec}`;
}

function clusterOf(mesh: string, name = `outbound|9080||${host}`, who = 'sidecar~default/web-v1'): Cluster {
  return named(proxyOf(meshOf(mesh), who).clusters(), name);
}

/** HttpProtocolOptions with a traffic policy. */
function options(policy: string): unknown {
  const cluster = clusterOf(services + rule(`{ host: reviews, trafficPolicy: { ${policy} } }`));
  return cluster.typed_extension_protocol_options?.['envoy.extensions.upstreams.http.v3.HttpProtocolOptions'];
}

describe('a cluster', () => {
  it('takes endpoints by EDS, and the one of two with fewer requests', () => {
    expect(clusterOf(services)).toMatchObject({
      type: 'EDS',
      lb_policy: 'LEAST_REQUEST',
      connect_timeout: '10s',
    });
  });

  it('speaks mutual TLS to endpoints that take it, and only to those who should be there', () => {
    const [mesh, plain] = clusterOf(services).transport_socket_matches ?? [];
    expect(mesh).toMatchObject({
      match: { tlsMode: 'istio' },
      transport_socket: {
        typed_config: {
          sni: `outbound_.9080_._.${host}`,
          common_tls_context: {
            alpn_protocols: ['istio-http/1.1', 'istio', 'http/1.1'],
            tls_certificate_sds_secret_configs: [{ name: 'default', sds_config: { ads: {} } }],
            combined_validation_context: {
              default_validation_context: {
                match_typed_subject_alt_names: [
                  { matcher: { exact: 'spiffe://cluster.local/ns/default/sa/reviews' } },
                ],
              },
              validation_context_sds_secret_config: { name: 'ROOTCA' },
            },
          },
        },
      },
    });
    expect(plain).toMatchObject({
      match: {},
      transport_socket: { name: 'envoy.transport_sockets.raw_buffer' },
    });
  });

  it('obeys the policy of its rule, of its subset, and of its port', () => {
    const mesh =
      services +
      rule(`
  host: reviews
  trafficPolicy:
    loadBalancer: { simple: RANDOM }
    connectionPool: { tcp: { maxConnections: 7, connectTimeout: 250ms }, http: { http1MaxPendingRequests: 3, maxRequestsPerConnection: 9 } }
    outlierDetection: { consecutive5xxErrors: 0, interval: 5s, baseEjectionTime: 1m, maxEjectionPercent: 50 }
  subsets:
    - { name: v1, labels: { version: v1 }, trafficPolicy: { loadBalancer: { simple: ROUND_ROBIN } } }
    - { name: v2, labels: { version: v2 }, trafficPolicy: { portLevelSettings: [{ port: { number: 9080 }, loadBalancer: { simple: LEAST_REQUEST } }] } }`);
    expect(clusterOf(mesh)).toMatchObject({
      lb_policy: 'RANDOM',
      connect_timeout: '0.25s',
      circuit_breakers: { thresholds: [{ max_connections: 7, max_pending_requests: 3 }] },
      outlier_detection: {
        consecutive_5xx: 0,
        enforcing_consecutive_5xx: 0,
        interval: '5s',
        base_ejection_time: '60s',
        max_ejection_percent: 50,
      },
    });
    expect(clusterOf(mesh, `outbound|9080|v1|${host}`)).toMatchObject({
      lb_policy: 'ROUND_ROBIN',
      connect_timeout: '0.25s',
    });
    // Settings of a port replace what the levels above say, also where they are silent.
    const v2 = clusterOf(mesh, `outbound|9080|v2|${host}`);
    expect(v2).toMatchObject({ lb_policy: 'LEAST_REQUEST', connect_timeout: '10s' });
    expect(v2.outlier_detection).toBeUndefined();
  });

  it("is without TLS where the rule says so, and with the mesh's or other certificates", () => {
    const tls = (text: string) =>
      clusterOf(services + rule(`{ host: reviews, trafficPolicy: { tls: ${text} } }`));
    expect(tls('{ mode: DISABLE }').transport_socket).toBeUndefined();
    expect(tls('{ mode: DISABLE }').transport_socket_matches).toBeUndefined();
    expect(tls('{ mode: ISTIO_MUTUAL }').transport_socket?.typed_config).toMatchObject({
      sni: `outbound_.9080_._.${host}`,
    });
    expect(
      tls('{ mode: SIMPLE, sni: a.com, caCertificates: /ca.pem }').transport_socket?.typed_config,
    ).toMatchObject({
      sni: 'a.com',
      common_tls_context: { validation_context: { trusted_ca: { filename: '/ca.pem' } } },
    });
  });

  it('shows a credential at gateways, and at sidecars that the rule selects', () => {
    const tlsOf = (selector: string, who?: string) =>
      clusterOf(
        services +
          rule(
            `{ host: reviews${selector}, trafficPolicy: { tls: { mode: MUTUAL, credentialName: cred } } }`,
          ),
        undefined,
        who,
      ).transport_socket?.typed_config;
    const shown = {
      common_tls_context: {
        tls_certificate_sds_secret_configs: [{ name: 'kubernetes://cred' }],
        combined_validation_context: {
          validation_context_sds_secret_config: { name: 'kubernetes://cred-cacert' },
        },
      },
    };
    expect(tlsOf('', 'router~default/gateway')).toMatchObject(shown);
    expect(tlsOf(', workloadSelector: { matchLabels: { app: web } }')).toMatchObject(shown);
    // Others still speak TLS, and trust whom they can: not in plain text what was meant to be secret.
    expect(tlsOf('')).toMatchObject({
      common_tls_context: {
        combined_validation_context: { validation_context_sds_secret_config: { name: 'file-root:system' } },
      },
    });
    expect(JSON.stringify(tlsOf(''))).not.toContain('kubernetes://');
  });

  it('counts answers as failures that the rule names, in place of 500 and above', () => {
    const errors = (codes: string) =>
      options(`outlierDetection: { consecutive5xxErrors: 3, outlierDetectionHttpErrorCodes: ${codes} }`);
    const status = (exact: string) => ({
      http_response_headers_match: { headers: [{ name: ':status', string_match: { exact } }] },
    });
    expect(errors('[429]')).toMatchObject({ outlier_detection: { error_matcher: status('429') } });
    expect(errors('[429, 503]')).toMatchObject({
      outlier_detection: { error_matcher: { or_match: { rules: [status('429'), status('503')] } } },
    });
    expect(errors('[]')).toBeUndefined();
  });

  it('takes the idle time of TCP for HTTP too, where that has none of its own', () => {
    const idle = (pool: string) => options(`connectionPool: { ${pool} }`);
    expect(idle('tcp: { idleTimeout: 5s }')).toMatchObject({
      common_http_protocol_options: { idle_timeout: '5s' },
    });
    expect(idle('tcp: { idleTimeout: 5s }, http: { idleTimeout: 9s }')).toMatchObject({
      common_http_protocol_options: { idle_timeout: '9s' },
    });
  });

  it("offers peers' proxies what will be spoken, also where that is not what the port says", () => {
    const offers = (http: string) => {
      const cluster = clusterOf(
        services + rule(`{ host: reviews, trafficPolicy: { connectionPool: { http: { ${http} } } } }`),
      );
      const [mesh] = cluster.transport_socket_matches ?? [];
      const context = mesh?.transport_socket?.typed_config as unknown as {
        common_tls_context: { alpn_protocols: string[] };
      };
      return context.common_tls_context.alpn_protocols;
    };
    expect(offers('maxRetries: 1')).toEqual(['istio-http/1.1', 'istio', 'http/1.1']);
    expect(offers('h2UpgradePolicy: UPGRADE')).toEqual(['istio-h2', 'istio', 'h2']);
    expect(offers('useClientProtocol: true')).toEqual(['istio']);
  });

  it('has a budget of retries, for the requests of a time where one is given', () => {
    const budget = (text: string) =>
      clusterOf(services + rule(`{ host: reviews, trafficPolicy: { retryBudget: ${text} } }`))
        .circuit_breakers?.thresholds?.[0]?.retry_budget;
    expect(budget('{}')).toEqual({ budget_percent: { value: 20 }, min_retry_concurrency: 3 });
    expect(budget('{ percent: 50, minRetryConcurrency: 9, budgetInterval: 10s }')).toEqual({
      budget_percent: { value: 50 },
      min_retry_concurrency: 9,
      budget_interval: '10s',
    });
  });

  it("follows the caller's namespace, then the service's, then the root's", () => {
    const root = rule(
      `{ host: '*.default.svc.cluster.local', trafficPolicy: { loadBalancer: { simple: RANDOM } } }`,
      'all',
      'istio-system',
    );
    const own = rule('{ host: reviews, trafficPolicy: { loadBalancer: { simple: ROUND_ROBIN } } }');
    const callers = rule(
      `{ host: ${host}, trafficPolicy: { loadBalancer: { simple: LEAST_REQUEST } } }`,
      'reviews',
      'shop',
    );
    const shop = `\n---${httpService('shop', { namespace: 'shop' })}`;
    const policy = (mesh: string) => clusterOf(mesh, undefined, 'sidecar~shop/shop-v1').lb_policy;
    expect(policy(services + shop + root)).toBe('RANDOM');
    expect(policy(services + shop + root + own)).toBe('ROUND_ROBIN');
    expect(policy(services + shop + root + own + callers)).toBe('LEAST_REQUEST');
    expect(clusterOf(services + shop + root + own + callers).lb_policy).toBe('ROUND_ROBIN');
  });

  it('hashes where asked, and so do the routes to it', () => {
    const mesh =
      services +
      rule(
        '{ host: reviews, trafficPolicy: { loadBalancer: { consistentHash: { httpCookie: { name: c, ttl: 60s } } } } }',
      );
    expect(clusterOf(mesh)).toMatchObject({
      lb_policy: 'RING_HASH',
      ring_hash_lb_config: { minimum_ring_size: 1024 },
    });
    const [routes] = proxyOf(meshOf(mesh), 'sidecar~default/web-v1').routes(['9080']);
    const route = routes?.object.virtual_hosts?.[0]?.routes?.[0]?.route;
    expect(route?.hash_policy).toEqual([{ cookie: { name: 'c', ttl: '60s' } }]);
    expect(route?.retry_policy?.retry_host_predicate).toBeUndefined();
  });
});

describe('services of the world outside', () => {
  const entry = (spec: string) => `${services}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: api, namespace: default }
spec: ${spec}`;

  it('are resolved by the proxy, without TLS of the mesh', () => {
    const mesh = entry(
      '{ hosts: [api.example.com], ports: [{ number: 80, name: http, protocol: HTTP }], resolution: DNS }',
    );
    const cluster = clusterOf(mesh, 'outbound|80||api.example.com');
    expect(cluster).toMatchObject({
      type: 'STRICT_DNS',
      load_assignment: {
        endpoints: [
          {
            lb_endpoints: [
              { endpoint: { address: { socket_address: { address: 'api.example.com', port_value: 80 } } } },
            ],
          },
        ],
      },
    });
    expect(cluster.transport_socket_matches).toBeUndefined();
  });

  it('go where the client meant where nothing is to be resolved', () => {
    const mesh = entry("{ hosts: ['*.example.com'], ports: [{ number: 443, name: tls, protocol: TLS }] }");
    expect(clusterOf(mesh, 'outbound|443||*.example.com')).toMatchObject({
      type: 'ORIGINAL_DST',
      lb_policy: 'CLUSTER_PROVIDED',
    });
  });
});

describe('endpoints', () => {
  const pods = (ready: string, dataPlane: string) => `${httpService('reviews', { port: 9080, versions: [] })}
---
apiVersion: v1
kind: Pod
metadata: { name: r1, namespace: default, labels: { app: reviews, version: v1 }, annotations: { weft.dev/data-plane: ${dataPlane} } }
spec: { containers: [{ name: c, image: c }], nodeName: n1 }
status: { podIP: 10.244.0.5, conditions: [{ type: Ready, status: '${ready}' }] }
---
apiVersion: v1
kind: Node
metadata: { name: n1, labels: { topology.kubernetes.io/region: eu, topology.kubernetes.io/zone: eu-a } }`;
  const assignment = (mesh: string) => proxyOf(meshOf(mesh), 'sidecar~default/web-v1').endpoints()[0]?.object;

  it('are ready workloads, with who and where they are', () => {
    expect(assignment(pods('True', 'weft'))).toEqual({
      cluster_name: `outbound|9080||${host}`,
      endpoints: [
        {
          locality: { region: 'eu', zone: 'eu-a' },
          load_balancing_weight: 1,
          lb_endpoints: [
            {
              endpoint: { address: { socket_address: { address: '10.244.0.5', port_value: 9080 } } },
              health_status: 'HEALTHY',
              load_balancing_weight: 1,
              metadata: {
                filter_metadata: {
                  istio: { workload: 'r1;default;reviews;v1;Kubernetes' },
                  'envoy.transport_socket_match': { tlsMode: 'istio' },
                },
              },
            },
          ],
        },
      ],
    });
  });

  it('are none while they are not ready, and plain without a proxy', () => {
    expect(assignment(pods('False', 'weft'))?.endpoints).toEqual([]);
    const [endpoint] = assignment(pods('True', 'none'))?.endpoints?.[0]?.lb_endpoints ?? [];
    expect(endpoint?.metadata?.filter_metadata).not.toHaveProperty(['envoy.transport_socket_match']);
  });
});
