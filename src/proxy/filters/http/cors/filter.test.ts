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
import { CORS_MESSAGE } from './config.ts';

afterEach(closeAll);

async function proxyWithCors() {
  const { port } = await startUpstream((request, response) => response.end(request.method));
  return startTestProxy({
    clusters: [staticCluster('c', [port])],
    routes: routesOf({
      match: { prefix: '/' },
      route: {
        cluster: 'c',
        cors: {
          allow_origin_string_match: [{ exact: 'https://a.example' }, { suffix: '.b.example' }],
          allow_methods: 'GET,POST',
          allow_headers: 'x-one',
          expose_headers: 'x-two',
          max_age: '600',
          allow_credentials: true,
        },
      },
    }),
    manager: {
      http_filters: [{ name: 'envoy.filters.http.cors', typed_config: any(CORS_MESSAGE, {}) }, ROUTER],
    },
  });
}

describe('cross-origin requests', () => {
  it('preflights of origins that are allowed are answered without the upstream', async () => {
    const proxy = await proxyWithCors();
    const headers = { origin: 'https://x.b.example', 'access-control-request-method': 'POST' };
    const answer = await send(proxy.port, { method: 'OPTIONS', headers });
    expect(answer).toMatchObject({
      status: 200,
      body: '',
      headers: {
        'access-control-allow-origin': 'https://x.b.example',
        'access-control-allow-credentials': 'true',
        'access-control-allow-methods': 'GET,POST',
        'access-control-allow-headers': 'x-one',
        'access-control-max-age': '600',
      },
    });
  });

  it('preflights of others go to the upstream', async () => {
    const proxy = await proxyWithCors();
    const headers = { origin: 'https://evil', 'access-control-request-method': 'POST' };
    expect((await send(proxy.port, { method: 'OPTIONS', headers })).body).toBe('OPTIONS');
  });

  it('answers say who may read them, to those who may', async () => {
    const proxy = await proxyWithCors();
    const allowed = await send(proxy.port, { headers: { origin: 'https://a.example' } });
    expect(allowed.headers).toMatchObject({
      'access-control-allow-origin': 'https://a.example',
      'access-control-expose-headers': 'x-two',
    });
    const other = await send(proxy.port, { headers: { origin: 'https://evil' } });
    expect(other.headers['access-control-allow-origin']).toBeUndefined();
  });
});
