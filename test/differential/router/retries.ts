import type { RouteAction, VirtualHost } from '../../../src/xds/resources.ts';
import { answers, get, head, type RouterCase } from '../cases.ts';

// When a request is tried again and what is sent then: the upstream answers each try as `answers` says.

type Policy = NonNullable<RouteAction['retry_policy']>;

const soon = { retry_back_off: { base_interval: '0.001s', max_interval: '0.002s' } };

function retry(
  name: string,
  policy: Policy,
  requests: readonly string[],
  more: RouteAction = {},
  host: Partial<VirtualHost> = {},
): RouterCase {
  return {
    name: `retry ${name}`,
    routes: [
      {
        match: { prefix: '/' },
        route: withoutUndefined({ cluster: 'a', retry_policy: { ...soon, ...policy }, ...more }),
      },
    ],
    host: { include_request_attempt_count: true, include_attempt_count_in_response: true, ...host },
    // Steering headers are for callers inside.
    manager: { internal_address_config: { cidr_ranges: [{ address_prefix: '10.0.0.0', prefix_len: 8 }] } },
    requests,
  };
}

function withoutUndefined(action: RouteAction): RouteAction {
  return JSON.parse(JSON.stringify(action)) as RouteAction;
}

const INSIDE = 'x-forwarded-for: 10.0.0.1';
const grpc = (status: number): string =>
  `HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\ngrpc-status: ${status}\r\ncontent-length: 0\r\n\r\n`;
const failing = [
  '500 Internal Server Error',
  '502 Bad Gateway',
  '503 Service Unavailable',
  '504 Gateway Timeout',
  '409 Conflict',
  '429 Too Many Requests',
  '404 Not Found',
  '302 Found',
  'close',
  grpc(1),
  grpc(4),
  grpc(8),
  grpc(13),
  grpc(14),
  grpc(2),
];
const withHeader = (status: string, line: string): string =>
  `HTTP/1.1 ${status}\r\n${line}\r\ncontent-length: 0\r\n\r\n`;

const CONDITIONS = [
  '5xx',
  'gateway-error',
  'reset',
  'reset-before-request',
  'connect-failure',
  'retriable-4xx',
  'refused-stream',
  'cancelled',
  'deadline-exceeded',
  'internal',
  'resource-exhausted',
  'unavailable',
  'envoy-ratelimited',
  'http3-post-connect-failure',
];

