import { describe, expect, it } from 'vitest';
import { hostOf, httpService, meshOf, named, proxyOf } from '../../../testing/compiled-mesh.ts';

const services = [httpService('web'), httpService('api'), httpService('far', { namespace: 'shop' })].join(
  '\n---',
);
const webCluster = 'outbound|80||web.default.svc.cluster.local';
const apiCluster = 'outbound|80||api.default.svc.cluster.local';

function object(kind: string, name: string, spec: string, namespace = 'default', created = ''): string {
  const time = created === '' ? '' : `, creationTimestamp: '${created}'`;
  return `
---
apiVersion: gateway.networking.k8s.io/v1
kind: ${kind}
metadata: { name: ${name}, namespace: ${namespace}${time} }
spec: ${spec}`;
}

const plainGateway = object(
  'Gateway',
  'edge',
  '{ gatewayClassName: weft, listeners: [{ name: http, port: 80, protocol: HTTP }] }',
);

function route(rules: string, name = 'web', more = '', created = ''): string {
  return object(
    'HTTPRoute',
    name,
    `{ parentRefs: [{ name: edge }], ${more} rules: ${rules} }`,
    'default',
    created,
  );
}

const toWeb = 'backendRefs: [{ name: web, port: 80 }]';
const toApi = 'backendRefs: [{ name: api, port: 80 }]';

function edge(mesh: string) {
  return proxyOf(meshOf(services + mesh), 'gateway~istio-system/istio-ingressgateway', {
    istio: 'ingressgateway',
  });
}

function routesOf(mesh: string, host = '*') {
  return hostOf(edge(mesh), 'http.80', host).routes ?? [];
}

