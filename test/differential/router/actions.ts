import { any, type Route, type RouteAction } from '../../../src/xds/resources.ts';
import { get, head, type RouterCase } from '../cases.ts';

// What routes do: redirects, answers of their own, rewrites of host and path, clusters.

type Redirect = NonNullable<Route['redirect']>;

const PATHS = ['/old/x', '/old', '/oldx?q=1', '/old/x?q=1', '/old?'];

function redirect(name: string, action: Redirect, requests = PATHS.map((path) => get(path))): RouterCase {
  return { name: `redirect ${name}`, routes: [{ match: { prefix: '/old' }, redirect: action }], requests };
}

function forward(
  name: string,
  action: RouteAction,
  requests: readonly string[],
  match: Route['match'] = { prefix: '/' },
): RouterCase {
  const target = action.cluster_header === undefined ? { cluster: 'a' } : {};
  return { name, routes: [{ match, route: { ...target, ...action } }], requests };
}

const rewrite = (regex: string, substitution: string) => ({ pattern: { regex }, substitution });

const template = (path_template: string, path_template_rewrite: string): RouterCase => ({
  name: `template ${path_template} -> ${path_template_rewrite}`,
  routes: [
    {
      match: {
        path_match_policy: {
          name: 'envoy.path.match.uri_template.uri_template_matcher',
          typed_config: any('envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig', {
            path_template,
          }),
        },
      },
      route: {
        cluster: 'a',
        path_rewrite_policy: {
          name: 'envoy.path.rewrite.uri_template.uri_template_rewriter',
          typed_config: any('envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig', {
            path_template_rewrite,
          }),
        },
      },
    },
  ],
  requests: ['/a/b/c', '/a/b/c?x=/y', '/a/b/', '/a/%20/c'].map((path) => get(path)),
});

const HOSTS = [
  'a.test',
  'a.test:80',
  'a.test:443',
  'a.test:8080',
  '[::1]:80',
  '[::1]',
  '1.2.3.4:80',
  'A.test:80',
];

