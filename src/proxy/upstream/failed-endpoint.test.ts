import { afterEach, describe, expect, it } from 'vitest';
import { any, type Cluster } from '../../xds/resources.ts';
import {
  closeAll,
  eventually,
  openRaw,
  routesOf,
  send,
  startRawUpstream,
  startTestProxy,
  startUpstream,
  staticCluster,
} from '../test-proxy.ts';

afterEach(closeAll);

const outlier_detection = { consecutive_5xx: 1, enforcing_consecutive_5xx: 100, max_ejection_percent: 100 };
const routes = routesOf({ match: { prefix: '/' }, route: { cluster: 'c' } });

async function tcpThrough(more: Cluster) {
  let upstreams = 0;
  const upstream = await startRawUpstream((socket) => {
    upstreams++;
    socket.on('close', () => upstreams--);
    socket.on('data', (data) => socket.write(data)).on('end', () => socket.end());
  });
  const proxy = await startTestProxy({
    clusters: [staticCluster('c', [upstream.port], { outlier_detection, ...more })],
    filters: [
      {
        name: 'tcp',
        typed_config: any('envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy', {
          stat_prefix: 'tcp',
          cluster: 'c',
        }),
      },
    ],
  });
  const client = await openRaw(proxy.port);
  client.socket.write('hello');
  await client.read(/hello/);
  const cluster = proxy.clusters.get('c')!;
  return { proxy, client, cluster, endpoint: cluster.endpoints[0]!, open: () => upstreams };
}

describe('an endpoint that fails', () => {
  it('ends the TCP connections through it where the cluster says so', async () => {
    const { client, cluster, endpoint, open } = await tcpThrough({
      close_connections_on_host_health_failure: true,
    });
    cluster.report(endpoint, { status: 500 });
    await client.read(/<end>|<error>/);
    await eventually(() => open() === 0);
  });

  it('lets them go on where it does not', async () => {
    const { client, cluster, endpoint } = await tcpThrough({});
    cluster.report(endpoint, { status: 500 });
    expect(endpoint.outlier.ejected).toBe(true);
    client.socket.write('still');
    await client.read(/still/);
  });

  it('loses its idle connections for requests', async () => {
    const upstream = await startUpstream((request, response) => {
      response.statusCode = request.url === '/bad' ? 500 : 200;
      response.end();
    });
    let open = 0;
    upstream.server.on('connection', (socket) => {
      open++;
      socket.on('close', () => open--);
    });
    const proxy = await startTestProxy({
      clusters: [staticCluster('c', [upstream.port], { outlier_detection })],
      routes,
    });
    expect((await send(proxy.port)).status).toBe(200);
    expect(open).toBe(1);
    expect((await send(proxy.port, { path: '/bad' })).status).toBe(500);
    await eventually(() => open === 0);
  });

  it('may say so itself, with any answer, where it is checked', async () => {
    const upstream = await startUpstream((request, response) => {
      if (request.url === '/leaving') response.setHeader('x-envoy-immediate-health-check-fail', '1');
      response.end();
    });
    const health_checks = [
      {
        ...{ timeout: '1s', interval: '60s', no_traffic_interval: '60s' },
        ...{ unhealthy_threshold: 3, healthy_threshold: 1, http_health_check: { path: '/' } },
      },
    ];
    const proxy = await startTestProxy({
      clusters: [staticCluster('c', [upstream.port], { health_checks })],
      routes,
    });
    await eventually(() => proxy.clusters.get('c')?.endpoints[0]?.health === 'healthy');
    const flags = () => proxy.clusters.describe()[0]?.endpoints[0]?.flags;
    expect((await send(proxy.port)).status).toBe(200);
    expect(flags()).toEqual([]);
    expect((await send(proxy.port, { path: '/leaving' })).status).toBe(200);
    expect(flags()).toEqual(['/failed_active_hc', '/excluded_via_immediate_hc_fail']);
    expect(proxy.clusters.get('c')?.stats.membership_excluded).toBe(1);
  });
});

describe('a cluster whose endpoints change', () => {
  const change = async (more: Cluster): Promise<number> => {
    let made = 0;
    const upstream = await startUpstream((_request, response) => response.end());
    upstream.server.on('connection', () => made++);
    const proxy = await startTestProxy({ routes, clusters: [] });
    const cluster = staticCluster('c', [upstream.port], more);
    proxy.setClusters([cluster]);
    const live = proxy.clusters.get('c')!;
    const { discovery } = live.config;
    if (discovery.kind !== 'static') throw new Error('not static');
    await send(proxy.port);
    const [locality] = discovery.endpoints.localities;
    const [spec] = locality!.endpoints;
    const another = { ...spec!, address: { kind: 'ip', host: '127.0.0.1', port: 1 } as never, weight: 1 };
    const degraded = { ...another, health: 'unhealthy' as const };
    live.setEndpoints({
      ...discovery.endpoints,
      localities: [{ ...locality!, endpoints: [spec!, degraded] }],
    });
    await send(proxy.port);
    await send(proxy.port);
    return made;
  };

  it('keeps its connections, or makes new ones where it says so', async () => {
    expect(await change({})).toBe(1);
    expect(await change({ common_lb_config: { close_connections_on_host_set_change: true } })).toBe(2);
  });
});
