import {
  any,
  type HttpConnectionManager,
  type Route,
  type RouteConfiguration,
  type VirtualHost,
} from '../../../src/xds/resources.ts';
import { answers, get, head, type RouterCase } from '../cases.ts';

// Headers that a connection manager and routes add, change and take away.

type Operations = NonNullable<Route['request_headers_to_add']>;

const toA: Route = { match: { prefix: '/' }, route: { cluster: 'a' } };

function managed(
  name: string,
  manager: Partial<HttpConnectionManager>,
  requests: readonly string[],
  more: Partial<RouterCase> = {},
): RouterCase {
  return { name, manager, routes: [toA], requests, ...more };
}

const FORWARDED = [
  '1.2.3.4',
  '10.0.0.1',
  '1.2.3.4,10.0.0.1',
  '10.0.0.1, 1.2.3.4',
  '1.2.3.4, 5.6.7.8 ,9.9.9.9',
  'nonsense',
  '10.0.0.1,',
  '',
  '::1',
  '[::1]',
  'fd00::1',
  '1.2.3.4:80',
  '[fd00::1]:80',
  ' 10.0.0.1 ',
];
const AROUND = [
  get('/'),
  ...FORWARDED.map((text) => get('/', `x-forwarded-for: ${text}`)),
  get('/', 'x-forwarded-for: 1.2.3.4', 'x-forwarded-for: 10.0.0.1'),
];
const ENVOY = [
  'x-envoy-retry-on',
  'x-envoy-retry-grpc-on',
  'x-envoy-max-retries',
  'x-envoy-upstream-alt-stat-name',
  'x-envoy-upstream-rq-timeout-alt-response',
  'x-envoy-expected-rq-timeout-ms',
  'x-envoy-force-trace',
  'x-envoy-ip-tags',
  'x-envoy-original-url',
  'x-envoy-hedge-on-per-try-timeout',
  'x-envoy-decorator-operation',
  'x-envoy-downstream-service-cluster',
  'x-envoy-downstream-service-node',
  'x-envoy-original-path',
  'x-envoy-original-host',
  'x-envoy-internal',
  'x-envoy-external-address',
  'x-envoy-attempt-count',
  'x-envoy-is-timeout-retry',
  'x-envoy-retriable-status-codes',
  'x-envoy-retriable-header-names',
  'x-envoy-upstream-service-time',
  'x-envoy-overloaded',
  'x-envoy-degraded',
  'x-envoy-peer-metadata',
  'x-envoy-cluster',
  'x-envoy-original-dst-host',
  'x-envoy-local-overloaded',
].map((name) => `${name}: v`);
const EVERY = [
  get('/', ...ENVOY),
  get('/', 'x-forwarded-for: 10.0.0.1', ...ENVOY),
  get('/', 'x-forwarded-for: 1.2.3.4', ...ENVOY),
];

const private10 = {
  internal_address_config: { cidr_ranges: [{ address_prefix: '10.0.0.0', prefix_len: 8 }] },
};
const log = '%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% %DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%';
const seen: Operations = [{ header: { key: 'x-seen', value: log } }];
const see: Partial<VirtualHost> = { request_headers_to_add: seen };

const APPEND = [
  'APPEND_IF_EXISTS_OR_ADD',
  'ADD_IF_ABSENT',
  'OVERWRITE_IF_EXISTS_OR_ADD',
  'OVERWRITE_IF_EXISTS',
] as const;

const operations = (value: string): Operations => [
  ...APPEND.map((append_action) => ({
    header: { key: `x-${append_action.toLowerCase().replaceAll('_', '-')}`, value },
    append_action,
  })),
  { header: { key: 'x-old-true', value }, append: true },
  { header: { key: 'x-old-false', value }, append: false },
];
const kept = operations('').map((one) => ({ ...one, keep_empty_value: true }));
const before = operations('').flatMap(({ header }) => [`${header?.key}: b1`, `${header?.key}: b2`]);
const answered = answers(['HTTP/1.1 200 OK', ...before, 'content-length: 0', '', ''].join('\r\n'));

function operated(name: string, add: Operations, remove: readonly string[] = []): RouterCase {
  const route: Route = {
    ...toA,
    request_headers_to_add: add,
    request_headers_to_remove: remove,
    response_headers_to_add: add,
    response_headers_to_remove: remove,
  };
  return { name: `operations ${name}`, routes: [route], requests: [get('/'), get('/', ...before, answered)] };
}

