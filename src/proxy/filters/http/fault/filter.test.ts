import { afterEach, describe, expect, it } from 'vitest';
import { any } from '../../../../xds/resources.ts';
import {
  closeAll,
  openRaw,
  ROUTER,
  routesOf,
  send,
  startTestProxy,
  startUpstream,
  staticCluster,
} from '../../../test-proxy.ts';
import { FAULT_MESSAGE } from './config.ts';

afterEach(closeAll);

const fault = (fields: object) => any(FAULT_MESSAGE, fields);
const chain = (fields: object) => [{ name: 'envoy.filters.http.fault', typed_config: fault(fields) }, ROUTER];
const always = { numerator: 100, denominator: 'HUNDRED' };

async function proxyWith(filter: object, route: object = {}) {
  const { port } = await startUpstream((_, response) => response.end('ok'));
  return startTestProxy({
    clusters: [staticCluster('c', [port])],
    routes: routesOf({ match: { prefix: '/' }, route: { cluster: 'c' }, ...route }),
    manager: { http_filters: chain(filter) },
  });
}

describe('faults', () => {
  it('abort with the status that was asked for', async () => {
    const proxy = await proxyWith({ abort: { http_status: 555, percentage: always } });
    expect(await send(proxy.port)).toMatchObject({ status: 555, body: 'fault filter abort' });
  });

  it('delay, body and all, and then let it through', async () => {
    const proxy = await proxyWith({ delay: { fixed_delay: '0.08s', percentage: always } });
    const startMs = performance.now();
    expect(await send(proxy.port, { method: 'POST', body: 'x'.repeat(100_000) })).toMatchObject({
      status: 200,
    });
    expect(performance.now() - startMs).toBeGreaterThan(75);
  });

  it('slow a response down, by configuration or by header', async () => {
    const { port } = await startUpstream((_, response) => response.end('x'.repeat(20 * 1024)));
    const slowed = async (response_rate_limit: object, headers = {}) => {
      const proxy = await startTestProxy({
        clusters: [staticCluster('c', [port])],
        routes: routesOf({ match: { prefix: '/' }, route: { cluster: 'c' } }),
        manager: {
          http_filters: chain({ response_rate_limit: { percentage: always, ...response_rate_limit } }),
        },
      });
      const startMs = performance.now();
      expect((await send(proxy.port, { headers })).body).toHaveLength(20 * 1024);
      return performance.now() - startMs;
    };
    expect(await slowed({ fixed_limit: { limit_kbps: 100 } })).toBeGreaterThan(190);
    expect(
      await slowed({ header_limit: {} }, { 'x-envoy-fault-throughput-response': '200' }),
    ).toBeGreaterThan(95);
    expect(await slowed({ header_limit: {} })).toBeLessThan(190);
  });

  it('slow also what a client gets on a connection that stays', async () => {
    const { port } = await startUpstream((_, response) => response.end('whole'));
    const proxy = await startTestProxy({
      clusters: [staticCluster('c', [port])],
      routes: routesOf({ match: { prefix: '/' }, route: { cluster: 'c' } }),
      manager: {
        http_filters: chain({
          response_rate_limit: { fixed_limit: { limit_kbps: 100 }, percentage: always },
        }),
      },
    });
    const client = await openRaw(proxy.port);
    for (let i = 0; i < 2; i++) {
      client.socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
      await client.read(/whole/);
    }
  });

  it('strike in the share that was asked for', async () => {
    const proxy = await proxyWith({ abort: { http_status: 503, percentage: { numerator: 25 } } });
    let aborted = 0;
    for (let i = 0; i < 200; i++) if ((await send(proxy.port)).status === 503) aborted++;
    expect(Math.abs(aborted / 200 - 0.25)).toBeLessThan(4 * Math.sqrt((0.25 * 0.75) / 200));
  });

  it("strike only whom the route says, and its own configuration replaces the chain's", async () => {
    const own = {
      abort: { http_status: 418, percentage: always },
      headers: [{ name: 'end-user', exact_match: 'jason' }],
    };
    const proxy = await proxyWith(
      { abort: { http_status: 503, percentage: always } },
      { typed_per_filter_config: { 'envoy.filters.http.fault': fault(own) } },
    );
    expect((await send(proxy.port, { headers: { 'end-user': 'jason' } })).status).toBe(418);
    expect((await send(proxy.port)).status).toBe(200);
  });

  it('can be switched off for a route', async () => {
    const proxy = await proxyWith(
      { abort: { http_status: 503, percentage: always } },
      {
        typed_per_filter_config: {
          'envoy.filters.http.fault': any('envoy.config.route.v3.FilterConfig', { disabled: true }),
        },
      },
    );
    expect((await send(proxy.port)).status).toBe(200);
  });

  it('answer gRPC callers in their own words', async () => {
    const proxy = await proxyWith({ abort: { grpc_status: 14, percentage: always } });
    const answer = await send(proxy.port, {
      method: 'POST',
      headers: { 'content-type': 'application/grpc' },
    });
    expect(answer).toMatchObject({
      status: 200,
      headers: { 'grpc-status': '14', 'grpc-message': 'fault filter abort' },
    });
  });

  it('refuse by name what this filter cannot do', async () => {
    await expect(proxyWith({ response_rate_limit: {}, abort: { percentage: always } })).rejects.toThrow(
      /http_filters\[0\]\.typed_config\.abort: says no status[\s\S]*response_rate_limit: says no limit/,
    );
  });
});