describe('an HTTPRoute at a Gateway', () => {
  it('is served by the ingress gateway where the Gateway has no Pods of its own', () => {
    const view = edge(plainGateway + route(`[{ ${toWeb} }]`));
    expect(view.listeners().map(({ name }) => name)).toEqual(['0.0.0.0_80']);
    expect(hostOf(view, 'http.80', '*').routes).toMatchObject([
      { match: { prefix: '/' }, route: { cluster: webCluster } },
    ]);
  });

  it('asks exact paths, long prefixes, methods, headers, then older routes', () => {
    const rules = `[
      { name: root, ${toWeb} },
      { name: regex, matches: [{ path: { type: RegularExpression, value: '/a.*' } }], ${toWeb} },
      { name: short, matches: [{ path: { value: /a } }], ${toWeb} },
      { name: method, matches: [{ path: { value: /a }, method: GET }], ${toWeb} },
      { name: header, matches: [{ path: { value: /a }, headers: [{ name: x, value: y }] }], ${toWeb} },
      { name: long, matches: [{ path: { value: /a/b/ } }], ${toWeb} },
      { name: exact, matches: [{ path: { type: Exact, value: /a } }], ${toWeb} }]`;
    const older = route(
      `[{ name: older, matches: [{ path: { value: /a } }], ${toApi} }]`,
      'zz',
      '',
      '2020-01-01T00:00:00Z',
    );
    const newer = route(rules, 'web', '', '2021-01-01T00:00:00Z');
    const names = routesOf(plainGateway + newer + older).map(({ name }) => name);
    expect(names).toEqual(['exact', 'long', 'method', 'header', 'older', 'short', 'regex', 'root']);
  });

  it('replaces prefixes with one slash between', () => {
    const rewrite = (path: string, to: string) => {
      const filter = `{ type: URLRewrite, urlRewrite: { path: { type: ReplacePrefixMatch, replacePrefixMatch: '${to}' } } }`;
      const rule = `[{ matches: [{ path: { value: ${path} } }], filters: [${filter}], ${toWeb} }]`;
      return routesOf(plainGateway + route(rule))[0]?.route;
    };
    expect(rewrite('/foo/', '/xyz/')).toMatchObject({ prefix_rewrite: '/xyz' });
    expect(rewrite('/', '/xyz')).toMatchObject({ prefix_rewrite: '/xyz/' });
    const { pattern, substitution = '' } = rewrite('/foo', '')?.regex_rewrite ?? {};
    const changed = (path: string) => path.replace(new RegExp(pattern?.regex ?? ''), substitution);
    expect(['/foo', '/foo/', '/foo/bar'].map(changed)).toEqual(['/', '/', '/bar']);
  });

  it('redirects, changes headers, mirrors a share, times out and answers CORS', () => {
    const [redirected, rest] = routesOf(
      plainGateway +
        route(`[
        { matches: [{ path: { value: /old } }], filters: [{ type: RequestRedirect, requestRedirect: { scheme: https, path: { type: ReplacePrefixMatch, replacePrefixMatch: /new } } }] },
        { filters: [
            { type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: a, value: '50%' }], remove: [b] } },
            { type: RequestMirror, requestMirror: { backendRef: { name: api, port: 80 }, fraction: { numerator: 1, denominator: 8 } } },
            { type: CORS, cors: { allowOrigins: ['https://*.example.com'], allowCredentials: true } } ],
          timeouts: { request: 2s }, ${toWeb} }]`),
    );
    expect(redirected).toMatchObject({
      match: { path_separated_prefix: '/old' },
      redirect: { scheme_redirect: 'https', prefix_rewrite: '/new', response_code: 'FOUND' },
    });
    expect(rest).toMatchObject({
      route: {
        timeout: '2s',
        request_mirror_policies: [
          { cluster: apiCluster, runtime_fraction: { default_value: { numerator: 125_000 } } },
        ],
      },
      request_headers_to_add: [{ header: { key: 'a', value: '50%%' } }],
      request_headers_to_remove: ['b'],
      typed_per_filter_config: {
        'envoy.filters.http.cors': {
          allow_origin_string_match: [{ safe_regex: { regex: 'https://.+\\.example\\.com' } }],
          max_age: '5',
          forward_not_matching_preflights: false,
        },
      },
    });
  });

  it('fails the share of a backend that is not there, and nothing of one without weight', () => {
    const [split, none, gone] = routesOf(
      plainGateway +
        route(`[
        { matches: [{ path: { value: /split } }], backendRefs: [{ name: web, port: 80, weight: 3 }, { name: nobody, port: 80 }, { name: api, port: 80, weight: 0 }] },
        { matches: [{ path: { value: /none } }], backendRefs: [{ name: web, port: 80, weight: 0 }] },
        { matches: [{ path: { value: /gone } }], backendRefs: [{ name: web, port: 81 }] }]`),
    );
    expect(split?.route).toMatchObject({
      cluster_not_found_response_code: 'INTERNAL_SERVER_ERROR',
      weighted_clusters: {
        clusters: [
          { name: webCluster, weight: 3 },
          { name: 'outbound|80||UnknownService', weight: 1 },
        ],
      },
    });
    expect(none?.direct_response).toEqual({ status: 500 });
    expect(gone?.direct_response).toEqual({ status: 500 });
  });

  it('leads into other namespaces only with their leave', () => {
    const far = route('[{ backendRefs: [{ name: far, namespace: shop, port: 80 }] }]');
    expect(routesOf(plainGateway + far)[0]?.direct_response).toEqual({ status: 500 });
    const grant = object(
      'ReferenceGrant',
      'default',
      "{ from: [{ group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: default }], to: [{ group: '', kind: Service }] }",
      'shop',
    );
    expect(routesOf(plainGateway + far + grant)[0]?.route?.cluster).toBe(
      'outbound|80||far.shop.svc.cluster.local',
    );
  });

  it('keeps the listeners of a port apart by host', () => {
    const gateway = object(
      'Gateway',
      'edge',
      `{ gatewayClassName: istio, listeners: [
        { name: any, port: 80, protocol: HTTP },
        { name: wild, port: 80, protocol: HTTP, hostname: '*.example.com' },
        { name: one, port: 80, protocol: HTTP, hostname: a.example.com } ] }`,
    );
    const onAny = object(
      'HTTPRoute',
      'any',
      `{ parentRefs: [{ name: edge, sectionName: any }], hostnames: [b.example.com, c.org], rules: [{ ${toWeb} }] }`,
    );
    const onOne = object(
      'HTTPRoute',
      'one',
      `{ parentRefs: [{ name: edge, sectionName: one }], rules: [{ ${toApi} }] }`,
    );
    const { virtual_hosts = [] } = named(edge(gateway + onAny + onOne).routes(), 'http.80');
    expect(
      virtual_hosts.map(({ domains, routes }) => [domains?.[0], routes?.[0]?.direct_response?.status]),
    ).toEqual([
      ['*.example.com', 404],
      ['a.example.com', undefined],
      ['c.org', undefined],
    ]);
  });
});

describe('Pods of a Gateway', () => {
  const pod = `
---
apiVersion: v1
kind: Pod
metadata: { name: edge-1, namespace: default, labels: { gateway.networking.k8s.io/gateway-name: edge } }
spec: { containers: [{ name: istio-proxy, image: none }] }
status: { podIP: 10.1.1.1 }`;

  it('serve it alone, and those of another namespace do not', () => {
    const mesh = services + plainGateway + route(`[{ ${toWeb} }]`) + pod;
    const labels = { 'gateway.networking.k8s.io/gateway-name': 'edge' };
    const listeners = (who: string, has: Readonly<Record<string, string>>) =>
      proxyOf(meshOf(mesh), who, has)
        .listeners()
        .map(({ name }) => name);
    expect(listeners('gateway~default/edge-1', labels)).toEqual(['0.0.0.0_80']);
    expect(listeners('gateway~shop/edge-1', labels)).toEqual([]);
    expect(listeners('gateway~istio-system/istio-ingressgateway', { istio: 'ingressgateway' })).toEqual([]);
  });
});
