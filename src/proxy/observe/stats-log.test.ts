import { afterEach, describe, expect, it } from 'vitest';
import { any } from '../../xds/resources.ts';
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

const counting = (max_counters: number, value_format: string, more = {}) => ({
  typed_config: any('envoy.extensions.access_loggers.stats.v3.Config', {
    stats_scope: { prefix: 'seen', max_counters },
    counters: [
      { stat: { name: 'requests', tags: [{ name: 'path', value_format }] }, value_fixed: '2', ...more },
    ],
  }),
});

async function proxyWith(...access_log: ReturnType<typeof counting>[]) {
  const { port } = await startUpstream((_request, response) => response.end());
  return startTestProxy({
    clusters: [staticCluster('c', [port])],
    routes: routesOf({ match: { prefix: '/' }, route: { cluster: 'c' } }),
    manager: { access_log },
  });
}

describe('statistics out of access logs', () => {
  it('are counters with tags, in text and for Prometheus, as many as are allowed', async () => {
    const proxy = await proxyWith(counting(2, '%REQ(:PATH)%'));
    for (const path of ['/a', '/a', '/b', '/c']) await send(proxy.port, { path });
    await eventually(() => proxy.metrics.renderStats().includes('seen.requests.path./b: 2'));
    const text = proxy.metrics.renderPrometheus();
    expect(text).toContain('# TYPE envoy_seen_requests counter\n');
    expect(text).toContain('envoy_seen_requests{path="/a"} 4\n');
    expect(text).toContain('envoy_seen_requests{path="/b"} 2\n');
    expect(text).not.toContain('/c');
    expect(proxy.metrics.renderStats()).toContain('seen.requests.path./a: 4\n');
  });

  it('are refused where they are more than fixed counters', async () => {
    await expect(proxyWith(counting(2, 'x', { value_format: '%DURATION%' }))).rejects.toThrow(
      /counters\[0\]\.value_format/,
    );
    await expect(proxyWith(counting(2, '%NOTHING%'))).rejects.toThrow(/stat\.tags\[0\].*NOTHING/);
  });
});