const FORMATS = [
  '%PROTOCOL%',
  '%REQ(x-h)%',
  '%REQ(x-none)%',
  '%REQ(x-none?x-h)%',
  '%REQ(:path)%',
  '%REQ(:method)%',
  '%REQ(:authority)%',
  '%REQ(:scheme)%',
  '%REQ(x-h):2%',
  'a%REQ(x-none)%b',
  '100%%',
  '%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%',
  '%DOWNSTREAM_LOCAL_ADDRESS%',
  '%DOWNSTREAM_LOCAL_PORT%',
  '%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%',
  '%UPSTREAM_REMOTE_ADDRESS%',
  '%UPSTREAM_HOST%',
  '%UPSTREAM_CLUSTER%',
  '%ROUTE_NAME%',
  '%VIRTUAL_HOST_NAME%',
  '%RESPONSE_CODE%',
  '%RESPONSE_CODE_DETAILS%',
  '%RESPONSE_FLAGS%',
  '%HOSTNAME%',
  '%DYNAMIC_METADATA(a:b)%',
  '%START_TIME(%Y)%',
  '%CEL(request.path)%',
  '%ENVIRONMENT(HOME)%',
  '%BYTES_RECEIVED%',
  '%REQUESTED_SERVER_NAME%',
  '%DOWNSTREAM_TLS_VERSION%',
  '%DOWNSTREAM_PEER_SUBJECT%',
  '%FILTER_CHAIN_NAME%',
  '%RESP(x-back)%',
  '%RESP(server)%',
  '%REQ_WITHOUT_QUERY(:path)%',
  '%PATH(NQ)%',
  '%QUERY_PARAM(q)%',
  '%STREAM_ID%',
  '%REQUEST_HEADERS_BYTES%',
  '%UPSTREAM_METADATA(a:b)%',
  '%CLUSTER_METADATA(a:b)%',
  '%ROUTE_METADATA(a:b)%',
  '%FILTER_STATE(a)%',
  '%PER_REQUEST_STATE(a)%',
  '%TRACE_ID%',
  '%CUSTOM_FLAGS%',
  '%UPSTREAM_PROTOCOL%',
  '%UPSTREAM_FILTER_STATE(a)%',
  '%GRPC_STATUS%',
  '%RESPONSE_FLAGS_LONG%',
  '%DOWNSTREAM_TRANSPORT_FAILURE_REASON%',
  '%CONNECTION_ID%',
  '%DOWNSTREAM_LOCAL_URI_SAN%',
  '%DOWNSTREAM_TLS_CIPHER%',
];
const LEFT_OUT = new Set([
  '%ROUTE_METADATA(a:b)%',
  '%REQ_WITHOUT_QUERY(:path)%',
  '%VIRTUAL_HOST_NAME%',
  '%CEL(request.path)%',
  '%STREAM_ID%',
  '%CONNECTION_ID%',
  '%PER_REQUEST_STATE(a)%',
  '%CUSTOM_FLAGS%',
  '%RESPONSE_FLAGS_LONG%',
]);

const level = (name: string): Operations =>
  APPEND.map((append_action, i) => ({ header: { key: `x-level-${i}`, value: name }, append_action }));
const levels = (wins: boolean): RouterCase => ({
  name: `levels ${wins}`,
  table: {
    most_specific_header_mutations_wins: wins,
    request_headers_to_add: level('table'),
    response_headers_to_add: level('table'),
    request_headers_to_remove: ['x-gone'],
  },
  host: { request_headers_to_add: level('host'), response_headers_to_add: level('host') },
  routes: [
    {
      match: { prefix: '/' },
      request_headers_to_add: level('route'),
      response_headers_to_add: level('route'),
      route: {
        weighted_clusters: {
          clusters: [
            {
              name: 'a',
              weight: 1,
              request_headers_to_add: [...level('leaf'), { header: { key: 'x-gone', value: 'back' } }],
              response_headers_to_add: level('leaf'),
            },
          ],
        },
      },
    },
  ],
  requests: [get('/'), get('/', 'x-level-0: c', 'x-level-1: c', 'x-level-2: c', 'x-level-3: c', 'x-gone: c')],
});

