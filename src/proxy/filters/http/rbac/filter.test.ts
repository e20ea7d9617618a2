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
import { RBAC_MESSAGE, RBAC_ROUTE_MESSAGE } from './config.ts';

afterEach(closeAll);

const rules = (action: string, path: string) => ({
  rules: {
    action,
    policies: {
      'ns[default]-policy[p]-rule[0]': {
        permissions: [{ url_path: { path: { prefix: path } } }],
        principals: [{ any: true }],
      },
    },
  },
});

async function proxyWith(config: object, route: object = {}) {
  const { port } = await startUpstream((_, response) => response.end('ok'));
  return startTestProxy({
    direction: 'inbound',
    clusters: [staticCluster('c', [port])],
    routes: routesOf({ match: { prefix: '/' }, route: { cluster: 'c' }, ...route }),
    manager: {
      http_filters: [{ name: 'envoy.filters.http.rbac', typed_config: any(RBAC_MESSAGE, config) }, ROUTER],
      access_log: [
        {
          typed_config: any('envoy.extensions.access_loggers.stream.v3.StdoutAccessLog', {
            log_format: {
              text_format_source: { inline_string: '%RESPONSE_CODE% %RESPONSE_CODE_DETAILS%\n' },
            },
          }),
        },
      ],
    },
  });
}

describe('rules about requests', () => {
  it('deny what a policy denies and say which', async () => {
    const proxy = await proxyWith(rules('DENY', '/admin'));
    expect(await send(proxy.port, { path: '/admin/x' })).toMatchObject({
      status: 403,
      body: 'RBAC: access denied',
    });
    expect((await send(proxy.port, { path: '/' })).status).toBe(200);
    expect(proxy.log).toEqual([
      '403 rbac_access_denied_matched_policy[ns[default]-policy[p]-rule[0]]\n',
      '200 via_upstream\n',
    ]);
  });

  it('allow only what a policy allows, where no route matches too', async () => {
    const proxy = await proxyWith(rules('ALLOW', '/ok'));
    expect((await send(proxy.port, { path: '/ok' })).status).toBe(200);
    expect((await send(proxy.port, { path: '/other' })).status).toBe(403);
    proxy.setRoutes({ name: 'routes', virtual_hosts: [] });
    expect((await send(proxy.port, { path: '/other' })).status).toBe(403);
    expect((await send(proxy.port, { path: '/ok' })).status).toBe(404);
  });

  it('on trial deny nothing', async () => {
    const proxy = await proxyWith({ shadow_rules: rules('DENY', '/').rules });
    expect((await send(proxy.port)).status).toBe(200);
  });

  it("of a route replace the chain's", async () => {
    const proxy = await proxyWith(rules('DENY', '/'), {
      typed_per_filter_config: { 'envoy.filters.http.rbac': any(RBAC_ROUTE_MESSAGE, {}) },
    });
    expect((await send(proxy.port)).status).toBe(200);
  });
});
