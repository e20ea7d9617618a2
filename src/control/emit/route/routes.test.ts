import { describe, expect, it } from 'vitest';
import { hostOf, httpService, meshOf, proxyOf } from '../../../testing/compiled-mesh.ts';
import type { Route } from '../../../xds/resources.ts';

const host = 'reviews.default.svc.cluster.local';
const services = `${httpService('reviews', { port: 9080, versions: ['v1', 'v2'] })}
---${httpService('ratings', { port: 8000 })}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: reviews, namespace: default }
spec: { host: reviews, subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }] }`;

function meshWith(rules: string, more = ''): ReturnType<typeof meshOf> {
  return meshOf(`${services}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: reviews, namespace: default }
spec:
  hosts: [reviews]
  http:
${rules.replace(/^/gm, '    ')}
${more}`);
}

function routesOf(rules: string, who = 'sidecar~default/reviews-v1', labels = {}): readonly Route[] {
  return hostOf(proxyOf(meshWith(rules), who, labels), '9080', host).routes ?? [];
}

function routeOf(rule: string): Route {
  return routesOf(rule)[0] ?? {};
}

const toV1 = 'route: [{ destination: { host: reviews, subset: v1 } }]';

describe('a host without rules', () => {
  it('goes to its service, with two more tries and no timeout', () => {
    const [route] =
      hostOf(proxyOf(meshOf(services), 'sidecar~default/reviews-v1'), '9080', host).routes ?? [];
    expect(route).toMatchObject({
      name: 'default',
      match: { prefix: '/' },
      route: {
        cluster: `outbound|9080||${host}`,
        timeout: '0s',
        retry_policy: {
          retry_on: 'connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes',
          num_retries: 2,
          host_selection_retry_max_attempts: 5,
        },
      },
    });
  });
});

describe('matches', () => {
  it.each([
    ['uri: { exact: /a }', { path: '/a' }],
    ['uri: { prefix: /a }', { prefix: '/a' }],
    ['uri: { regex: "/a.*" }', { safe_regex: { regex: '/a.*' } }],
    ['{ uri: { prefix: /A }, ignoreUriCase: true }', { prefix: '/A', case_sensitive: false }],
    ['{ uri: { regex: "/A" }, ignoreUriCase: true }', { safe_regex: { regex: '(?i)/A' } }],
    [
      'headers: { end-user: { exact: jason } }',
      { prefix: '/', headers: [{ name: 'end-user', string_match: { exact: 'jason' } }] },
    ],
    ['headers: { end-user: {} }', { prefix: '/', headers: [{ name: 'end-user', present_match: true }] }],
    [
      'method: { exact: PUT }',
      { prefix: '/', headers: [{ name: ':method', string_match: { exact: 'PUT' } }] },
    ],
    [
      'authority: { prefix: a }',
      { prefix: '/', headers: [{ name: ':authority', string_match: { prefix: 'a' } }] },
    ],
    [
      'scheme: { exact: https }',
      { prefix: '/', headers: [{ name: ':scheme', string_match: { exact: 'https' } }] },
    ],
    [
      'queryParams: { q: { exact: "1" } }',
      { prefix: '/', query_parameters: [{ name: 'q', string_match: { exact: '1' } }] },
    ],
    [
      'withoutHeaders: { x: { exact: y } }',
      {
        prefix: '/',
        headers: [
          {
            name: 'x',
            string_match: { exact: 'y' },
            invert_match: true,
            treat_missing_header_as_empty: true,
          },
        ],
      },
    ],
    [
      'withoutHeaders: { x: {} }',
      { prefix: '/', headers: [{ name: 'x', present_match: true, invert_match: true }] },
    ],
  ])('%s', (match, expected) => {
    const flow = match.startsWith('{') ? match : `{ ${match} }`;
    expect(routeOf(`- match: [${flow}]\n  ${toV1}`).match).toEqual(expected);
  });

  it('make one route each, and nothing follows one that takes everything', () => {
    const routes = routesOf(`
- name: first
  match: [{ name: a, uri: { prefix: /a } }, { uri: { prefix: /b } }, { uri: { prefix: / } }]
  ${toV1}
- name: never
  ${toV1}`);
    expect(routes.map(({ name, match }) => [name, match?.prefix])).toEqual([
      ['first.a', '/a'],
      ['first', '/b'],
      ['first', '/'],
    ]);
  });

  it('tell callers by port, labels and namespace', () => {
    const rules = `
- match: [{ port: 1234 }]
  ${toV1}
- name: from-ratings
  match: [{ sourceLabels: { app: ratings } }]
  ${toV1}
- name: from-elsewhere
  match: [{ sourceNamespace: elsewhere }]
  ${toV1}
- name: others
  ${toV1}`;
    const names = (who: string) => routesOf(rules, who).map(({ name }) => name);
    expect(names('sidecar~default/ratings-v1')).toEqual(['from-ratings']);
    expect(names('sidecar~default/reviews-v1')).toEqual(['others']);
    expect(names('sidecar~elsewhere/unknown')).toEqual(['from-elsewhere']);
  });
});

