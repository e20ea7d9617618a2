import { testIssuer } from '../../../src/proxy/filters/http/jwt-authn/test-issuer.ts';
import { any } from '../../../src/xds/resources.ts';
import { answers, get, head, type RouterCase } from '../cases.ts';
import { ALWAYS, type Around, chain, exact, filter, http, post } from './chain.ts';

// Who may do what: rules, origins, tokens, and somebody else who decides.

const policy = (permissions: object[], principals: object[] = [{ any: true }]) => ({
  permissions,
  principals,
});

/** Rules about requests and connections. */
export const rbac: readonly RouterCase[] = [
  chain(
    'allows and denies',
    filter('rbac', 'RBAC', {
      rules_stat_prefix: 'r_',
      rules: {
        action: 'ALLOW',
        policies: {
          'by path': policy([{ url_path: { path: { prefix: '/open' } } }]),
          'by header': policy([{ header: { name: 'x-role', string_match: exact('admin') } }]),
          'by method and not path': policy([
            {
              and_rules: {
                rules: [
                  { header: { name: ':method', string_match: exact('PUT') } },
                  { not_rule: { url_path: { path: { suffix: '/x' } } } },
                ],
              },
            },
          ]),
          'by template': policy([
            {
              uri_template: {
                name: 'envoy.path.match.uri_template.uri_template_matcher',
                typed_config: any('envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig', {
                  path_template: '/t/*/u',
                }),
              },
            },
          ]),
          'by address': policy(
            [{ url_path: { path: { prefix: '/ip' } } }],
            [{ direct_remote_ip: { address_prefix: '127.0.0.0', prefix_len: 8 } }],
          ),
          'by who it is': policy([{ url_path: { path: { prefix: '/id' } } }], [{ authenticated: {} }]),
        },
      },
    }),
    [
      get('/open/a'),
      get('/open?x'),
      get('/other'),
      get('/other', 'x-role: admin'),
      get('/other', 'x-role: admin', 'x-role: b'),
      head('PUT', '/a', 'content-length: 0'),
      head('PUT', '/a/x', 'content-length: 0'),
      get('/t/1/u'),
      get('/t/1/2/u'),
      get('/ip'),
      get('/id'),
    ],
  ),
  chain(
    'denies by policy, with rules on trial',
    filter('rbac', 'RBAC', {
      rules: { action: 'DENY', policies: { 'a b': policy([{ url_path: { path: { prefix: '/no' } } }]) } },
      shadow_rules: {
        action: 'DENY',
        policies: { trial: policy([{ url_path: { path: { prefix: '/t' } } }]) },
      },
      shadow_rules_stat_prefix: 's_',
    }),
    [get('/no'), get('/t'), get('/other')],
  ),
  chain('of a route, none', filter('rbac', 'RBAC', { rules: { action: 'ALLOW' } }), [get('/')], {
    typed: any(http('rbac', 'RBACPerRoute'), {}),
  }),
  chain('without policies', filter('rbac', 'RBAC', { rules: { action: 'ALLOW' } }), [get('/')]),
  chain('for gRPC callers', filter('rbac', 'RBAC', { rules: { action: 'ALLOW' } }), [
    head('POST', '/a.B/C', 'content-type: application/grpc', 'te: trailers', 'content-length: 0'),
  ]),
];

const CORS_POLICY = {
  allow_origin_string_match: [exact('https://a.test'), { suffix: '.b.test' }],
  allow_methods: 'GET,PUT',
  allow_headers: 'x-a',
  expose_headers: 'x-e',
  max_age: '60',
  allow_credentials: true,
};
const cors_policy = (fields: object) => any(http('cors', 'CorsPolicy'), { ...CORS_POLICY, ...fields });
const preflight = (origin: string, ...more: string[]) =>
  head(
    'OPTIONS',
    '/',
    `origin: ${origin}`,
    'access-control-request-method: PUT',
    'content-length: 0',
    ...more,
  );
const CORS = { name: 'envoy.filters.http.cors', typed_config: any(http('cors', 'Cors'), {}) };
const corsCase = (name: string, fields: object, requests: readonly string[]) =>
  chain(name, CORS, requests, { typed: cors_policy(fields) });

/** Cross-origin requests. */
export const cors: readonly RouterCase[] = [
  corsCase('preflights and requests', {}, [
    get('/'),
    get('/', 'origin: https://a.test'),
    get('/', 'origin: https://x.b.test'),
    get('/', 'origin: https://evil.test'),
    get('/', 'origin: '),
    preflight('https://a.test'),
    preflight('https://evil.test'),
    preflight('https://a.test', 'access-control-request-private-network: true'),
    head('OPTIONS', '/', 'origin: https://a.test', 'content-length: 0'),
    get('/', 'origin: https://a.test', answers('200 OK\r\naccess-control-allow-origin: *')),
  ]),
  corsCase('unmatched preflights answered here', { forward_not_matching_preflights: false }, [
    preflight('https://evil.test'),
  ]),
  corsCase('private networks', { allow_private_network_access: true }, [
    preflight('https://a.test', 'access-control-request-private-network: true'),
  ]),
  corsCase('off', { filter_enabled: { default_value: { numerator: 0 } } }, [
    get('/', 'origin: https://a.test'),
  ]),
  corsCase('on trial', { filter_enabled: { default_value: {} }, shadow_enabled: ALWAYS }, [
    get('/', 'origin: https://a.test'),
    get('/', 'origin: https://evil.test'),
  ]),
];

