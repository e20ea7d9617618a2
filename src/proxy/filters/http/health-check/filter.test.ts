import { afterEach, expect, it } from 'vitest';
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
import { HEALTH_CHECK_MESSAGE } from './config.ts';

afterEach(closeAll);

async function proxyWith(fields: object) {
  const { port } = await startUpstream((_, response) => response.end('upstream'));
  return startTestProxy({
    clusters: [staticCluster('c', [port]), staticCluster('empty', [])],
    routes: routesOf({ match: { prefix: '/' }, route: { cluster: 'c' } }),
    manager: {
      http_filters: [{ name: 'health', typed_config: any(HEALTH_CHECK_MESSAGE, fields) }, ROUTER],
    },
  });
}

const headers = [{ name: ':path', string_match: { exact: '/healthz' } }];

it('health checks are answered by the proxy, everything else by the upstream', async () => {
  const proxy = await proxyWith({ pass_through_mode: false, headers });
  expect(await send(proxy.port, { path: '/healthz' })).toMatchObject({ status: 200, body: '' });
  expect(await send(proxy.port)).toMatchObject({ status: 200, body: 'upstream' });
});

it.each([
  [{ c: { value: 100 } }, 200],
  [{ empty: { value: 1 } }, 503],
  [{ nowhere: { value: 50 } }, 503],
  [{ c: { value: 50 }, empty: { value: 0 } }, 200],
  [{ c: { value: 50 }, nowhere: { value: 0 } }, 503],
])('with at least %j healthy they are answered %i', async (cluster_min_healthy_percentages, status) => {
  const proxy = await proxyWith({ pass_through_mode: false, headers, cluster_min_healthy_percentages });
  expect((await send(proxy.port, { path: '/healthz' })).status).toBe(status);
});

it('a mode that is not said, and a cache without pass-through, are refused by name', async () => {
  await expect(proxyWith({ cache_time: '1s' })).rejects.toThrow(
    /pass_through_mode: is missing[\s\S]*cache_time: is of use in pass_through_mode only/,
  );
});