describe('where a route leads', () => {
  it('is one cluster, or several by weight; those that get nothing are left out', () => {
    expect(routeOf(`- ${toV1}`).route?.cluster).toBe(`outbound|9080|v1|${host}`);
    const rule = `
- route:
    - { destination: { host: reviews, subset: v1 }, weight: 75 }
    - { destination: { host: reviews, subset: v2 }, weight: 25 }
    - { destination: { host: ratings }, weight: 0 }`;
    expect(routeOf(rule).route?.weighted_clusters?.clusters).toEqual([
      { name: `outbound|9080|v1|${host}`, weight: 75 },
      { name: `outbound|9080|v2|${host}`, weight: 25 },
    ]);
  });

  it('takes the port that is written, else the only one of the service, else the one that was called', () => {
    const cluster = (destination: string) =>
      routeOf(`- route: [{ destination: ${destination} }]`).route?.cluster;
    expect(cluster('{ host: ratings }')).toBe('outbound|8000||ratings.default.svc.cluster.local');
    expect(cluster('{ host: ratings, port: { number: 1 } }')).toBe(
      'outbound|1||ratings.default.svc.cluster.local',
    );
    expect(cluster('{ host: unknown.example.com }')).toBe('outbound|9080||unknown.example.com');
  });

  it('may be an answer', () => {
    expect(routeOf('- redirect: { uri: /new, authority: b.com, redirectCode: 302 }').redirect).toEqual({
      path_redirect: '/new',
      host_redirect: 'b.com',
      response_code: 'FOUND',
    });
    expect(routeOf('- directResponse: { status: 418, body: { string: tea } }').direct_response).toEqual({
      status: 418,
      body: { inline_string: 'tea' },
    });
  });
});

