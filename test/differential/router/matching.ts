import type { Route, RouteMatch } from '../../../src/xds/resources.ts';
import { get, head, type RouterCase } from '../cases.ts';

// What matches: one route that goes to cluster `a`, everything else to `b`.

function matching(name: string, match: RouteMatch, requests: readonly string[]): RouterCase {
  const routes: Route[] = [
    { match, route: { cluster: 'a' } },
    { match: { prefix: '' }, route: { cluster: 'b' } },
  ];
  return { name, routes, requests };
}

const regex = (text: string) => ({ regex: text });

export const cases: readonly RouterCase[] = [
  matching(
    'prefix',
    { prefix: '/api' },
    ['/api', '/apix', '/API', '/x/api', '/api?x', '/api#x'].map((path) => get(path)),
  ),
  matching(
    'prefix without case',
    { prefix: '/aPi', case_sensitive: false },
    ['/api', '/APIx', '/x'].map((path) => get(path)),
  ),
  matching(
    'path',
    { path: '/a' },
    ['/a', '/a/', '/a?b=c', '/A', '/ab'].map((path) => get(path)),
  ),
  matching(
    'path without case',
    { path: '/Ab', case_sensitive: false },
    ['/ab', '/AB', '/abc'].map((path) => get(path)),
  ),
  matching(
    'regex',
    { safe_regex: regex('/a/[0-9]+') },
    ['/a/1', '/a/12?x=/', '/a/1/', '/b/a/1', '/a/x'].map((path) => get(path)),
  ),
  matching(
    'path separated prefix',
    { path_separated_prefix: '/a' },
    ['/a', '/a/', '/a/b', '/ab', '/a?x', '/A/b'].map((path) => get(path)),
  ),
  matching(
    'path separated prefix without case',
    { path_separated_prefix: '/a/B', case_sensitive: false },
    ['/A/b', '/a/b/c', '/a/bc'].map((path) => get(path)),
  ),
  matching(
    'uri template',
    {
      path_match_policy: {
        name: 'envoy.path.match.uri_template.uri_template_matcher',
        typed_config: {
          '@type': 'type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig',
          path_template: '/users/{id}/*/{rest=**}',
        },
      },
    },
    [
      '/users/1/x/a/b',
      '/users/1/x',
      '/users/1/x/',
      '/users//x/y',
      '/users/1/x/y?z=1',
      '/Users/1/x/y',
      '/users/a%20b/x/y',
      '/users/1/x/y/',
    ].map((path) => get(path)),
  ),
  matching(
    'uri template of literals',
    {
      path_match_policy: {
        name: 'envoy.path.match.uri_template.uri_template_matcher',
        typed_config: {
          '@type': 'type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig',
          path_template: '/a/{b=x/*/y}/**.js',
        },
      },
    },
    ['/a/x/1/y/z.js', '/a/x/1/y/z/q.js', '/a/x/1/y/.js', '/a/x/1/y/z.jsx', '/a/x/y/z.js'].map((path) =>
      get(path),
    ),
  ),
  ...(
    [
      ['exact', { exact_match: 'a' }],
      ['exact string', { string_match: { exact: 'a' } }],
      ['exact string, any case', { string_match: { exact: 'A', ignore_case: true } }],
      ['prefix string', { string_match: { prefix: 'a' } }],
      ['suffix string', { string_match: { suffix: 'a' } }],
      ['contains string', { string_match: { contains: 'a' } }],
      ['contains string, any case', { string_match: { contains: 'B', ignore_case: true } }],
      ['regex string', { string_match: { safe_regex: regex('a|b+') } }],
      ['regex', { safe_regex_match: regex('a.*') }],
      ['range', { range_match: { start: 1, end: 10 } }],
      ['range below zero', { range_match: { start: -10, end: 0 } }],
      ['present', { present_match: true }],
      ['absent', { present_match: false }],
      ['prefix', { prefix_match: 'a' }],
      ['suffix', { suffix_match: 'a' }],
      ['contains', { contains_match: 'a' }],
      ['nothing', {}],
    ] as const
  ).flatMap(([name, criterion]) =>
    [
      {},
      { invert_match: true },
      { treat_missing_header_as_empty: true },
      { invert_match: true, treat_missing_header_as_empty: true },
    ].map((more) =>
      matching(
        `header ${name} ${Object.keys(more).join(' ')}`,
        { prefix: '/', headers: [{ name: 'X-H', ...criterion, ...more }] },
        [
          [],
          ['x-h: a'],
          ['x-h: b'],
          ['x-h:'],
          ['x-h: a', 'x-h: b'],
          ['x-h: 1'],
          ['x-h: 10'],
          ['x-h: -1'],
          ['x-h: +5'],
          ['x-h: 0x1'],
          ['x-h: A'],
          ['x-h: abb'],
        ].map((lines) => get('/', ...lines)),
      ),
    ),
  ),
  ...[':method', ':path', ':authority', ':scheme', 'host'].map((name) =>
    matching(
      `header ${name}`,
      {
        prefix: '/',
        headers: [
          {
            name,
            string_match: {
              contains:
                name === ':method'
                  ? 'GET'
                  : name === ':path'
                    ? '/x?y'
                    : name === ':scheme'
                      ? 'http'
                      : 'a.test',
            },
          },
        ],
      },
      [get('/x?y=1'), head('POST', '/z', 'host: b.test', 'content-length: 0')],
    ),
  ),
  matching('empty exact', { prefix: '/', headers: [{ name: 'x-h', exact_match: '' }] }, [
    get('/'),
    get('/', 'x-h: a'),
    get('/', 'x-h:'),
  ]),
  ...(
    [
      ['present', { present_match: true }],
      ['absent', { present_match: false }],
      ['exact', { string_match: { exact: 'a' } }],
      ['regex', { string_match: { safe_regex: regex('a*') } }],
      ['nothing', {}],
    ] as const
  ).map(([name, criterion]) =>
    matching(`query ${name}`, { prefix: '/', query_parameters: [{ name: 'q', ...criterion }] }, [
      ...[
        '/',
        '/?q',
        '/?q=',
        '/?q=a',
        '/?q=b&q=a',
        '/?q=a&q=b',
        '/?Q=a',
        '/?x=1&q=a#f',
        '/?%71=a',
        '/?q=%61',
        '/?q=a;b',
        '/?xq=a',
        '/??q=a',
        '/?q=a?',
        '/#?q=a',
        '/?q=aa&',
      ].map((path) => get(path)),
    ]),
  ),
  matching('grpc', { prefix: '/', grpc: {} }, [
    ...[
      'application/grpc',
      'application/grpc+proto',
      'application/grpcx',
      'application/grpc-web',
      'application/json',
      'application/grpc; x',
      'Application/grpc',
    ].map((type) => head('POST', '/', `content-type: ${type}`, 'content-length: 0')),
  ]),
  matching('tls presented', { prefix: '/', tls_context: { presented: true } }, [get('/')]),
  matching('tls not presented', { prefix: '/', tls_context: { presented: false } }, [get('/')]),
  matching('tls not validated', { prefix: '/', tls_context: { validated: false } }, [get('/')]),
  matching(
    'no share',
    { prefix: '/', runtime_fraction: { default_value: { numerator: 0, denominator: 'HUNDRED' } } },
    [get('/')],
  ),
  matching(
    'whole share',
    { prefix: '/', runtime_fraction: { default_value: { numerator: 100, denominator: 'HUNDRED' } } },
    [get('/')],
  ),
  matching(
    'dynamic metadata',
    {
      prefix: '/',
      dynamic_metadata: [{ filter: 'x', path: [{ key: 'k' }], value: { present_match: true } }],
    },
    [get('/')],
  ),
  matching(
    'dynamic metadata, inverted',
    {
      prefix: '/',
      dynamic_metadata: [{ filter: 'x', path: [{ key: 'k' }], value: { present_match: true }, invert: true }],
    },
    [get('/')],
  ),
  {
    name: 'virtual hosts',
    hosts: [
      ['exact', 'a.test'],
      ['with port', 'a.test:8080'],
      ['suffix', '*.test'],
      ['long suffix', '*.b.test'],
      ['dash suffix', '*-c.test'],
      ['prefix', 'a.*'],
      ['long prefix', 'a.b.*'],
    ].map(([name = '', domain = '']) => ({
      name,
      domains: [domain],
      routes: [{ match: { prefix: '/' }, direct_response: { status: 200, body: { inline_string: name } } }],
    })),
    requests: [
      'a.test',
      'A.TEST',
      'a.test:8080',
      'a.test:80',
      'b.test',
      '.test',
      'x.b.test',
      'x-c.test',
      'a.com',
      'a.b.com',
      'a.',
      'x.com',
      'a.test.',
    ].map((host) => get('/', `host: ${host}`)),
  },
  {
    name: 'virtual hosts without port',
    table: { ignore_port_in_host_matching: true },
    hosts: ['a.test', '*.test', '*'].map((domain) => ({
      name: domain,
      domains: [domain],
      routes: [{ match: { prefix: '/' }, direct_response: { status: 200, body: { inline_string: domain } } }],
    })),
    requests: ['a.test', 'a.test:8080', 'x.test:1', 'x:1', '[::1]:80'].map((host) =>
      get('/', `host: ${host}`),
    ),
  },
];
