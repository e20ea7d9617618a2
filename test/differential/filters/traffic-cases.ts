import { any } from '../../../src/xds/resources.ts';
import { answers, get, head, type RouterCase } from '../cases.ts';
import { ALWAYS, chain, exact, filter, http, post } from './chain.ts';

// What becomes of traffic: limits, faults, health checks, headers, bodies.

const bucket = (max_tokens: number) => ({ max_tokens, tokens_per_fill: 1, fill_interval: '3600s' });

/** Limits that this proxy counts itself. */
export const local: readonly RouterCase[] = [
  chain(
    'two requests',
    filter('local_ratelimit', 'LocalRateLimit', {
      stat_prefix: 'limit',
      token_bucket: bucket(2),
      filter_enabled: ALWAYS,
      filter_enforced: ALWAYS,
      enable_x_ratelimit_headers: 'DRAFT_VERSION_03',
      response_headers_to_add: [{ header: { key: 'x-limited', value: 'yes' } }],
    }),
    [get('/'), get('/'), get('/'), head('POST', '/a', 'content-type: application/grpc', 'content-length: 0')],
  ),
  chain(
    'not enforced',
    filter('local_ratelimit', 'LocalRateLimit', {
      stat_prefix: 'trial',
      token_bucket: bucket(1),
      filter_enabled: ALWAYS,
      request_headers_to_add_when_not_enforced: [{ header: { key: 'x-would', value: 'limit' } }],
    }),
    [get('/'), get('/')],
  ),
  chain(
    'by descriptors',
    filter('local_ratelimit', 'LocalRateLimit', {
      stat_prefix: 'by',
      token_bucket: bucket(4),
      filter_enabled: ALWAYS,
      filter_enforced: ALWAYS,
      status: { code: 'ServiceUnavailable' },
      descriptors: [
        { entries: [{ key: 'who', value: 'ann' }], token_bucket: bucket(1) },
        { entries: [{ key: 'who', value: 'bob' }], token_bucket: bucket(2) },
      ],
    }),
    [
      get('/', 'x-who: ann'),
      get('/', 'x-who: ann'),
      get('/', 'x-who: bob'),
      get('/', 'x-who: bob'),
      get('/', 'x-who: bob'),
      get('/'),
      get('/', 'x-who: eve'),
    ],
    {
      routes: [
        {
          match: { prefix: '/' },
          route: {
            cluster: 'a',
            rate_limits: [
              { actions: [{ request_headers: { header_name: 'x-who', descriptor_key: 'who' } }] },
            ],
          },
        },
      ],
    },
  ),
];

const ABORT = { http_status: 418, percentage: { numerator: 100 } };

/** Faults on purpose. */
export const fault: readonly RouterCase[] = [
  chain('abort', filter('fault', 'HTTPFault', { abort: ABORT }), [get('/')]),
  chain(
    'slow responses',
    filter('fault', 'HTTPFault', {
      response_rate_limit: { fixed_limit: { limit_kbps: 50 }, percentage: { numerator: 100 } },
    }),
    [get('/'), get('/', answers(`HTTP/1.1 200 OK\r\ncontent-length: 4096\r\n\r\n${'x'.repeat(4096)}`))],
  ),
  chain(
    'slow responses, by header',
    filter('fault', 'HTTPFault', {
      abort: ABORT,
      response_rate_limit: { header_limit: {}, percentage: { numerator: 100 } },
    }),
    [
      get('/'),
      get('/', 'x-envoy-fault-throughput-response: 9'),
      get('/', 'x-envoy-fault-throughput-response: 0'),
    ],
  ),
  chain(
    'delay',
    filter('fault', 'HTTPFault', { delay: { fixed_delay: '0.01s', percentage: { numerator: 100 } } }),
    [get('/'), get('/gone', answers('503 Service Unavailable'))],
  ),
  chain(
    'as headers ask',
    filter('fault', 'HTTPFault', {
      abort: { header_abort: {}, percentage: { numerator: 100 } },
      delay: { header_delay: {}, percentage: { numerator: 100 } },
    }),
    [
      get('/'),
      get('/', 'x-envoy-fault-abort-request: 419'),
      get('/', 'x-envoy-fault-abort-request: 99'),
      get('/', 'x-envoy-fault-delay-request: 5', 'x-envoy-fault-abort-request: 500'),
    ],
  ),
  chain(
    'for chosen requests',
    filter('fault', 'HTTPFault', {
      abort: { grpc_status: 14, percentage: { numerator: 100 } },
      headers: [{ name: 'x-fault', string_match: exact('1') }],
    }),
    [
      get('/'),
      get('/', 'x-fault: 1'),
      head('POST', '/', 'x-fault: 1', 'content-type: application/grpc', 'content-length: 0'),
    ],
  ),
];

