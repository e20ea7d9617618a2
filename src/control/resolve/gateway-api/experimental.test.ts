import { describe, expect, it } from 'vitest';
import { httpService, meshOf, named, proxyOf } from '../../../testing/compiled-mesh.ts';
import { gatewayApiObject as object } from '../../../testing/gateway-api.ts';

const experimental = (kind: string, name: string, spec: string): string =>
  `\n---\napiVersion: gateway.networking.x-k8s.io/v1alpha1\nkind: ${kind}\nmetadata: { name: ${name} }\nspec: ${spec}`;

const edge = object(
  'Gateway',
  'edge',
  '{ gatewayClassName: weft, allowedListeners: { namespaces: { from: Same } }, listeners: [{ name: http, port: 80, protocol: HTTP }] }',
);
const route = (backend: string): string =>
  object('HTTPRoute', 'web', `{ parentRefs: [{ name: edge }], rules: [{ backendRefs: [${backend}] }] }`);

function statusOf(mesh: string, kind: string, name: string) {
  const { status } =
    meshOf(httpService('web') + edge + mesh)
      .gatewayApiStatuses()
      .find(({ key }) => key.kind === kind && key.name === name) ?? {};
  const all = [
    ...(status?.conditions ?? []),
    ...(status?.ancestors ?? []).flatMap(({ conditions }) => conditions),
  ];
  return { status, texts: all.map(({ type, status, reason }) => `${type}=${status}/${reason}`) };
}

describe('kinds that are tried out', () => {
  it('a mesh says whether it is this one, and what it can do', () => {
    const ours = experimental('XMesh', 'ours', '{ controllerName: weft.dev/gateway-controller }');
    const theirs = experimental('XMesh', 'theirs', '{ controllerName: example.com/mesh }');
    const { status, texts } = statusOf(ours + theirs, 'XMesh', 'ours');
    expect(texts).toEqual(['Accepted=True/Accepted']);
    expect(status?.supportedFeatures).toContainEqual({ name: 'MeshConsumerRoute' });
    expect(statusOf(ours + theirs, 'XMesh', 'theirs').status).toBeUndefined();
    const lost = experimental(
      'XMesh',
      'ours',
      "{ controllerName: weft.dev/gateway-controller, parametersRef: { group: '', kind: ConfigMap, name: none } }",
    );
    expect(statusOf(lost, 'XMesh', 'ours').texts).toEqual(['Accepted=False/InvalidParameters']);
  });

  it('a backend is told by the Gateways that lead to it why it cannot be had', () => {
    const to = '{ group: gateway.networking.x-k8s.io, kind: XBackend, name: b }';
    const backend = (tls: string): string =>
      experimental(
        'XBackend',
        'b',
        `{ type: ExternalHostname, port: { number: 443 }, externalHostname: { hostname: a.example.com }, tls: ${tls} }`,
      );
    expect(statusOf(route(to) + backend('{ mode: ServerOnly }'), 'XBackend', 'b').texts).toEqual([
      'Accepted=True/Accepted',
    ]);
    const refused = backend('{ mode: ClientAndServer, clientCertificateRef: { name: own } }');
    expect(statusOf(route(to) + refused, 'XBackend', 'b').texts).toEqual(['Accepted=False/UnsupportedValue']);
    expect(statusOf(refused, 'XBackend', 'b').status).toBeUndefined();
  });

  it('a backend is a cluster, and nothing that is called by a name', () => {
    const mesh = experimental(
      'XBackend',
      'b',
      '{ type: ExternalHostname, port: { number: 443 }, externalHostname: { hostname: a.example.com }, tls: { mode: ServerOnly } }',
    );
    const proxy = proxyOf(meshOf(httpService('web') + mesh), 'web');
    const cluster = named(proxy.clusters(), 'outbound|443||b.default.xbackend.weft.dev');
    expect(cluster).toMatchObject({
      type: 'STRICT_DNS',
      transport_socket: { typed_config: { sni: 'a.example.com' } },
    });
    expect(proxy.listeners().map(({ name }) => name)).not.toContain('0.0.0.0_443');
    expect(proxy.routes().map(({ name }) => name)).not.toContain('443');
  });

  it('the oldest policy of a Service counts, with its limit of retries', () => {
    const policy = (name: string, percent: number): string =>
      experimental(
        'XBackendTrafficPolicy',
        name,
        `{ targetRefs: [{ group: '', kind: Service, name: web }], retryConstraint: { budget: { percent: ${percent} } } }`,
      );
    const mesh = policy('a', 7) + policy('b', 8);
    expect(statusOf(mesh, 'XBackendTrafficPolicy', 'a').texts).toEqual(['Accepted=True/Accepted']);
    expect(statusOf(mesh, 'XBackendTrafficPolicy', 'b').texts).toEqual(['Accepted=False/Conflicted']);
    const proxy = proxyOf(meshOf(httpService('web') + mesh), 'web');
    expect(named(proxy.clusters(), 'outbound|80||web.default.svc.cluster.local')).toMatchObject({
      circuit_breakers: {
        thresholds: [
          {
            retry_budget: { budget_percent: { value: 7 }, budget_interval: '10s', min_retry_concurrency: 10 },
          },
        ],
      },
    });
  });

  it('listeners of a set are told as those of its later name', () => {
    const set = experimental(
      'XListenerSet',
      'more',
      '{ parentRef: { name: edge }, listeners: [{ name: other, port: 81, protocol: HTTP }] }',
    );
    const to = object(
      'HTTPRoute',
      'web',
      '{ parentRefs: [{ group: gateway.networking.x-k8s.io, kind: XListenerSet, name: more }], rules: [{ backendRefs: [{ name: web, port: 80 }] }] }',
    );
    expect(statusOf(set + to, 'XListenerSet', 'more').status?.listeners).toMatchObject([
      { name: 'other', port: 81, attachedRoutes: 1 },
    ]);
    expect(statusOf(set, 'Gateway', 'edge').status?.attachedListenerSets).toBe(1);
  });
});
