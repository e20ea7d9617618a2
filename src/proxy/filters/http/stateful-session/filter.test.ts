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

afterEach(closeAll);

const FILTER = 'envoy.extensions.filters.http.stateful_session.v3';
const STATE = 'envoy.extensions.http.stateful_session';

/** A proxy with sessions before three upstreams, each of which answers with its port; `state`: how clients carry it. */
async function proxyWith(state: object, more: object = {}) {
  const servers = await Promise.all(
    [0, 1, 2].map(() =>
      startUpstream((request, response) => {
        if (request.headers['x-fail'] === String(request.socket.localPort)) request.socket.destroy();
        else response.end(String(request.socket.localPort));
      }),
    ),
  );
  const ports = servers.map(({ port }) => port);
  const session = { session_state: { name: 'state', typed_config: state }, ...more };
  const retry_policy = { retry_on: 'reset', num_retries: 3 };
  const proxy = await startTestProxy({
    clusters: [staticCluster('c', ports)],
    routes: routesOf({
      match: { prefix: '/' },
      route: { cluster: 'c', retry_policy },
      typed_per_filter_config: {
        sessions: any(`${FILTER}.StatefulSessionPerRoute`, { stateful_session: session }),
      },
    }),
    manager: {
      http_filters: [{ name: 'sessions', typed_config: any(`${FILTER}.StatefulSession`, {}) }, ROUTER],
    },
  });
  return { proxy, ports };
}

const cookie = (fields: object) =>
  any(`${STATE}.cookie.v3.CookieBasedSessionState`, { cookie: { name: 's', ...fields } });

describe('sessions', () => {
  it('go where the cookie says that the first answer sets', async () => {
    const { proxy } = await proxyWith(cookie({ path: '/' }));
    const first = await send(proxy.port, {});
    const [set = ''] = first.headers['set-cookie'] as unknown as string[];
    expect(set).toMatch(/^s="[^"]+"; Path=\/; HttpOnly$/);
    const headers = { cookie: set.split(';')[0] ?? '' };
    for (let i = 0; i < 5; i++) {
      const again = await send(proxy.port, { headers });
      expect(again.body).toBe(first.body);
      expect(again.headers['set-cookie']).toBeUndefined();
    }
  });

  it('have a time of their own, where one is told', async () => {
    const { proxy } = await proxyWith(cookie({ ttl: '60s' }));
    const [set = ''] = (await send(proxy.port, {})).headers['set-cookie'] as unknown as string[];
    expect(set).toMatch(/; Max-Age=60; HttpOnly$/);
    const headers = { cookie: set.split(';')[0] ?? '' };
    expect((await send(proxy.port, { headers })).headers['set-cookie']).toBeUndefined();
  });

  it('go where a header says', async () => {
    const { proxy, ports } = await proxyWith(
      any(`${STATE}.header.v3.HeaderBasedSessionState`, { name: 'x-session' }),
    );
    const wanted = String(ports[2]);
    const headers = { 'x-session': btoa(`127.0.0.1:${wanted}`) };
    for (let i = 0; i < 4; i++) {
      const answer = await send(proxy.port, { headers });
      expect(answer).toMatchObject({ body: wanted });
      expect(answer.headers['x-session']).toBeUndefined();
    }
  });

  it('move where their endpoint fails, and the client is told', async () => {
    const { proxy, ports } = await proxyWith(
      any(`${STATE}.header.v3.HeaderBasedSessionState`, { name: 'x-session' }),
    );
    const wanted = String(ports[2]);
    const headers = { 'x-session': btoa(`127.0.0.1:${wanted}`), 'x-fail': wanted };
    const answer = await send(proxy.port, { headers });
    expect(answer.status).toBe(200);
    expect(answer.body).not.toBe(wanted);
    expect(answer.headers['x-session']).toBe(btoa(`127.0.0.1:${answer.body}`));
  });

  it('fail where they are strict and their endpoint is not there', async () => {
    const { proxy } = await proxyWith(cookie({}), { strict: true });
    const headers = { cookie: `s=${btoa('10.9.9.9:1')}` };
    expect((await send(proxy.port, { headers })).status).toBe(503);
    expect((await send(proxy.port, {})).status).toBe(200);
  });
});