export const cases: readonly RouterCase[] = [
  forward('original path that is there', { prefix_rewrite: '/new' }, [
    get('/', 'x-envoy-original-path: /zz'),
    get('/new'),
  ]),
  forward('original host that is there', { host_rewrite_literal: 'new.test' }, [
    get('/', 'x-envoy-original-host: zz'),
  ]),
  forward('both rewrites', { host_rewrite_literal: 'new.test', prefix_rewrite: '/new' }, [get('/a/b')]),
  redirect('nothing', {}),
  redirect(
    'https',
    { https_redirect: true },
    HOSTS.map((host) => get('/old', `host: ${host}`)),
  ),
  redirect(
    'https from https',
    { https_redirect: true },
    HOSTS.map((host) => get('/old', `host: ${host}`, 'x-forwarded-proto: https')),
  ),
  redirect(
    'scheme',
    { scheme_redirect: 'https' },
    HOSTS.map((host) => get('/old', `host: ${host}`)),
  ),
  redirect(
    'odd scheme',
    { scheme_redirect: 'ftp' },
    HOSTS.map((host) => get('/old', `host: ${host}`)),
  ),
  redirect(
    'scheme to http',
    { scheme_redirect: 'http' },
    HOSTS.map((host) => get('/old', `host: ${host}`, 'x-forwarded-proto: https')),
  ),
  redirect(
    'port',
    { port_redirect: 8080 },
    HOSTS.map((host) => get('/old', `host: ${host}`)),
  ),
  redirect(
    'port 443',
    { port_redirect: 443, https_redirect: true },
    HOSTS.map((host) => get('/old', `host: ${host}`)),
  ),
  redirect(
    'host',
    { host_redirect: 'new.test' },
    HOSTS.map((host) => get('/old', `host: ${host}`)),
  ),
  redirect('host with port', { host_redirect: 'new.test:81', port_redirect: 82 }),
  redirect('path', { path_redirect: '/new' }),
  redirect('path with query', { path_redirect: '/new?a=b' }),
  redirect('path with fragment', { path_redirect: '/new#f' }),
  redirect('path, no query', { path_redirect: '/new', strip_query: true }),
  redirect('path with query, no query', { path_redirect: '/new?a=b', strip_query: true }),
  redirect('prefix', { prefix_rewrite: '/new' }),
  redirect('prefix, no query', { prefix_rewrite: '/new', strip_query: true }),
  redirect('prefix with slash', { prefix_rewrite: '/' }),
  redirect('regex', { regex_rewrite: rewrite('/o(l)d', '/\\1\\1') }),
  redirect('regex and query', { regex_rewrite: rewrite('q', 'Q'), strip_query: false }),
  redirect('operator', { path_redirect: '/%REQ(x-h)%' }, [get('/old', 'x-h: 1')]),
  ...['FOUND', 'SEE_OTHER', 'TEMPORARY_REDIRECT', 'PERMANENT_REDIRECT', 'MOVED_PERMANENTLY'].map(
    (response_code) =>
      redirect(response_code, { response_code: response_code as never, host_redirect: 'x' }, [
        get('/old'),
        head('POST', '/old', 'content-length: 0'),
        head('HEAD', '/old'),
      ]),
  ),
  redirect('the same place', { path_redirect: '/old' }, [get('/old')]),
  {
    name: 'redirect with header operations',
    routes: [
      {
        match: { prefix: '/' },
        redirect: { host_redirect: 'x' },
        response_headers_to_add: [
          { header: { key: 'x-a', value: '1' } },
          { header: { key: 'location', value: 'y' }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' },
        ],
        response_headers_to_remove: ['server'],
      },
    ],
    requests: [get('/')],
  },
  // Statuses without a body: Envoy sends one all the same, weft does not.
  ...[200, 404, 418, 503].map(
    (status): RouterCase => ({
      name: `direct ${status}`,
      routes: [{ match: { prefix: '/' }, direct_response: { status, body: { inline_string: 'body' } } }],
      requests: [
        get('/'),
        head('HEAD', '/'),
        head('POST', '/', 'content-type: application/grpc', 'content-length: 0'),
        get('/', 'connection: close'),
      ],
    }),
  ),
  ...[200, 204, 301, 304, 500].map(
    (status): RouterCase => ({
      name: `direct ${status} without body`,
      routes: [{ match: { prefix: '/' }, direct_response: { status } }],
      requests: [get('/'), head('HEAD', '/')],
    }),
  ),
  {
    name: 'direct with headers',
    routes: [
      {
        match: { prefix: '/' },
        direct_response: { status: 200, body: { inline_string: '{}' } },
        response_headers_to_add: [
          {
            header: { key: 'content-type', value: 'application/json' },
            append_action: 'OVERWRITE_IF_EXISTS_OR_ADD',
          },
          { header: { key: 'x-status', value: '%RESPONSE_CODE%' } },
        ],
      },
    ],
    requests: [get('/'), head('HEAD', '/')],
  },
  {
    name: 'direct with appended type',
    routes: [
      {
        match: { prefix: '/' },
        direct_response: { status: 200, body: { inline_string: '{}' } },
        response_headers_to_add: [{ header: { key: 'content-type', value: 'application/json' } }],
      },
    ],
    requests: [get('/')],
  },
  {
    name: 'direct with an operator in its body',
    routes: [
      {
        match: { prefix: '/' },
        direct_response: { status: 200, body: { inline_string: '%REQ(x-h)% 100%' } },
      },
    ],
    requests: [get('/', 'x-h: 1')],
  },
  {
    name: 'direct from the environment',
    routes: [
      { match: { prefix: '/' }, direct_response: { status: 200, body: { environment_variable: 'HOME' } } },
    ],
    requests: [get('/')],
  },
  {
    name: 'direct from a file',
    routes: [
      { match: { prefix: '/' }, direct_response: { status: 200, body: { filename: '/etc/hostname' } } },
    ],
    requests: [get('/')],
  },
  {
    name: 'no forwarding',
    routes: [{ match: { prefix: '/' }, non_forwarding_action: {} }],
    requests: [get('/')],
  },
  {
    name: 'tls required',
    host: { require_tls: 'ALL' },
    routes: [{ match: { prefix: '/' }, route: { cluster: 'a' } }],
    requests: [
      get('/x?y'),
      get('/x', 'host: a.test:80'),
      get('/x', 'x-forwarded-proto: https'),
      head('POST', '/', 'content-length: 0'),
    ],
  },
  {
    name: 'tls required of strangers',
    host: { require_tls: 'EXTERNAL_ONLY' },
    routes: [{ match: { prefix: '/' }, route: { cluster: 'a' } }],
    requests: [get('/x?y'), get('/x', 'x-forwarded-for: 10.0.0.1'), get('/x', 'x-forwarded-for: 8.8.8.8')],
  },
  forward(
    'prefix rewrite',
    { prefix_rewrite: '/new' },
    ['/old', '/old/x?y', '/OLD', '/oldx', '/old?', '/old/?a=/old'].map((path) => get(path)),
    { prefix: '/old' },
  ),
  forward(
    'prefix rewrite to a slash',
    { prefix_rewrite: '/' },
    ['/old', '/old/x', '/oldx'].map((path) => get(path)),
    { prefix: '/old' },
  ),
  forward(
    'prefix rewrite of a prefix with slash',
    { prefix_rewrite: '/' },
    ['/old/', '/old/x'].map((path) => get(path)),
    { prefix: '/old/' },
  ),
  forward(
    'prefix rewrite of a path',
    { prefix_rewrite: '/new' },
    ['/old', '/old?x=1'].map((path) => get(path)),
    { path: '/old' },
  ),
  forward(
    'prefix rewrite of a separated prefix',
    { prefix_rewrite: '/new' },
    ['/old', '/old/', '/old/x?y'].map((path) => get(path)),
    { path_separated_prefix: '/old' },
  ),
  forward(
    'prefix rewrite of a regex',
    { prefix_rewrite: '/new' },
    ['/old/1', '/old/2?x'].map((path) => get(path)),
    { safe_regex: { regex: '/old/.*' } },
  ),
  forward(
    'prefix rewrite without case',
    { prefix_rewrite: '/new' },
    ['/OLD/x'].map((path) => get(path)),
    { prefix: '/old', case_sensitive: false },
  ),
  ...[
    ['o', '0'],
    ['^/old/(.*)$', '/\\1/new'],
    ['(a)|(b)', '[\\1\\2\\0]'],
    ['/', '\\\\'],
    ['x*', '-'],
    ['', 'y'],
  ].map(([pattern = '', substitution = '']) =>
    forward(
      `regex rewrite ${pattern} ${substitution}`,
      { regex_rewrite: rewrite(pattern || 'y*', substitution) },
      ['/old/foo', '/old/foo?o=o', '/abba', '/xx'].map((path) => get(path)),
    ),
  ),
  template('/{x}/{y}/{z=**}', '/{z}/{x}-{y}'),
  template('/a/{y=*}/{rest=**}', '/{y}'),
  template('/a/{y=b/*}', '/new/{y}'),
  forward('host rewrite', { host_rewrite_literal: 'new.test' }, [
    get('/'),
    get('/', 'host: new.test'),
    get('/', 'x-forwarded-host: b.test'),
  ]),
  forward(
    'host rewrite with x-forwarded-host',
    { host_rewrite_literal: 'new.test', append_x_forwarded_host: true },
    [
      get('/'),
      get('/', 'host: new.test'),
      get('/', 'x-forwarded-host: b.test'),
      get('/', 'x-forwarded-host: a.test'),
    ],
  ),
  forward('host rewrite by header', { host_rewrite_header: 'X-Host', append_x_forwarded_host: true }, [
    get('/'),
    get('/', 'x-host: new.test'),
    get('/', 'x-host:'),
    get('/', 'x-host: b', 'x-host: c'),
  ]),
  forward('host rewrite by path', { host_rewrite_path_regex: rewrite('^/(.+)/.*$', '\\1') }, [
    get('/new.test/x'),
    get('/new.test/x?a/b'),
    get('/x'),
  ]),
  forward('host rewrite by endpoint', { auto_host_rewrite: true, append_x_forwarded_host: true }, [
    get('/'),
    get('/', 'host: a.host'),
  ]),
  forward(
    'cluster by header',
    { cluster_header: 'X-Cluster' } as RouteAction,
    [
      get('/', 'x-cluster: b'),
      get('/'),
      get('/', 'x-cluster: nobody'),
      get('/', 'x-cluster: a', 'x-cluster: b'),
    ].slice(),
  ),
  forward('no cluster', { cluster: 'nobody' }, [get('/')]),
  forward('no cluster, 404', { cluster: 'nobody', cluster_not_found_response_code: 'NOT_FOUND' }, [get('/')]),
  forward(
    'no cluster, 500',
    { cluster: 'nobody', cluster_not_found_response_code: 'INTERNAL_SERVER_ERROR' },
    [get('/')],
  ),
  forward('no endpoint', { cluster: 'none' }, [get('/')]),
  forward('refused', { cluster: 'dead' }, [get('/')]),
  {
    name: 'weighted',
    routes: [
      {
        match: { prefix: '/' },
        route: {
          weighted_clusters: {
            clusters: [
              { name: 'a', weight: 0 },
              {
                name: 'b',
                weight: 7,
                request_headers_to_add: [{ header: { key: 'x-leaf', value: 'b' } }],
                request_headers_to_remove: ['x-gone'],
                response_headers_to_add: [{ header: { key: 'x-back', value: 'b' } }],
                host_rewrite_literal: 'b.test',
              },
            ],
          },
        },
      },
    ],
    requests: [get('/', 'x-gone: 1')],
  },
  {
    name: 'weighted by a header',
    routes: [
      {
        match: { prefix: '/' },
        route: {
          weighted_clusters: {
            header_name: 'x-draw',
            clusters: [
              { name: 'a', weight: 30 },
              { name: 'b', weight: 70 },
            ],
          },
        },
      },
    ],
    requests: [
      get('/', 'x-draw: 0'),
      get('/', 'x-draw: 29'),
      get('/', 'x-draw: 30'),
      get('/', 'x-draw: 99'),
      get('/', 'x-draw: 100'),
      get('/', 'x-draw: 129'),
      get('/', 'x-draw: 130'),
    ],
  },
  {
    name: 'weighted by cluster_header',
    routes: [
      {
        match: { prefix: '/' },
        route: { weighted_clusters: { clusters: [{ cluster_header: 'x-c', weight: 1 }] } },
      },
    ],
    requests: [get('/', 'x-c: b'), get('/')],
  },
];
