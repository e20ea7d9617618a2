import { afterEach, describe, expect, it } from 'vitest';
import {
  closeAll,
  eventually,
  routesOf,
  send,
  startTestProxy,
  startUpstream,
  staticCluster,
} from '../test-proxy.ts';

afterEach(closeAll);

describe('a route with statistics of its own', () => {
  it('counts what it forwards, by status, and what is tried again', async () => {
    const { port } = await startUpstream((request, response) => {
      response.statusCode = Number(request.url?.slice(-3));
      response.end();
    });
    const proxy = await startTestProxy({
      clusters: [staticCluster('c', [port])],
      routes: routesOf(
        { match: { prefix: '/direct' }, stat_prefix: 'direct', direct_response: { status: 200 } },
        {
          match: { prefix: '/up' },
          stat_prefix: 'up',
          route: {
            cluster: 'c',
            retry_policy: { retry_on: '5xx', num_retries: 1, retry_back_off: { base_interval: '0.001s' } },
          },
        },
        { match: { prefix: '/' }, route: { cluster: 'c' } },
      ),
    });
    for (const path of ['/direct', '/up/200', '/up/201', '/up/503', '/200']) await send(proxy.port, { path });
    const stat = (name: string) => proxy.metrics.scope('vhost.all.route.').counter(name).value;
    await eventually(() => stat('up.upstream_rq_completed') === 3);
    expect(stat('up.upstream_rq_2xx')).toBe(2);
    expect(stat('up.upstream_rq_201')).toBe(1);
    expect(stat('up.upstream_rq_503')).toBe(1);
    expect(stat('up.upstream_rq_total')).toBe(4);
    expect(stat('up.upstream_rq_retry')).toBe(1);
    expect(stat('up.upstream_rq_retry_limit_exceeded')).toBe(1);
    expect(stat('direct.upstream_rq_completed')).toBe(0);
  });
});