const replies = (config: object): RouterCase => ({
  name: `local replies ${JSON.stringify(config).slice(0, 60)}`,
  // To callers outside weft explains nothing: its words would be in the bodies.
  manager: { use_remote_address: true, local_reply_config: config } as Partial<HttpConnectionManager>,
  routes: [
    { match: { path: '/none' }, route: { cluster: 'none' } },
    { match: { path: '/direct' }, direct_response: { status: 418, body: { inline_string: 'tea' } } },
    { match: { path: '/ok' }, route: { cluster: 'a' } },
    { match: { path: '/away' }, redirect: { host_redirect: 'x' } },
  ],
  requests: [
    get('/none'),
    get('/direct'),
    get('/ok'),
    get('/ok', answers('503 Service Unavailable')),
    get('/away'),
    get('/missing', 'x-h: 1'),
    head('POST', '/none', 'content-type: application/grpc', 'content-length: 0'),
    head('HEAD', '/none'),
    head('HEAD', '/none', 'content-type: application/grpc'),
    get('/direct', 'content-type: application/grpc'),
  ],
});
const status = (op: string, value: number) => ({
  status_code_filter: { comparison: { op, value: { default_value: value, runtime_key: 'k' } } },
});

const all: readonly RouterCase[] = [
  managed('remote address', { use_remote_address: true }, [...AROUND, ...EVERY], { host: see }),
  managed('no remote address', {}, [...AROUND, ...EVERY], { host: see }),
  managed('remote address, 10/8 inside', { use_remote_address: true, ...private10 }, [...AROUND, ...EVERY], {
    host: see,
  }),
  managed(
    'remote address, loopback inside',
    {
      use_remote_address: true,
      internal_address_config: { cidr_ranges: [{ address_prefix: '127.0.0.0', prefix_len: 8 }] },
    },
    [...AROUND, ...EVERY],
    { host: see },
  ),
  managed('no remote address, 10/8 inside', private10, [...AROUND, ...EVERY], { host: see }),
  ...[1, 2].flatMap((xff_num_trusted_hops) =>
    [true, false].map((use_remote_address) =>
      managed(
        `${xff_num_trusted_hops} hops, remote ${use_remote_address}`,
        { use_remote_address, xff_num_trusted_hops, ...private10 },
        [
          ...AROUND,
          ...EVERY,
          get('/', 'x-forwarded-proto: https'),
          get('/', 'x-forwarded-proto: https', 'x-forwarded-for: 1.2.3.4'),
        ],
        { host: see },
      ),
    ),
  ),
  managed('skip append', { use_remote_address: true, skip_xff_append: true }, AROUND, { host: see }),
  managed(
    'proto',
    {},
    [
      get('/', 'x-forwarded-proto: https'),
      get('/', 'x-forwarded-proto: ftp'),
      get('/', 'x-forwarded-proto: HTTPS'),
    ],
    { host: { request_headers_to_add: [{ header: { key: 'x-scheme', value: '%REQ(:scheme)%' } }] } },
  ),
  managed('proto of strangers', { use_remote_address: true }, [get('/', 'x-forwarded-proto: https')], {
    host: { request_headers_to_add: [{ header: { key: 'x-scheme', value: '%REQ(:scheme)%' } }] },
  }),
  managed('port', { append_x_forwarded_port: true }, [get('/'), get('/', 'x-forwarded-port: 1')]),
  managed(
    'scheme overwritten',
    { scheme_header_transformation: { scheme_to_overwrite: 'https' } },
    [get('/'), get('/', 'x-forwarded-proto: http')],
    { host: { request_headers_to_add: [{ header: { key: 'x-scheme', value: '%REQ(:scheme)%' } }] } },
  ),
  managed('client certificate sanitized', {}, [get('/', 'x-forwarded-client-cert: x')]),
  ...(['FORWARD_ONLY', 'APPEND_FORWARD', 'SANITIZE_SET', 'ALWAYS_FORWARD_ONLY'] as const).map(
    (forward_client_cert_details) =>
      managed(
        `client certificate ${forward_client_cert_details}`,
        { forward_client_cert_details, set_current_client_cert_details: { uri: true } },
        [get('/', 'x-forwarded-client-cert: x'), get('/')],
      ),
  ),
  ...[
    {},
    { generate_request_id: false },
    { preserve_external_request_id: true, use_remote_address: true },
    { use_remote_address: true },
    { always_set_request_id_in_response: true },
  ].map((manager) =>
    managed(`request id ${JSON.stringify(manager)}`, manager, [
      get('/'),
      get('/', 'x-request-id: mine'),
      get('/', 'x-request-id: a0000000-0000-4000-8000-000000000000'),
      get('/', 'x-request-id:'),
    ]),
  ),
  managed('via', { via: 'me' }, [
    get('/'),
    get('/', 'via: 1.1 you', answers('HTTP/1.1 200 OK\r\nvia: them\r\ncontent-length: 0\r\n\r\n')),
  ]),
  ...(['OVERWRITE', 'APPEND_IF_ABSENT', 'PASS_THROUGH'] as const).map((server_header_transformation) =>
    managed(`server ${server_header_transformation}`, { server_header_transformation, server_name: 'me' }, [
      get('/'),
      get('/', answers('HTTP/1.1 200 OK\r\nserver: them\r\ndate: then\r\ncontent-length: 0\r\n\r\n')),
    ]),
  ),
  managed('user agent', { add_user_agent: true }, [get('/'), get('/', 'user-agent: me')]),
  managed(
    'host port, matching',
    { strip_matching_host_port: true },
    ['a.test:80', 'a.test:443', 'a.test', '[::1]:80'].map((host) => get('/', `host: ${host}`)),
  ),
  managed(
    'host port, any',
    { strip_any_host_port: true },
    ['a.test:80', 'a.test:1', 'a.test', '[::1]:80', '[::1]'].map((host) => get('/', `host: ${host}`)),
  ),
  managed(
    'host dot',
    { strip_trailing_host_dot: true },
    ['a.test.', 'a.test.:80', 'a.test', '.', 'a.test..'].map((host) => get('/', `host: ${host}`)),
  ),
  managed(
    'suppressed',
    {
      http_filters: [
        {
          name: 'envoy.filters.http.router',
          typed_config: any('envoy.extensions.filters.http.router.v3.Router', {
            suppress_envoy_headers: true,
          }),
        },
      ],
    },
    [get('/'), get('/old')],
    {
      routes: [
        {
          match: { prefix: '/old' },
          route: { cluster: 'a', prefix_rewrite: '/new', host_rewrite_literal: 'b' },
        },
        toA,
      ],
    },
  ),
  managed(
    'expected time-out',
    {
      ...private10,
      http_filters: [
        {
          name: 'envoy.filters.http.router',
          typed_config: any('envoy.extensions.filters.http.router.v3.Router', {
            respect_expected_rq_timeout: true,
          }),
        },
      ],
    },
    [
      get('/', 'x-forwarded-for: 10.0.0.1', 'x-envoy-expected-rq-timeout-ms: 300'),
      get(
        '/',
        'x-forwarded-for: 10.0.0.1',
        'x-envoy-expected-rq-timeout-ms: 300',
        'x-envoy-upstream-rq-timeout-ms: 500',
      ),
      get('/', 'x-forwarded-for: 10.0.0.1', 'x-envoy-upstream-rq-timeout-ms: 500'),
    ],
  ),
  managed(
    'ip from a header',
    {
      original_ip_detection_extensions: [
        {
          name: 'envoy.http.original_ip_detection.custom_header',
          typed_config: any(
            'envoy.extensions.http.original_ip_detection.custom_header.v3.CustomHeaderConfig',
            { header_name: 'x-real-ip', allow_extension_to_set_address_as_trusted: true },
          ),
        },
      ],
    },
    [get('/'), get('/', 'x-real-ip: 1.2.3.4'), get('/', 'x-real-ip: x'), get('/', 'x-real-ip: 10.0.0.1')],
    { host: see },
  ),
  managed(
    'ip from a header or none',
    {
      original_ip_detection_extensions: [
        {
          name: 'envoy.http.original_ip_detection.custom_header',
          typed_config: any(
            'envoy.extensions.http.original_ip_detection.custom_header.v3.CustomHeaderConfig',
            { header_name: 'x-real-ip', reject_with_status: { code: 'Forbidden' } },
          ),
        },
      ],
    },
    [get('/'), get('/', 'x-real-ip: 1.2.3.4'), get('/', 'x-real-ip: x')],
    { host: see },
  ),
  managed(
    'ip from xff',
    {
      original_ip_detection_extensions: [
        {
          name: 'envoy.http.original_ip_detection.xff',
          typed_config: any('envoy.extensions.http.original_ip_detection.xff.v3.XffConfig', {
            xff_num_trusted_hops: 1,
          }),
        },
      ],
    },
    AROUND,
    { host: see },
  ),
  managed(
    'ip from xff, internal',
    {
      ...private10,
      original_ip_detection_extensions: [
        {
          name: 'envoy.http.original_ip_detection.xff',
          typed_config: any('envoy.extensions.http.original_ip_detection.xff.v3.XffConfig', {}),
        },
      ],
    },
    AROUND,
    { host: see },
  ),
  managed(
    'early mutation',
    {
      early_header_mutation_extensions: [
        {
          name: 'envoy.http.early_header_mutation.header_mutation',
          typed_config: any('envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation', {
            mutations: [
              { append: { header: { key: 'x-early', value: '%REQ(x-h)%' } } },
              { remove: 'x-gone' },
              {
                append: { header: { key: 'x-envoy-retry-on', value: '5xx' }, append_action: 'ADD_IF_ABSENT' },
              },
            ],
          }),
        },
      ],
    },
    [get('/', 'x-h: 1', 'x-gone: 1'), get('/')],
  ),
  managed(
    'internal only headers',
    private10,
    [get('/', 'x-secret: 1'), get('/', 'x-secret: 1', 'x-forwarded-for: 10.0.0.1')],
    { table: { internal_only_headers: ['X-Secret'] } as Partial<RouteConfiguration> },
  ),
  operated('of a value', operations('v')),
  operated('of nothing', operations('')),
  operated('of nothing that is kept', kept),
  operated('of removals', [], ['X-Append-If-Exists-Or-Add', 'x-old-true']),
  operated(
    'of removals and additions',
    operations('v'),
    operations('').map(({ header }) => header?.key ?? ''),
  ),
  ...FORMATS.filter((format) => !LEFT_OUT.has(format)).map(
    (value): RouterCase => ({
      name: `format ${value}`,
      routes: [
        {
          name: 'r',
          ...toA,
          request_headers_to_add: [{ header: { key: 'x-out', value } }],
          response_headers_to_add: [{ header: { key: 'x-out', value } }],
        },
      ],
      requests: [
        get('/p?q=1', 'x-h: value', answers('HTTP/1.1 200 OK\r\nx-back: 1\r\ncontent-length: 0\r\n\r\n')),
      ],
    }),
  ),
  levels(false),
  levels(true),
  replies({ body_format: { text_format: '%LOCAL_REPLY_BODY% %RESPONSE_CODE% %REQ(:path)%\n' } }),
  replies({
    body_format: {
      json_format: { status: '%RESPONSE_CODE%', message: '%LOCAL_REPLY_BODY%', path: '%REQ(:path)%' },
    },
  }),
  replies({
    body_format: {
      text_format_source: { inline_string: '<b>%LOCAL_REPLY_BODY%</b>' },
      content_type: 'text/html',
    },
  }),
  replies({
    mappers: [
      {
        filter: status('EQ', 503),
        status_code: 500,
        body: { inline_string: 'ours' },
        headers_to_add: [{ header: { key: 'x-mapped', value: '%RESPONSE_CODE%' } }],
      },
      {
        filter: status('GE', 400),
        body_format_override: { text_format: 'other %LOCAL_REPLY_BODY%', content_type: 'text/x' },
      },
    ],
  }),
  replies({
    mappers: [
      {
        filter: status('EQ', 503),
        status_code: 501,
        headers_to_add: [
          { header: { key: 'content-type', value: 'text/own' } },
          { header: { key: 'x-body', value: '%LOCAL_REPLY_BODY%' } },
        ],
      },
    ],
    body_format: { json_format: { ü: 'é %LOCAL_REPLY_BODY%', n: 1, none: '%REQ(x-none)%' } },
  }),
  replies({
    mappers: [{ filter: status('EQ', 503), status_code: 400 }],
    body_format: { text_format: 'ü %LOCAL_REPLY_BODY% %REQ(x-none)%', omit_empty_values: true },
  }),
  replies({
    mappers: [
      { filter: { header_filter: { header: { name: 'x-h', present_match: true } } }, status_code: 410 },
    ],
    body_format: { text_format: 'all %LOCAL_REPLY_BODY%' },
  }),
];

/** What weft refuses so far. */
const REFUSED = /FILTER_STATE|TRANSPORT_FAILURE/;

export const cases = all.filter(({ name }) => !REFUSED.test(name));