describe('what happens on the way', () => {
  it('leaves the time to callers of gRPC where no rule says one', () => {
    const { route } = routeOf(`- ${toV1}`);
    expect(route).toMatchObject({ timeout: '0s', max_stream_duration: { grpc_timeout_header_max: '0s' } });
    expect(route?.max_grpc_timeout).toBeUndefined();
  });

  it('is written by the rule', () => {
    const { route, ...rest } = routeOf(`
- ${toV1}
  timeout: 1.5s
  retries: { attempts: 3, perTryTimeout: 500ms, retryOn: '5xx,429', retryIgnorePreviousHosts: false, backoff: 30ms }
  rewrite: { uri: /b, authority: other }
  mirror: { host: ratings }
  mirrorPercentage: { value: 12.5 }
  headers: { request: { set: { x-a: a }, add: { x-b: b }, remove: [x-c] }, response: { remove: [server] } }`);
    expect(route).toMatchObject({
      timeout: '1.5s',
      max_grpc_timeout: '1.5s',
      retry_policy: {
        num_retries: 3,
        per_try_timeout: '0.5s',
        retry_on: '5xx,retriable-status-codes',
        retriable_status_codes: [429],
        retry_back_off: { base_interval: '0.03s' },
      },
      prefix_rewrite: '/b',
      host_rewrite_literal: 'other',
      request_mirror_policies: [
        {
          cluster: 'outbound|8000||ratings.default.svc.cluster.local',
          runtime_fraction: { default_value: { numerator: 125_000, denominator: 'MILLION' } },
          disable_shadow_host_suffix_append: true,
        },
      ],
    });
    expect(route?.retry_policy?.retry_host_predicate).toBeUndefined();
    expect(rest).toMatchObject({
      request_headers_to_add: [
        { header: { key: 'x-a', value: 'a' }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' },
        { header: { key: 'x-b', value: 'b' }, append_action: 'APPEND_IF_EXISTS_OR_ADD' },
      ],
      request_headers_to_remove: ['x-c'],
      response_headers_to_remove: ['server'],
    });
  });

  it('includes faults and CORS, for their filters', () => {
    const rule = `
- ${toV1}
  fault: { delay: { fixedDelay: 2s, percentage: { value: 10 } }, abort: { httpStatus: 503, percentage: { value: 0.1 } } }
  corsPolicy: { allowOrigins: [{ exact: https://a.com }], allowMethods: [GET, PUT], maxAge: 24h }`;
    expect(routeOf(rule).typed_per_filter_config).toMatchObject({
      'envoy.filters.http.fault': {
        delay: { fixed_delay: '2s', percentage: { numerator: 100_000 } },
        abort: { http_status: 503, percentage: { numerator: 1000 } },
      },
      'envoy.filters.http.cors': {
        allow_origin_string_match: [{ exact: 'https://a.com' }],
        allow_methods: 'GET,PUT',
        max_age: '86400',
      },
    });
  });

  it('has no retries where they are turned off', () => {
    expect(routeOf(`- ${toV1}\n  retries: { attempts: 0 }`).route?.retry_policy).toBeUndefined();
  });

  it('names the rule that decided', () => {
    expect(routeOf(`- ${toV1}`).metadata?.filter_metadata).toEqual({
      istio: { config: '/apis/networking.istio.io/v1/namespaces/default/virtual-service/reviews' },
      weft: { field: 'spec.http[0]' },
    });
  });
});

describe('hosts', () => {
  it('that no service has are there for rules that name them, on port 80', () => {
    const mesh = meshOf(`${services}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: outside, namespace: default }
spec: { hosts: [api.example.com], http: [{ route: [{ destination: { host: ratings } }] }] }
---${httpService('web')}`);
    const view = proxyOf(mesh, 'sidecar~default/web-v1');
    expect(hostOf(view, '80', 'api.example.com').routes?.[0]?.route?.cluster).toBe(
      'outbound|8000||ratings.default.svc.cluster.local',
    );
  });

  it('are decided about by the narrowest pattern', () => {
    const rule = (name: string, pattern: string) => `
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${name}, namespace: default }
spec: { hosts: ['${pattern}'], http: [{ name: ${name}, route: [{ destination: { host: ratings } }] }] }`;
    const mesh = meshOf(
      services +
        rule('a-wide', '*.cluster.local') +
        rule('narrow', '*.default.svc.cluster.local') +
        rule('exact', 'ratings'),
    );
    const view = proxyOf(mesh, 'sidecar~default/reviews-v1');
    expect(hostOf(view, '9080', host).routes?.[0]?.name).toBe('narrow');
    expect(hostOf(view, '8000', 'ratings').routes?.[0]?.name).toBe('exact');
  });

  it('are found whatever their case, and with a final dot', () => {
    const mesh = meshOf(`${services}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: reviews, namespace: default }
spec: { hosts: [Reviews.default.svc.cluster.local], http: [{ directResponse: { status: 418 } }] }`);
    const found = hostOf(proxyOf(mesh, 'sidecar~default/reviews-v1'), '9080', `${host}.`);
    expect(found.routes?.[0]?.direct_response?.status).toBe(418);
  });

  it('count before short names of services', () => {
    const mesh = meshOf(`${services}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: short, namespace: default }
spec: { hosts: [reviews.default, ratings], http: [{ directResponse: { status: 418 } }] }`);
    const view = proxyOf(mesh, 'sidecar~default/reviews-v1');
    // Rules about ratings, which has port 8000, are about their other hosts there, too.
    expect(hostOf(view, '8000', 'reviews.default').routes?.[0]?.direct_response?.status).toBe(418);
    expect(hostOf(view, '9080', 'reviews.default').name).toBe(`${host}:9080`);
  });

  it('that no service has at port 80 are there for rules that name them', () => {
    const web = httpService('web');
    const mesh = meshOf(`${services}
---${web}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: reviews, namespace: default }
spec: { hosts: [reviews], http: [{ directResponse: { status: 418 } }] }`);
    const view = proxyOf(mesh, 'sidecar~default/reviews-v1');
    expect(hostOf(view, '80', host).routes?.[0]?.direct_response?.status).toBe(418);
  });

  it('are decided about by the oldest object that has routes for the caller', () => {
    const rules = (name: string, created: string, rest: string) => `
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${name}, namespace: default, creationTimestamp: '${created}' }
spec: { hosts: [reviews], ${rest} }`;
    const mesh = meshOf(
      services +
        rules('a', '2024-01-01T00:00:00Z', 'tcp: [{ route: [{ destination: { host: ratings } }] }]') +
        rules(
          'b',
          '2024-01-02T00:00:00Z',
          'http: [{ match: [{ sourceLabels: { app: nobody } }], directResponse: { status: 400 } }]',
        ) +
        rules('c', '2024-01-03T00:00:00Z', 'http: [{ directResponse: { status: 418 } }]'),
    );
    const view = proxyOf(mesh, 'sidecar~default/reviews-v1');
    expect(hostOf(view, '9080', host).routes?.[0]?.direct_response?.status).toBe(418);
  });

  it('may be other names of a service, with rules of their own', () => {
    const alias = `
---
apiVersion: v1
kind: Service
metadata: { name: old, namespace: default }
spec: { type: ExternalName, externalName: ${host}, ports: [{ name: http, port: 9080 }] }`;
    const rules = `
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: old, namespace: default }
spec: { hosts: [old], http: [{ directResponse: { status: 418 } }] }`;
    const hostFor = (mesh: string) =>
      hostOf(proxyOf(meshOf(services + mesh), 'sidecar~default/reviews-v1'), '9080', 'old');
    expect(hostFor(alias).name).toBe(`${host}:9080`);
    expect(hostFor(alias + rules).name).toBe('old.default.svc.cluster.local:9080');
    expect(hostFor(alias + rules).routes?.[0]?.direct_response?.status).toBe(418);
  });
});

describe('the options of a rule', () => {
  it('name statistics of the requests that match', () => {
    expect(routeOf(`- match: [{ uri: { prefix: /a }, statPrefix: a }]\n  ${toV1}`).stat_prefix).toBe('a');
  });

  it('hash by the rule of the port that a destination has in truth, and try other endpoints where told to', () => {
    const policy = `
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: ratings, namespace: default }
spec:
  host: ratings
  trafficPolicy:
    portLevelSettings:
      - port: { number: 8000 }
        loadBalancer: { consistentHash: { httpHeaderName: x-user } }`;
    const routeTo = (retries: string) => {
      const mesh = meshWith(`- route: [{ destination: { host: ratings } }]\n${retries}`, policy);
      return hostOf(proxyOf(mesh, 'sidecar~default/reviews-v1'), '9080', host).routes?.[0]?.route;
    };
    expect(routeTo('')?.hash_policy).toEqual([{ header: { header_name: 'x-user' } }]);
    expect(routeTo('')?.retry_policy?.retry_host_predicate).toBeUndefined();
    const told = routeTo('  retries: { attempts: 1, retryIgnorePreviousHosts: true }');
    expect(told?.retry_policy?.retry_host_predicate).toHaveLength(1);
    const not = routeOf(`- retries: { attempts: 1, retryIgnorePreviousHosts: false }\n  ${toV1}`);
    expect(not.route?.retry_policy?.retry_host_predicate).toBeUndefined();
  });
});

describe('an alias with rules of its own', () => {
  it('has its short names, too: no two hosts have one', () => {
    const alias = `---
apiVersion: v1
kind: Service
metadata: { name: stars, namespace: default }
spec: { type: ExternalName, externalName: ratings.default.svc.cluster.local, ports: [{ name: http, port: 8000 }] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: stars, namespace: default }
spec: { hosts: [stars], http: [{ route: [{ destination: { host: reviews, port: { number: 9080 } } }] }] }
`;
    const view = proxyOf(meshOf(`${services}\n${alias}`), 'sidecar~default/reviews-v1');
    const [table] = view.routes(['8000']);
    const domains = (table?.object.virtual_hosts ?? []).flatMap((one) => one.domains ?? []);
    expect(domains.length).toBe(new Set(domains).size);
    expect(hostOf(view, '8000', 'stars').name).toBe('stars.default.svc.cluster.local:8000');
  });
});
