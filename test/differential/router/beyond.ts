import { any, type RouteAction } from '../../../src/xds/resources.ts';
import { answers, get, head, type RouterCase } from '../cases.ts';

// What goes beyond one upstream: copies of requests, redirects that are followed here.

type Policy = NonNullable<RouteAction['internal_redirect_policy']>;

const to = (status: string, location: string, ...more: string[]): string =>
  [`HTTP/1.1 ${status}`, `location: ${location}`, ...more, 'content-length: 0', '', ''].join('\r\n');

const MOVED = '302 Found';

function redirected(name: string, policy: Policy, requests: readonly string[]): RouterCase {
  return {
    name: `internal redirect ${name}`,
    hosts: [
      {
        name: 'first',
        domains: ['a.test'],
        routes: [
          {
            name: 'old',
            match: { prefix: '/old' },
            route: { cluster: 'a', internal_redirect_policy: policy, prefix_rewrite: '/rewritten' },
            request_headers_to_add: [{ header: { key: 'x-old', value: '1' } }],
          },
          {
            name: 'new',
            match: { prefix: '/new' },
            route: { cluster: 'b', internal_redirect_policy: policy },
            request_headers_to_add: [{ header: { key: 'x-new', value: '1' } }],
          },
          { name: 'direct', match: { prefix: '/direct' }, direct_response: { status: 418 } },
        ],
      },
      {
        name: 'second',
        domains: ['b.test'],
        routes: [{ name: 'other', match: { prefix: '/' }, route: { cluster: 'b' } }],
      },
    ],
    requests,
  };
}

const predicate = (kind: string, message: string, fields: object = {}) => ({
  name: `envoy.internal_redirect_predicates.${kind}`,
  typed_config: any(`envoy.extensions.internal_redirect.${kind}.v3.${message}`, fields),
});

function mirrored(name: string, action: RouteAction, requests: readonly string[]): RouterCase {
  return {
    name: `mirror ${name}`,
    routes: [{ match: { prefix: '/' }, route: { cluster: 'a', ...action } }],
    requests,
  };
}

export const cases: readonly RouterCase[] = [
  redirected('once', {}, [
    get('/old/x', answers(to(MOVED, 'http://a.test/new/y?z'), '200 OK')),
    get('/old/x', answers(to(MOVED, 'http://b.test/new'), '200 OK')),
    get('/old/x', answers(to(MOVED, 'http://nobody.test/new'), '200 OK')),
    get('/old/x', answers(to(MOVED, 'http://a.test/direct'), '200 OK')),
    get('/old/x', answers(to(MOVED, 'http://a.test/none'), '200 OK')),
    get('/old/x', answers(to(MOVED, '/new/y'), '200 OK')),
    get('/old/x', answers(to(MOVED, 'new/y'), '200 OK')),
    get('/old/x', answers(to(MOVED, 'https://a.test/new'), '200 OK')),
    get('/old/x', answers(to(MOVED, 'http://a.test/new#f'), '200 OK')),
    get('/old/x', answers(to(MOVED, 'http://a.test'), '200 OK')),
    get('/old/x', answers(to(MOVED, 'http://a.test:80/new'), '200 OK')),
    get('/old/x', answers(to('301 Moved Permanently', 'http://a.test/new'), '200 OK')),
    get('/old/x', answers(to(MOVED, 'http://a.test/new'), to(MOVED, 'http://b.test/'), '200 OK')),
    get('/old/x', answers('302 Found', '200 OK')),
    `${head('POST', '/old', 'content-length: 5', answers(to(MOVED, 'http://a.test/new'), '200 OK'))}hello`,
  ]),
  redirected('of more codes', { redirect_response_codes: [301, 303, 307], max_internal_redirects: 2 }, [
    ...['301 Moved Permanently', '303 See Other', '307 Temporary Redirect', '302 Found'].flatMap((status) => [
      `${head('POST', '/old', 'content-length: 5', 'content-type: text/x', answers(to(status, 'http://a.test/new'), '200 OK'))}hello`,
      head('HEAD', '/old', answers(to(status, 'http://a.test/new'), '200 OK')),
    ]),
    get(
      '/old',
      answers(
        to('301 Moved Permanently', 'http://a.test/new'),
        to('301 Moved Permanently', 'http://b.test/'),
        '200 OK',
      ),
    ),
    get(
      '/old',
      answers(
        to('301 Moved Permanently', 'http://a.test/new'),
        to('301 Moved Permanently', 'http://a.test/old'),
        to('301 Moved Permanently', 'http://b.test/x'),
        '200 OK',
      ),
    ),
  ]),
  redirected('across schemes', { allow_cross_scheme_redirect: true }, [
    get('/old', answers(to(MOVED, 'https://a.test/new'), '200 OK')),
  ]),
  redirected('with headers', { response_headers_to_copy: ['X-Copy', 'x-none'] }, [
    get('/old', 'x-none: 1', answers(to(MOVED, 'http://a.test/new', 'x-copy: 1'), '200 OK')),
  ]),
  redirected(
    'to new routes',
    { max_internal_redirects: 5, predicates: [predicate('previous_routes', 'PreviousRoutesConfig')] },
    [
      get('/old', answers(to(MOVED, 'http://a.test/new'), to(MOVED, 'http://a.test/old'), '200 OK')),
      get('/old', answers(to(MOVED, 'http://a.test/old'), '200 OK')),
    ],
  ),
  redirected(
    'to allowed routes',
    {
      predicates: [
        predicate('allow_listed_routes', 'AllowListedRoutesConfig', { allowed_route_names: ['new'] }),
      ],
    },
    [
      get('/old', answers(to(MOVED, 'http://a.test/new'), '200 OK')),
      get('/old', answers(to(MOVED, 'http://b.test/x'), '200 OK')),
    ],
  ),
  redirected(
    'safely',
    {
      allow_cross_scheme_redirect: true,
      predicates: [predicate('safe_cross_scheme', 'SafeCrossSchemeConfig')],
    },
    [get('/old', answers(to(MOVED, 'https://a.test/new'), '200 OK'))],
  ),
  mirrored('once', { request_mirror_policies: [{ cluster: 'b' }] }, [
    get('/x?y', 'x-h: 1'),
    get('/', 'host: a.test:80'),
    get('/', 'host: [::1]:80'),
    `${head('POST', '/', 'content-length: 5')}hello`,
    `${head('POST', '/', 'transfer-encoding: chunked')}5\r\nhello\r\n0\r\n\r\n`,
  ]),
  mirrored(
    'twice',
    {
      request_mirror_policies: [{ cluster: 'b' }, { cluster: 'b', disable_shadow_host_suffix_append: true }],
    },
    [get('/')],
  ),
  mirrored(
    'with rewrites',
    { request_mirror_policies: [{ cluster: 'b' }], prefix_rewrite: '/new', host_rewrite_literal: 'c.test' },
    [get('/')],
  ),
  mirrored(
    'never',
    { request_mirror_policies: [{ cluster: 'b', runtime_fraction: { default_value: { numerator: 0 } } }] },
    [get('/')],
  ),
  mirrored('by a header', { request_mirror_policies: [{ cluster_header: 'x-mirror' }] }, [
    get('/', 'x-mirror: b'),
    get('/'),
    get('/', 'x-mirror: nobody'),
  ]),
  mirrored('to nobody', { request_mirror_policies: [{ cluster: 'none' }] }, [get('/')]),
  {
    name: 'mirror of the virtual host',
    host: { request_mirror_policies: [{ cluster: 'b' }] },
    routes: [{ match: { prefix: '/' }, route: { cluster: 'a' } }],
    requests: [get('/')],
  },
];