const issuer = testIssuer('ES256');
const jwks = (...keys: object[]) => ({ inline_string: JSON.stringify({ keys }) });
const inFuture = Math.floor(Date.now() / 1000) + 3600;
const bearer = (token: string) => `authorization: Bearer ${token}`;
const good = issuer.token({
  exp: inFuture,
  aud: 'shop',
  scope: 'a b',
  groups: ['x', 'yy'],
  n: 7,
  deep: { er: 'v' },
});
const provider = (fields: object = {}) => ({
  issuer: 'me',
  local_jwks: jwks(issuer.jwk),
  ...fields,
});
const jwt = (name: string, fields: object, requests: readonly string[], around: Around = {}) =>
  chain(name, filter('jwt_authn', 'JwtAuthentication', fields), requests, around);
const required = { rules: [{ match: { prefix: '/' }, requires: { provider_name: 'p' } }] };

/** Tokens. */
export const tokens: readonly RouterCase[] = [
  jwt('one provider', { providers: { p: provider({ audiences: ['shop'] }) }, ...required }, [
    get('/'),
    get('/', bearer(good)),
    get('/', 'authorization: Basic abc'),
    get('/', bearer('garbage')),
    get('/', bearer('a.b.c')),
    get('/', bearer(issuer.token({ exp: 1000, aud: 'shop' }))),
    get('/', bearer(issuer.token({ nbf: inFuture, aud: 'shop' }))),
    get('/', bearer(issuer.token({ aud: 'other' }))),
    get('/', bearer(issuer.token({ iss: 'you', aud: 'shop' }))),
    get('/', bearer(`${good.slice(0, -6)}AAAAAA`)),
    get('/', bearer(testIssuer('ES256').token({ aud: 'shop' }))),
    get('/', bearer(issuer.token({ aud: 'shop' }, { kid: 'two' }))),
    get('/', bearer(issuer.token({ aud: 'shop' }, { alg: 'none' }))),
    get(`/?access_token=${good}`),
    get(`/?a=b&access_token=${good}&c=d`),
    get('/?access_token=x'),
  ]),
  jwt(
    'from other places, with what it says in headers',
    {
      providers: {
        p: provider({
          forward: true,
          forward_payload_header: 'x-payload',
          pad_forward_payload_header: true,
          from_headers: [{ name: 'x-token', value_prefix: 'T ' }],
          from_params: ['t'],
          from_cookies: ['c'],
          claim_to_headers: [
            { header_name: 'x-sub', claim_name: 'sub' },
            { header_name: 'x-n', claim_name: 'n' },
            { header_name: 'x-er', claim_name: 'deep.er' },
            { header_name: 'x-groups', claim_name: 'groups' },
          ],
        }),
      },
      ...required,
    },
    [
      get('/', `x-token: T ${good}`),
      get('/', `x-token: ${good}`),
      get(`/?t=${good}`),
      get('/', `cookie: c=${good}`),
      get('/', bearer(good)),
      get('/', `x-token: T ${good}`, 'x-sub: forged', 'x-payload: forged'),
      get('/', 'x-sub: forged'),
    ],
  ),
  jwt(
    'one of two, or none',
    {
      providers: { p: provider(), q: { ...provider(), issuer: 'you' } },
      rules: [
        {
          match: { prefix: '/any' },
          requires: { requires_any: { requirements: [{ provider_name: 'p' }, { provider_name: 'q' }] } },
        },
        {
          match: { prefix: '/all' },
          requires: { requires_all: { requirements: [{ provider_name: 'p' }, { provider_name: 'q' }] } },
        },
        {
          match: { prefix: '/missing' },
          requires: { requires_any: { requirements: [{ provider_name: 'p' }, { allow_missing: {} }] } },
        },
        {
          match: { prefix: '/failed' },
          requires: {
            requires_any: { requirements: [{ provider_name: 'p' }, { allow_missing_or_failed: {} }] },
          },
        },
        {
          match: { prefix: '/aud' },
          requires: { provider_and_audiences: { provider_name: 'p', audiences: ['shop'] } },
        },
      ],
    },
    [
      get('/any', bearer(good)),
      get('/any', bearer(issuer.token({ iss: 'you' }))),
      get('/any'),
      get('/any', bearer(issuer.token({ iss: 'they' }))),
      get('/all', bearer(good)),
      get('/missing'),
      get('/missing', bearer('bad')),
      get('/missing', bearer(good)),
      get('/failed', bearer('bad')),
      get('/aud', bearer(good)),
      get('/aud', bearer(issuer.token({ aud: 'x' }))),
      get('/free'),
    ],
  ),
  jwt('preflights pass', { providers: { p: provider() }, bypass_cors_preflight: true, ...required }, [
    preflight('https://a.test'),
    head('OPTIONS', '/', 'origin: https://a.test', 'content-length: 0'),
  ]),
  jwt(
    'the route says which',
    { providers: { p: provider() }, requirement_map: { need: { provider_name: 'p' } } },
    [get('/'), get('/', bearer(good))],
    { typed: any(http('jwt_authn', 'PerRouteConfig'), { requirement_name: 'need' }) },
  ),
  jwt(
    'claims choose the route',
    { providers: { p: provider({ payload_in_metadata: 'payload', clear_route_cache: true }) }, ...required },
    [get('/', bearer(good)), get('/', bearer(issuer.token({ exp: inFuture, sub: 'else' })))],
    {
      routes: [
        {
          match: {
            prefix: '/',
            dynamic_metadata: [
              {
                filter: 'jwt_authn',
                path: [{ key: 'payload' }, { key: 'sub' }],
                value: { string_match: exact('jason') },
              },
            ],
          },
          route: { cluster: 'b' },
        },
        { match: { prefix: '/' }, route: { cluster: 'a' } },
      ],
    },
  ),
];