export const cases: readonly RouterCase[] = [
  ...CONDITIONS.map((retry_on) =>
    retry(
      retry_on,
      { retry_on },
      failing.map((answer) => get('/', answers(answer, '200 OK'))),
    ),
  ),
  ...CONDITIONS.slice(0, 6).map((retry_on) =>
    retry(`${retry_on} nobody listens`, { retry_on }, [get('/')], { cluster: 'dead' }),
  ),
  retry('envoy-ratelimited and 5xx', { retry_on: 'envoy-ratelimited,5xx' }, [
    get('/', answers(withHeader('503 Service Unavailable', 'x-envoy-ratelimited: true'), '200 OK')),
    get('/', answers(withHeader('429 Too Many Requests', 'x-envoy-ratelimited: true'), '200 OK')),
  ]),
  retry('5xx of a rate limit', { retry_on: '5xx' }, [
    get('/', answers(withHeader('503 Service Unavailable', 'x-envoy-ratelimited: true'), '200 OK')),
    get('/', answers(withHeader('503 Service Unavailable', 'x-envoy-overloaded: true'), '200 OK')),
  ]),
  retry(
    'status codes',
    { retry_on: 'retriable-status-codes', retriable_status_codes: [404, 302] },
    failing.map((answer) => get('/', answers(answer, '200 OK'))),
  ),
  retry('status codes without the condition', { retry_on: '5xx', retriable_status_codes: [404] }, [
    get('/', answers('404 Not Found', '200 OK')),
  ]),
  retry(
    'headers',
    {
      retry_on: 'retriable-headers',
      retriable_headers: [{ name: 'x-again' }, { name: ':status', string_match: { exact: '404' } }],
    },
    [
      get('/', answers(withHeader('200 OK', 'x-again: 1'), '200 OK')),
      get('/', answers('404 Not Found', '200 OK')),
      get('/', answers('503 Service Unavailable', '200 OK')),
    ],
  ),
  retry('of some requests', { retry_on: '5xx', retriable_request_headers: [{ name: 'x-safe' }] }, [
    get('/', answers('503 Service Unavailable', '200 OK')),
    get('/', 'x-safe: 1', answers('503 Service Unavailable', '200 OK')),
  ]),
  retry(
    'of GET',
    { retry_on: '5xx', retriable_request_headers: [{ name: ':method', string_match: { exact: 'GET' } }] },
    [
      get('/', answers('503 Service Unavailable', '200 OK')),
      `${head('POST', '/', 'content-length: 2', answers('503 Service Unavailable', '200 OK'))}hi`,
    ],
  ),
  retry('no number', { retry_on: '5xx' }, [
    get(
      '/',
      answers('503 Service Unavailable', '503 Service Unavailable', '503 Service Unavailable', '200 OK'),
    ),
  ]),
  retry('none', { retry_on: '5xx', num_retries: 0 }, [
    get('/', answers('503 Service Unavailable', '200 OK')),
  ]),
  retry('three', { retry_on: '5xx', num_retries: 3 }, [
    get('/', answers('503 Service Unavailable', '500 Internal Server Error', 'close', '200 OK')),
    get(
      '/',
      answers('503 Service Unavailable', '500 Internal Server Error', 'close', '502 Bad Gateway', '200 OK'),
    ),
  ]),
  retry('with a body', { retry_on: '5xx', num_retries: 2 }, [
    `${head('POST', '/', 'content-length: 5', answers('503 Service Unavailable', 'close', '200 OK'))}hello`,
    `${head('POST', '/', 'transfer-encoding: chunked', answers('503 Service Unavailable', 'close', '200 OK'))}5\r\nhello\r\n0\r\n\r\n`,
  ]),
  retry(
    'headers without a policy',
    {},
    [
      get('/', INSIDE, 'x-envoy-retry-on: 5xx', answers('503 Service Unavailable', '200 OK')),
      get('/', 'x-envoy-retry-on: 5xx', answers('503 Service Unavailable', '200 OK')),
      get('/', INSIDE, 'x-envoy-retry-grpc-on: unavailable', answers(grpc(14), '200 OK')),
      get('/', INSIDE, 'x-envoy-retry-grpc-on: 5xx', answers('503 Service Unavailable', '200 OK')),
      get('/', INSIDE, 'x-envoy-retry-on: unavailable', answers(grpc(14), '200 OK')),
      get(
        '/',
        INSIDE,
        'x-envoy-retry-on: 5xx',
        'x-envoy-max-retries: 2',
        answers('503 Service Unavailable', '503 Service Unavailable', '200 OK'),
      ),
      get(
        '/',
        INSIDE,
        'x-envoy-retry-on: 5xx',
        'x-envoy-max-retries: 0',
        answers('503 Service Unavailable', '503 Service Unavailable', '200 OK'),
      ),
      get(
        '/',
        INSIDE,
        'x-envoy-max-retries: 2',
        answers('503 Service Unavailable', '503 Service Unavailable', '200 OK'),
      ),
      get(
        '/',
        INSIDE,
        'x-envoy-retry-on: retriable-status-codes',
        'x-envoy-retriable-status-codes: 404, 418,x',
        answers('404 Not Found', '200 OK'),
      ),
      get(
        '/',
        INSIDE,
        'x-envoy-retry-on: retriable-status-codes',
        'x-envoy-retriable-status-codes: 404, 418',
        answers("418 I'm a Teapot", '200 OK'),
      ),
      get(
        '/',
        INSIDE,
        'x-envoy-retry-on: retriable-headers',
        'x-envoy-retriable-header-names: X-Again,x-b',
        answers(withHeader('200 OK', 'x-b: 1'), '200 OK'),
      ),
      get('/', INSIDE, 'x-envoy-retriable-header-names: X-Again,x-b'),
      get('/', INSIDE, 'x-envoy-retry-on: nonsense, 5xx', answers('503 Service Unavailable', '200 OK')),
      get(
        '/',
        INSIDE,
        'x-envoy-hedge-on-per-try-timeout: true',
        'x-envoy-upstream-rq-per-try-timeout-ms: 100',
      ),
    ],
    { retry_policy: undefined as never },
  ),
  retry('headers beside a policy', { retry_on: '5xx', num_retries: 1 }, [
    get('/', INSIDE, 'x-envoy-retry-on: retriable-4xx', answers('503 Service Unavailable', '200 OK')),
    get('/', INSIDE, 'x-envoy-retry-on: retriable-4xx', answers('409 Conflict', '200 OK')),
    get(
      '/',
      INSIDE,
      'x-envoy-max-retries: 3',
      answers('503 Service Unavailable', '503 Service Unavailable', '503 Service Unavailable', '200 OK'),
    ),
    get(
      '/',
      INSIDE,
      'x-envoy-max-retries: x',
      answers('503 Service Unavailable', '503 Service Unavailable', '503 Service Unavailable', '200 OK'),
    ),
  ]),
  retry(
    'of the virtual host',
    {},
    [get('/', answers('503 Service Unavailable', '200 OK'))],
    { retry_policy: undefined as never },
    { retry_policy: { ...soon, retry_on: '5xx' } },
  ),
  retry(
    'overridden by the route',
    { retry_on: 'retriable-4xx' },
    [get('/', answers('503 Service Unavailable', '200 OK')), get('/', answers('409 Conflict', '200 OK'))],
    {},
    { retry_policy: { ...soon, retry_on: '5xx' } },
  ),
  retry(
    'asked to wait',
    {
      retry_on: '5xx',
      rate_limited_retry_back_off: {
        reset_headers: [{ name: 'Retry-After', format: 'SECONDS' }],
        max_interval: '2s',
      },
    },
    [
      get('/', answers(withHeader('503 Service Unavailable', 'retry-after: 0'), '200 OK')),
      get('/', answers(withHeader('503 Service Unavailable', 'retry-after: 100'), '200 OK')),
    ],
  ),
  retry('per try', { retry_on: '5xx', per_try_timeout: '0.05s' }, [
    get('/', answers('silence', '200 OK')),
    get('/', answers('silence', 'silence')),
  ]),
  retry('per try without condition', { per_try_timeout: '0.05s' }, [get('/', answers('silence', '200 OK'))]),
  retry(
    'per try, counted',
    { retry_on: 'reset', per_try_timeout: '0.05s' },
    [get('/', answers('silence', '200 OK'))],
    {},
    { include_is_timeout_retry_header: true },
  ),
  retry('per try idle', { retry_on: '5xx', per_try_idle_timeout: '0.05s' }, [
    get('/', answers('silence', '200 OK')),
    get('/', answers('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc')),
  ]),
  retry(
    'time-out',
    { retry_on: '5xx' },
    [
      get('/', answers('silence', '200 OK')),
      get('/', answers('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc')),
    ],
    { timeout: '0.1s' },
  ),
  retry(
    'time-out of a stream',
    { retry_on: '5xx' },
    [
      get('/', answers('silence', '200 OK')),
      head('POST', '/', 'content-length: 0', 'content-type: application/grpc', answers('silence')),
    ],
    { max_stream_duration: { max_stream_duration: '0.1s' } },
  ),
  retry('idle stream', {}, [get('/', answers('silence', '200 OK'))], {
    idle_timeout: '0.1s',
  }),
  retry(
    'hedge',
    { retry_on: '5xx', num_retries: 2, per_try_timeout: '0.05s' },
    [
      get('/', answers('silence', '200 OK')),
      get('/', answers('silence', '503 Service Unavailable', '200 OK')),
      get('/', answers('503 Service Unavailable', '200 OK')),
      `${head('POST', '/', 'content-length: 5', answers('silence', '200 OK'))}hello`,
    ],
    { hedge_policy: { hedge_on_per_try_timeout: true }, timeout: '1s' },
  ),
  retry(
    'hedge of the virtual host',
    { retry_on: '5xx', per_try_timeout: '0.05s' },
    [get('/', answers('silence', '200 OK'))],
    {},
    { hedge_policy: { hedge_on_per_try_timeout: true }, include_is_timeout_retry_header: true },
  ),
  retry('hedge asked for', { retry_on: '5xx', per_try_timeout: '0.05s' }, [
    get('/', INSIDE, 'x-envoy-hedge-on-per-try-timeout: true', answers('silence', '200 OK')),
  ]),
  retry(
    'large body',
    { retry_on: '5xx' },
    [
      `${head('POST', '/', 'content-length: 50', answers('503 Service Unavailable', '200 OK'))}${'x'.repeat(50)}`,
    ],
    {},
    { per_request_buffer_limit_bytes: 10 },
  ),
  // Times that are told to the upstream.
  ...[
    [{ timeout: '1s' }, {}],
    [{ timeout: '0s' }, {}],
    [{ timeout: '1s' }, { per_try_timeout: '0.3s' }],
    [{ timeout: '0s' }, { per_try_timeout: '0.3s' }],
    [{ timeout: '1s' }, { per_try_timeout: '2s' }],
    [{ timeout: '1s', max_stream_duration: { max_stream_duration: '3s' } }, {}],
    [{ timeout: '1s', max_stream_duration: { grpc_timeout_header_max: '3s' } }, {}],
    [
      {
        timeout: '1s',
        max_stream_duration: { grpc_timeout_header_max: '3s', grpc_timeout_header_offset: '0.5s' },
      },
      {},
    ],
    [{ timeout: '1s', max_stream_duration: { grpc_timeout_header_max: '0s' } }, {}],
    [{ timeout: '1s', max_grpc_timeout: '3s' }, {}],
    [{ timeout: '1s', max_grpc_timeout: '0s' }, {}],
    [{ timeout: '1s', max_grpc_timeout: '3s', grpc_timeout_offset: '0.2s' }, {}],
    [{ timeout: '1s', hedge_policy: { hedge_on_per_try_timeout: true } }, { per_try_timeout: '0.3s' }],
  ].map(([action, policy]) =>
    retry(
      `times ${JSON.stringify([action, policy])}`,
      policy as Policy,
      [
        get('/'),
        head('POST', '/', 'content-type: application/grpc', 'content-length: 0', 'grpc-timeout: 1S'),
        head('POST', '/', 'content-type: application/grpc', 'content-length: 0', 'grpc-timeout: 100S'),
        head('POST', '/', 'content-type: application/grpc', 'content-length: 0', 'grpc-timeout: 800m'),
        head('POST', '/', 'content-type: application/grpc', 'content-length: 0'),
        get('/', 'grpc-timeout: 1S'),
        get('/', INSIDE, 'x-envoy-upstream-rq-timeout-ms: 700'),
        get('/', INSIDE, 'x-envoy-upstream-rq-timeout-ms: 0'),
        get('/', INSIDE, 'x-envoy-upstream-rq-timeout-ms: x'),
        get(
          '/',
          INSIDE,
          'x-envoy-upstream-rq-timeout-ms: 700',
          'x-envoy-upstream-rq-per-try-timeout-ms: 200',
        ),
        get('/', INSIDE, 'x-envoy-upstream-rq-per-try-timeout-ms: 2000'),
        get('/', INSIDE, 'x-envoy-expected-rq-timeout-ms: 300'),
      ],
      action as RouteAction,
    ),
  ),
  retry(
    'time-out with another answer',
    {},
    [get('/', INSIDE, 'x-envoy-upstream-rq-timeout-alt-response: 1', answers('silence'))],
    { timeout: '0.05s' },
  ),
];