/** Health checks of this proxy. */
export const health: readonly RouterCase[] = [
  chain(
    'answered here',
    filter('health_check', 'HealthCheck', {
      pass_through_mode: false,
      headers: [{ name: ':path', string_match: exact('/ready') }],
    }),
    [get('/ready'), get('/other'), head('HEAD', '/ready')],
  ),
  chain(
    'by clusters that are well, or not there',
    filter('health_check', 'HealthCheck', {
      pass_through_mode: false,
      headers: [{ name: ':path', string_match: exact('/ready') }],
      cluster_min_healthy_percentages: { a: { value: 50 } },
    }),
    [get('/ready')],
  ),
  chain(
    'by a cluster that is not there',
    filter('health_check', 'HealthCheck', {
      pass_through_mode: false,
      headers: [{ name: ':path', string_match: exact('/ready') }],
      cluster_min_healthy_percentages: { nowhere: { value: 50 } },
    }),
    [get('/ready')],
  ),
  chain(
    'by the health of clusters',
    filter('health_check', 'HealthCheck', {
      pass_through_mode: false,
      headers: [{ name: ':path', string_match: exact('/ready') }],
      cluster_min_healthy_percentages: { a: { value: 50 }, none: { value: 10 } },
    }),
    [get('/ready')],
  ),
  chain(
    'passed through and remembered',
    filter('health_check', 'HealthCheck', {
      pass_through_mode: true,
      cache_time: '600s',
      headers: [{ name: ':path', string_match: exact('/ready') }],
    }),
    [get('/other'), get('/ready', answers('503 Service Unavailable')), get('/ready'), get('/other')],
  ),
  chain(
    'passed through',
    filter('health_check', 'HealthCheck', {
      pass_through_mode: true,
      headers: [{ name: ':path', string_match: exact('/ready') }],
    }),
    [get('/ready', answers('503 Service Unavailable')), get('/ready')],
  ),
];

const mutation = (append: object) => ({ append });
const added = (key: string, value: string, append_action: string) =>
  mutation({ header: { key, value }, append_action });

/** Headers changed by a chain and by routes. */
export const mutations: readonly RouterCase[] = [
  chain(
    'every action',
    filter('header_mutation', 'HeaderMutation', {
      mutations: {
        request_mutations: [
          { remove: 'x-gone' },
          added('x-if', 'new', 'ADD_IF_ABSENT'),
          added('x-over', 'new', 'OVERWRITE_IF_EXISTS'),
          added('x-more', 'new', 'APPEND_IF_EXISTS_OR_ADD'),
          added('x-set', '%REQ(x-more)%', 'OVERWRITE_IF_EXISTS_OR_ADD'),
          added('x-empty', '%REQ(x-none)%', 'OVERWRITE_IF_EXISTS_OR_ADD'),
        ],
        response_mutations: [{ remove: 'x-up' }, added('x-code', '%RESPONSE_CODE%', 'ADD_IF_ABSENT')],
      },
    }),
    [
      get('/', 'x-gone: 1', 'x-more: old', 'x-over: old', 'x-if: old'),
      get('/', answers('404 Not Found\r\nx-up: 1')),
    ],
  ),
  chain(
    'and the route',
    filter('header_mutation', 'HeaderMutation', {
      mutations: { request_mutations: [added('x-a', 'chain', 'OVERWRITE_IF_EXISTS_OR_ADD')] },
    }),
    [get('/')],
    {
      typed: any(http('header_mutation', 'HeaderMutationPerRoute'), {
        mutations: { request_mutations: [added('x-a', 'route', 'OVERWRITE_IF_EXISTS_OR_ADD')] },
      }),
    },
  ),
];

const compressor = (name: string, fields: object, requests: readonly string[]) =>
  chain(
    name,
    filter('compressor', 'Compressor', {
      compressor_library: {
        name: 'text_optimized',
        typed_config: any('envoy.extensions.compression.gzip.compressor.v3.Gzip', {}),
      },
      ...fields,
    }),
    requests,
  );
const page = (type: string, length: number, ...lines: string[]) =>
  answers(
    [
      'HTTP/1.1 200 OK',
      `content-length: ${length}`,
      `content-type: ${type}`,
      ...lines,
      '',
      'x'.repeat(length),
    ].join('\r\n'),
  );
const GZIP = 'accept-encoding: gzip';

/** Compressed answers; what is in them is compared by length only where the coding says so. */
export const compressed: readonly RouterCase[] = [
  compressor('what is not compressed', {}, [
    get('/', page('text/html', 100)),
    get('/', page('text/html', 10), GZIP),
    get('/', page('image/png', 100), GZIP),
    get('/', page('text/html', 100, 'content-encoding: br'), GZIP),
    get('/', page('text/html', 100, 'cache-control: no-transform'), GZIP),
    get('/', page('text/html', 100), 'accept-encoding: br'),
    get('/', page('text/html', 100), 'accept-encoding: gzip;q=0, *;q=0.5'),
    get('/', page('text/html', 100), 'accept-encoding: identity, gzip;q=0.5'),
  ]),
];

const buffer = (max_request_bytes: number) => filter('buffer', 'Buffer', { max_request_bytes });
const chunked = (...chunks: string[]) =>
  `${head('POST', '/', 'transfer-encoding: chunked')}${chunks.map((one) => `${one.length.toString(16)}\r\n${one}\r\n`).join('')}0\r\n\r\n`;

/** Whole requests. */
export const buffered: readonly RouterCase[] = [
  chain('up to a length', buffer(10), [
    get('/'),
    post('hello'),
    post('hello hello'),
    post('hello hell'),
    chunked('ab', 'cd'),
    chunked(),
  ]),
  chain('off for the route', buffer(10), [chunked('ab')], {
    typed: any(http('buffer', 'BufferPerRoute'), { disabled: true }),
  }),
];

/** gRPC for browsers, up to where the upstream is asked. */
export const web: readonly RouterCase[] = [
  chain('requests', filter('grpc_web', 'GrpcWeb', {}), [
    get('/'),
    post(
      'AAAAAAA=',
      'content-type: application/grpc-web-text',
      'accept: application/grpc-web-text',
      answers(
        'HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\ngrpc-status: 0\r\ncontent-length: 0\r\n\r\n',
      ),
    ),
    post(
      'AAAA',
      'content-type: application/grpc-web+proto',
      answers(
        'HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\ngrpc-status: 0\r\ncontent-length: 0\r\n\r\n',
      ),
    ),
  ]),
];
