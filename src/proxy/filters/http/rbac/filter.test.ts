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

async function proxyWith(
  config: object,
  route: object = {},
  entry = '%RESPONSE_CODE% %RESPONSE_CODE_DETAILS%\n',
) {
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
              text_format_source: { inline_string: entry },
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

  it('that only log leave a hint and deny nothing', async () => {
    const { rules: logging } = rules('LOG', '/admin');
    const proxy = await proxyWith({ rules: logging }, {}, '%DYNAMIC_METADATA(envoy.common:access_log_hint)%');
    expect((await send(proxy.port, { path: '/admin' })).status).toBe(200);
    expect((await send(proxy.port, { path: '/' })).status).toBe(200);
    expect(proxy.log).toEqual(['true', 'false']);
  });

  it('on trial say what they would have done, under their own prefix', async () => {
    const config = { shadow_rules: rules('DENY', '/x').rules, shadow_rules_stat_prefix: 'dry_' };
    const proxy = await proxyWith(config, {}, '%DYNAMIC_METADATA(envoy.filters.http.rbac)%');
    await send(proxy.port, { path: '/x' });
    await send(proxy.port, { path: '/y' });
    expect(proxy.log.map((entry) => JSON.parse(entry))).toEqual([
      {
        dry_shadow_effective_policy_id: 'ns[default]-policy[p]-rule[0]',
        dry_shadow_engine_result: 'denied',
      },
      { dry_shadow_engine_result: 'allowed' },
    ]);
  });

  it('tell of a denial which policy it was, and of what is allowed nothing', async () => {
    const proxy = await proxyWith(rules('DENY', '/x'), {}, '%DYNAMIC_METADATA(envoy.filters.http.rbac)%\n');
    await send(proxy.port, { path: '/x' });
    await send(proxy.port, { path: '/y' });
    expect(JSON.parse(proxy.log[0] ?? '')).toEqual({
      enforced_effective_policy_id: 'ns[default]-policy[p]-rule[0]',
      enforced_engine_result: 'denied',
    });
    expect(proxy.log[1]).toBe('-\n');
  });

  it('take templates of paths', async () => {
    const uri_template = {
      typed_config: any('envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig', {
        path_template: '/a/*/b/**',
      }),
    };
    const permissions = [{ and_rules: { rules: [{ uri_template }] } }];
    const policies = { p: { permissions, principals: [{ any: true }] } };
    const proxy = await proxyWith({ rules: { policies } });
    const status = async (path: string) => (await send(proxy.port, { path })).status;
    expect(await status('/a/x/b/c/d?q')).toBe(200);
    expect(await status('/a/x/y/b/c')).toBe(403);
    expect(await status('/a//b/c')).toBe(403);
  });
});
