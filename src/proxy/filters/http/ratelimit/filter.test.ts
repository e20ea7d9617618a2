import { afterEach, describe, expect, it } from 'vitest';
import { any } from '../../../../xds/resources.ts';
import {
  closeAll,
  ROUTER,
  routesOf,
  send,
  startTestProxy,
  startUpstream,
  staticCluster,
} from '../../../test-proxy.ts';
import { startGrpcService, type TestGrpcService } from '../test-grpc-service.ts';
import { RATELIMIT_MESSAGE, RATELIMIT_ROUTE_MESSAGE } from './config.ts';
import { type RateLimitAnswer, SHOULD_RATE_LIMIT } from './service.ts';

interface Question {
  readonly domain: string;
  readonly descriptors: readonly { readonly entries: readonly { key: string; value: string }[] }[];
}

const services: TestGrpcService<Question>[] = [];
afterEach(() => {
  closeAll();
  for (const service of services.splice(0)) service.close();
});

const NAME = 'envoy.filters.http.ratelimit';

async function proxyWith(
  answer: (question: Question) => RateLimitAnswer | number | undefined,
  config: object = {},
  routing: { readonly route?: object; readonly host?: object; readonly action?: object } = {},
) {
  const { port } = await startUpstream((request, response) => response.end(JSON.stringify(request.headers)));
  const service = await startGrpcService<Question>(SHOULD_RATE_LIMIT, answer);
  services.push(service);
  const routes = routesOf({
    match: { prefix: '/' },
    route: { cluster: 'c', ...routing.action },
    ...routing.route,
  });
  const [host] = routes.virtual_hosts ?? [];
  const proxy = await startTestProxy({
    clusters: [
      staticCluster('c', [port]),
      staticCluster('limits', [service.port], { http2_protocol_options: {} }),
    ],
    routes: { ...routes, virtual_hosts: [{ ...host, ...routing.host }] },
    manager: {
      http_filters: [
        {
          name: NAME,
          typed_config: any(RATELIMIT_MESSAGE, {
            domain: 'shop',
            timeout: '5s',
            rate_limit_service: { grpc_service: { envoy_grpc: { cluster_name: 'limits' } } },
            ...config,
          }),
        },
        ROUTER,
      ],
      access_log: [
        {
          typed_config: any('envoy.extensions.access_loggers.stream.v3.StdoutAccessLog', {
            log_format: {
              text_format_source: { inline_string: '%RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%' },
            },
          }),
        },
      ],
    },
  });
  return { proxy, service };
}

const generic = (value: string, more: object = {}) => ({
  actions: [{ generic_key: { descriptor_value: value } }],
  ...more,
});
const ok = (): RateLimitAnswer => ({ overall_code: 'OK' });
const entriesOf = (service: TestGrpcService<Question>) =>
  service.asked.flatMap(({ descriptors }) =>
    descriptors.map(({ entries }) => entries.map(({ key, value }) => `${key}=${value}`).join()),
  );

describe('what a request is counted as', () => {
  it('is what every kind of action finds', async () => {
    const actions = [
      { source_cluster: {} },
      { destination_cluster: {} },
      { request_headers: { header_name: 'x-user', descriptor_key: 'user' } },
      { request_headers: { header_name: 'x-absent', descriptor_key: 'absent', skip_if_absent: true } },
      { query_parameters: { query_parameter_name: 'q', descriptor_key: 'query' } },
      { remote_address: {} },
      { masked_remote_address: { v4_prefix_mask_len: 16 } },
      { generic_key: { descriptor_key: 'k', descriptor_value: 'v' } },
      {
        header_value_match: {
          descriptor_value: 'post',
          headers: [{ name: ':method', string_match: { exact: 'GET' } }],
        },
      },
      {
        query_parameter_value_match: {
          descriptor_value: 'has-q',
          query_parameters: [{ name: 'q', present_match: true }],
        },
      },
      {
        metadata: {
          descriptor_key: 'tier',
          source: 'ROUTE_ENTRY',
          metadata_key: { key: 'shop', path: [{ key: 'tier' }] },
        },
      },
      {
        metadata: {
          descriptor_key: 'none',
          default_value: 'd',
          metadata_key: { key: 'x', path: [{ key: 'y' }] },
        },
      },
    ];
    const { proxy, service } = await proxyWith(
      ok,
      {},
      {
        action: { rate_limits: [{ actions }] },
        route: { metadata: { filter_metadata: { shop: { tier: 'gold' } } } },
      },
    );
    expect((await send(proxy.port, { path: '/?q=7', headers: { 'x-user': 'ann' } })).status).toBe(200);
    expect(service.asked[0]?.domain).toBe('shop');
    expect(entriesOf(service)).toEqual([
      'source_cluster=productpage.default,destination_cluster=c,user=ann,query=7,remote_address=127.0.0.1,' +
        'masked_remote_address=127.0.0.0/16,k=v,header_match=post,query_match=has-q,tier=gold,none=d',
    ]);
  });

  it('is nothing where an action finds nothing, and then nobody is asked', async () => {
    const { proxy, service } = await proxyWith(
      ok,
      {},
      {
        action: {
          rate_limits: [{ actions: [{ request_headers: { header_name: 'x-user', descriptor_key: 'u' } }] }],
        },
      },
    );
    expect((await send(proxy.port)).status).toBe(200);
    expect(service.asked).toEqual([]);
  });

  it('is the virtual host’s where the route says nothing, or says so', async () => {
    const host = { rate_limits: [generic('host')] };
    const own = { rate_limits: [generic('route')] };
    const typed = (options: object) => ({
      typed_per_filter_config: { [NAME]: any(RATELIMIT_ROUTE_MESSAGE, options) },
    });
    const cases = [
      [{ host }, ['generic_key=host']],
      [{ host, action: own }, ['generic_key=route']],
      [{ host, action: { ...own, include_vh_rate_limits: true } }, ['generic_key=route', 'generic_key=host']],
      [{ host, route: typed({ vh_rate_limits: 'IGNORE' }) }, []],
      [
        { host, action: own, route: typed({ vh_rate_limits: 'INCLUDE' }) },
        ['generic_key=route', 'generic_key=host'],
      ],
      [{ host, route: typed({ rate_limits: [generic('own')] }) }, ['generic_key=own']],
    ] as const;
    for (const [routing, expected] of cases) {
      const { proxy, service } = await proxyWith(ok, {}, routing);
      await send(proxy.port);
      expect(entriesOf(service)).toEqual(expected);
    }
  });

  it('is of the filter’s stage only', async () => {
    const action = { rate_limits: [generic('zero'), generic('one', { stage: 1 })] };
    const { proxy, service } = await proxyWith(ok, { stage: 1 }, { action });
    await send(proxy.port);
    expect(entriesOf(service)).toEqual(['generic_key=one']);
  });
});

