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
import { MUTATION_MESSAGE, MUTATION_ROUTE_MESSAGE } from './config.ts';

afterEach(closeAll);

it('headers are changed by the chain, then by the route', async () => {
  const { port } = await startUpstream((request, response) =>
    response
      .setHeader('x-gone', '1')
      .end(`${request.headers['x-add']} ${request.headers['x-route']} ${request.headers['x-in']}`),
  );
  const proxy = await startTestProxy({
    clusters: [staticCluster('c', [port])],
    routes: routesOf({
      match: { prefix: '/' },
      route: { cluster: 'c' },
      typed_per_filter_config: {
        mutate: any(MUTATION_ROUTE_MESSAGE, {
          mutations: {
            request_mutations: [{ append: { header: { key: 'x-route', value: '%REQ(x-add)%' } } }],
          },
        }),
      },
    }),
    manager: {
      http_filters: [
        {
          name: 'mutate',
          typed_config: any(MUTATION_MESSAGE, {
            mutations: {
              request_mutations: [{ remove: 'X-In' }, { append: { header: { key: 'x-add', value: 'a' } } }],
              response_mutations: [{ remove: 'x-gone' }],
            },
          }),
        },
        ROUTER,
      ],
    },
  });
  const answer = await send(proxy.port, { headers: { 'x-in': '1' } });
  expect(answer.body).toBe('a a undefined');
  expect(answer.headers['x-gone']).toBeUndefined();
});
