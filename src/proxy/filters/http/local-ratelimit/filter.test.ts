import { afterEach, describe, expect, it } from 'vitest';
import { manualClock } from '../../../../lib/manual-clock.ts';
import { any, type Route } from '../../../../xds/resources.ts';
import {
  closeAll,
  ROUTER,
  routesOf,
  send,
  startTestProxy,
  startUpstream,
  staticCluster,
} from '../../../test-proxy.ts';
import { LOCAL_RATELIMIT_MESSAGE } from './config.ts';

afterEach(closeAll);

const NAME = 'envoy.filters.http.local_ratelimit';
const all = { default_value: { numerator: 100, denominator: 'HUNDRED' } };
const limit = (max_tokens: number, more: object = {}) =>
  any(LOCAL_RATELIMIT_MESSAGE, {
    stat_prefix: 'limit',
    token_bucket: { max_tokens, tokens_per_fill: 1, fill_interval: '60s' },
    filter_enabled: all,
    filter_enforced: all,
    ...more,
  });

async function proxyWith(filter: object, ...routes: readonly Route[]) {
  const { port } = await startUpstream((request, response) =>
    response.end(request.headers['x-over'] ?? 'ok'),
  );
  const clock = manualClock(Date.now());
  const proxy = await startTestProxy({
    clock,
    clusters: [staticCluster('c', [port])],
    routes: routesOf(...routes, { match: { prefix: '/' }, route: { cluster: 'c' } }),
    manager: {
      http_filters: [{ name: NAME, typed_config: filter as ReturnType<typeof limit> }, ROUTER],
      access_log: [
        {
          typed_config: any('envoy.extensions.access_loggers.stream.v3.StdoutAccessLog', {
            log_format: {
              text_format_source: { inline_string: '%RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%\n' },
            },
          }),
        },
      ],
    },
  });
  return { ...proxy, clock };
}

async function statuses(port: number, count: number, path = '/'): Promise<number[]> {
  const found: number[] = [];
  for (let i = 0; i < count; i++) found.push((await send(port, { path })).status);
  return found;
}

describe('the local rate limit', () => {
  it('answers 429 when the bucket is empty, until time has filled it again', async () => {
    const proxy = await proxyWith(limit(2));
    expect(await statuses(proxy.port, 3)).toEqual([200, 200, 429]);
    proxy.clock.advance(59_000);
    expect(await send(proxy.port)).toMatchObject({ status: 429, body: 'local_rate_limited' });
    proxy.clock.advance(1000);
    expect(await statuses(proxy.port, 2)).toEqual([200, 429]);
    expect(proxy.log.filter((line) => line === 'RL local_rate_limited\n')).toHaveLength(3);
  });

  it('limits nothing where it is not enabled', async () => {
    const proxy = await proxyWith(limit(1, { filter_enabled: undefined }));
    expect(await statuses(proxy.port, 3)).toEqual([200, 200, 200]);
  });

  it('only marks the request where it is not enforced', async () => {
    const proxy = await proxyWith(
      limit(1, {
        filter_enforced: undefined,
        request_headers_to_add_when_not_enforced: [{ header: { key: 'x-over', value: 'over' } }],
      }),
    );
    expect((await send(proxy.port)).body).toBe('ok');
    expect(await send(proxy.port)).toMatchObject({ status: 200, body: 'over' });
  });

  it('tells what is left, and answers with the status and headers that were asked for', async () => {
    const proxy = await proxyWith(
      limit(1, {
        status: { code: 'ServiceUnavailable' },
        enable_x_ratelimit_headers: 'DRAFT_VERSION_03',
        response_headers_to_add: [{ header: { key: 'x-limited', value: 'yes' } }],
      }),
    );
    expect((await send(proxy.port)).headers).toMatchObject({
      'x-ratelimit-limit': '1',
      'x-ratelimit-remaining': '0',
      'x-ratelimit-reset': '60',
    });
    expect(await send(proxy.port)).toMatchObject({ status: 503, headers: { 'x-limited': 'yes' } });
  });

  it('says resource exhausted to gRPC callers where it shall', async () => {
    const proxy = await proxyWith(limit(1, { rate_limited_as_resource_exhausted: true }));
    const grpc = { method: 'POST', headers: { 'content-type': 'application/grpc' } };
    await send(proxy.port, grpc);
    expect((await send(proxy.port, grpc)).headers).toMatchObject({ 'grpc-status': '8' });
  });

  it("has a bucket of its own for a route, in place of the chain's", async () => {
    const { '@type': _type, ...fields } = limit(1);
    const proxy = await proxyWith(any(LOCAL_RATELIMIT_MESSAGE, { stat_prefix: 'none' }), {
      match: { prefix: '/few' },
      route: { cluster: 'c' },
      typed_per_filter_config: { [NAME]: any(LOCAL_RATELIMIT_MESSAGE, fields) },
    });
    expect(await statuses(proxy.port, 2, '/few')).toEqual([200, 429]);
    expect(await statuses(proxy.port, 3)).toEqual([200, 200, 200]);
  });

  it('refuses by name what it cannot do', async () => {
    await expect(proxyWith(limit(0, { descriptors: [{ entries: [{ key: 'a' }] }] }))).rejects.toThrow(
      /max_tokens: is less than 1[\s\S]*descriptors\[0\]\.entries\[0\]\.value: is missing/,
    );
    await expect(proxyWith(limit(1, { local_rate_limit_per_downstream_connection: true }))).rejects.toThrow(
      /local_rate_limit_per_downstream_connection: is not supported/,
    );
  });
});
