import { afterEach, describe, expect, it } from 'vitest';
import { any, type Cluster } from '../../../../xds/resources.ts';
import { closeAll, ROUTER, routesOf, send, startTestProxy, startUpstream } from '../../../test-proxy.ts';

afterEach(closeAll);

const CACHE = { name: 'cache', dns_lookup_family: 'V4_PREFERRED', max_hosts: 2 };
const FILTER = {
  name: 'dfp',
  typed_config: any('envoy.extensions.filters.http.dynamic_forward_proxy.v3.FilterConfig', {
    dns_cache_config: CACHE,
  }),
};
const CLUSTER: Cluster = {
  name: 'dynamic',
  lb_policy: 'CLUSTER_PROVIDED',
  cluster_type: {
    name: 'envoy.clusters.dynamic_forward_proxy',
    typed_config: any('envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig', {
      dns_cache_config: CACHE,
    }),
  },
};

async function start() {
  const asked: string[] = [];
  const upstream = await startUpstream((request, response) => response.end(request.headers.host));
  const proxy = await startTestProxy({
    clusters: [CLUSTER],
    routes: routesOf(
      {
        match: { prefix: '/other' },
        route: { cluster: 'dynamic' },
        typed_per_filter_config: {
          dfp: any('envoy.extensions.filters.http.dynamic_forward_proxy.v3.PerRouteConfig', {
            host_rewrite_header: 'x-where',
          }),
        },
      },
      { match: { prefix: '/' }, route: { cluster: 'dynamic' } },
    ),
    manager: { http_filters: [FILTER, ROUTER] },
    resolveName: async (host) => {
      asked.push(host);
      return host.endsWith('.test')
        ? { ok: true, addresses: ['127.0.0.1'], ttlMs: undefined }
        : { ok: false, message: 'is not known' };
    },
  });
  const get = (path: string, headers: Record<string, string>) => send(proxy.port, { path, headers });
  return { asked, get, port: upstream.port };
}

describe('a dynamic forward proxy', () => {
  it('resolves the host of a request once, and goes there', async () => {
    const { asked, get, port } = await start();
    const answers = await Promise.all([1, 2, 3].map(() => get('/', { host: `a.test:${port}` })));
    expect(answers.map(({ status, body }) => `${status} ${body}`)).toEqual(
      Array(3).fill(`200 a.test:${port}`),
    );
    expect(asked).toEqual(['a.test']);
    expect((await get('/', { host: `127.0.0.1:${port}` })).status).toBe(200);
    expect(asked).toEqual(['a.test']);
  });

  it('says what is wrong with a host', async () => {
    const { get, port } = await start();
    expect(await get('/', { host: 'unknown' })).toMatchObject({
      status: 503,
      body: 'DNS resolution failure',
    });
    await get('/', { host: `a.test:${port}` });
    await get('/', { host: `b.test:${port}` });
    expect(await get('/', { host: `c.test:${port}` })).toMatchObject({
      status: 503,
      body: 'DNS cache overflow',
    });
  });

  it('goes where a route says', async () => {
    const { get, port } = await start();
    const answer = await get('/other', { host: 'unknown', 'x-where': `b.test:${port}` });
    expect(answer).toMatchObject({ status: 200, body: `b.test:${port}` });
  });
});