const authz = (name: string, fields: object, requests: readonly string[], around: Around = {}) =>
  chain(name, filter('ext_authz', 'ExtAuthz', { transport_api_version: 'V3', ...fields }), requests, around);
const patterns = (...names: string[]) => ({ patterns: names.map((name) => exact(name)) });
const service = (fields: object = {}, cluster = 'b') => ({
  http_service: { server_uri: { uri: 'http://b.test', cluster, timeout: '2s' }, ...fields },
});

/** Somebody else decides; the first answer of the upstreams is the service's. */
export const authorization: readonly RouterCase[] = [
  authz(
    'over HTTP',
    {
      ...service({
        path_prefix: '/check',
        authorization_request: { headers_to_add: [{ key: 'x-from', value: 'proxy' }] },
        authorization_response: {
          allowed_upstream_headers: patterns('x-user'),
          allowed_upstream_headers_to_append: patterns('x-more'),
          allowed_client_headers: patterns('x-why'),
          allowed_client_headers_on_success: patterns('x-ok'),
        },
      }),
      allowed_headers: patterns('x-answer', 'x-seen', 'cookie'),
    },
    [
      get(
        '/a?b=c',
        answers('200 OK\r\nx-user: ann\r\nx-more: b\r\nx-other: 1\r\nx-ok: 1', '200 OK'),
        'x-seen: 1',
        'x-hid: 1',
      ),
      get('/a', answers('200 OK\r\nx-more: b', '200 OK'), 'x-more: a', 'authorization: Basic x'),
      get('/a', answers('403 Forbidden\r\nx-why: so\r\nx-hid: 1\r\nwww-authenticate: Basic\r\nlocation: /x')),
      get('/a', answers('401 Unauthorized')),
      get('/a', answers('302 Found\r\nlocation: http://login')),
      get('/a', answers('503 Service Unavailable')),
      get('/a', answers('HTTP/1.1 204 No Content\r\n\r\n')),
      post('hello', answers('200 OK', '200 OK'), 'x-seen: 1'),
    ],
  ),
  authz('nobody is there', service({}, 'dead'), [get('/')]),
  authz(
    'nobody is there, never mind',
    { ...service({}, 'dead'), failure_mode_allow: true, failure_mode_allow_header_add: true },
    [get('/')],
  ),
  authz(
    'another status for errors',
    { ...service({}, 'none'), status_on_error: { code: 'ServiceUnavailable' } },
    [get('/')],
  ),
  authz(
    'with the body',
    { ...service(), allowed_headers: patterns('x-answer'), with_request_body: { max_request_bytes: 5 } },
    [
      post('hello', answers('200 OK', '200 OK')),
      post('hello!', answers('200 OK', '200 OK')),
      get('/', answers('200 OK', '200 OK')),
    ],
  ),
  authz(
    'with the beginning of the body',
    {
      ...service(),
      allowed_headers: patterns('x-answer'),
      with_request_body: { max_request_bytes: 5, allow_partial_message: true },
    },
    [post('hello', answers('200 OK', '200 OK')), post('hello, world', answers('200 OK', '200 OK'))],
  ),
  authz('off for the route', service(), [get('/')], {
    typed: any(http('ext_authz', 'ExtAuthzPerRoute'), { disabled: true }),
  }),
  authz(
    'off',
    {
      ...service(),
      filter_enabled: { default_value: {} },
      deny_at_disable: { default_value: true, runtime_key: 'x' },
    },
    [get('/')],
  ),
];