describe('the answer', () => {
  const action = { rate_limits: [generic('a')] };

  it('over the limit is 429, with what the service wants told', async () => {
    const { proxy } = await proxyWith(
      () => ({
        overall_code: 'OVER_LIMIT',
        raw_body: btoa('too many'),
        response_headers_to_add: [{ key: 'X-Limit', value: 'a' }],
        statuses: [
          {
            current_limit: { requests_per_unit: 10, unit: 'MINUTE', name: 'a' },
            limit_remaining: 0,
            duration_until_reset: '12s',
          },
          { current_limit: { requests_per_unit: 99, unit: 'HOUR' }, limit_remaining: 5 },
        ],
      }),
      { enable_x_ratelimit_headers: 'DRAFT_VERSION_03' },
      { action },
    );
    const { status, body, headers } = await send(proxy.port);
    expect([status, body]).toEqual([429, 'too many']);
    expect(headers).toMatchObject({
      'x-envoy-ratelimited': 'true',
      'x-limit': 'a',
      'x-ratelimit-limit': '10, 10;w=60;name="a", 99;w=3600',
      'x-ratelimit-remaining': '0',
      'x-ratelimit-reset': '12',
    });
    expect(proxy.log).toEqual(['RL request_rate_limited']);
    expect(proxy.metrics.renderStats()).toContain('cluster.c.ratelimit.over_limit: 1');
  });

  it('within it changes request and response as the service says', async () => {
    const { proxy } = await proxyWith(
      () => ({
        overall_code: 'OK',
        request_headers_to_add: [{ key: 'x-up', value: '1' }],
        response_headers_to_add: [{ key: 'x-down', value: '2' }],
      }),
      {},
      { action },
    );
    const { body, headers } = await send(proxy.port);
    expect(JSON.parse(body)['x-up']).toBe('1');
    expect(headers['x-down']).toBe('2');
    expect(proxy.metrics.renderStats()).toContain('cluster.c.ratelimit.ok: 1');
  });

  it('that does not come lets the request go on, or denies it', async () => {
    const open = await proxyWith(() => 14, {}, { action });
    expect((await send(open.proxy.port)).status).toBe(200);
    expect(open.proxy.metrics.renderStats()).toContain('cluster.c.ratelimit.failure_mode_allowed: 1');
    const closed = await proxyWith(
      () => undefined,
      { timeout: '0.05s', failure_mode_deny: true },
      { action },
    );
    expect((await send(closed.proxy.port)).status).toBe(500);
    expect(closed.proxy.log).toEqual(['RLSE rate_limiter_error']);
  });
});

describe('a configuration', () => {
  it('without domain, service or with unknown actions is refused', async () => {
    await expect(proxyWith(ok, { domain: '', rate_limit_service: {} })).rejects.toThrow(
      /domain: is missing[\s\S]*cluster_name: is missing/,
    );
    await expect(
      proxyWith(ok, {}, { action: { rate_limits: [{ actions: [{ extension: { name: 'x' } }] }] } }),
    ).rejects.toThrow(/actions\[0\]\.extension: is not supported/);
  });
});
