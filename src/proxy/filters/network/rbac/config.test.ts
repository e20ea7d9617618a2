import { afterEach, describe, expect, it } from 'vitest';
import { any } from '../../../../xds/resources.ts';
import {
  closeAll,
  eventually,
  sendRaw,
  startRawUpstream,
  startTestProxy,
  staticCluster,
} from '../../../test-proxy.ts';
import { TCP_PROXY_MESSAGE } from '../tcp-proxy/config.ts';
import { RBAC_MESSAGE } from './config.ts';

afterEach(closeAll);

const denying = (name: string) => ({
  action: 'DENY',
  policies: { [name]: { permissions: [{ any: true }], principals: [{ any: true }] } },
});

async function proxyWith(rules: object) {
  const { port } = await startRawUpstream((socket) => socket.end('hello'));
  const format =
    '%CONNECTION_TERMINATION_DETAILS% %STREAM_ID% %DYNAMIC_METADATA(envoy.filters.network.rbac)%\n';
  return startTestProxy({
    clusters: [staticCluster('c', [port])],
    filters: [
      { name: 'rbac', typed_config: any(RBAC_MESSAGE, { stat_prefix: 'tcp.', ...rules }) },
      {
        name: 'tcp',
        typed_config: any(TCP_PROXY_MESSAGE, {
          stat_prefix: 'tcp',
          cluster: 'c',
          access_log: [
            {
              typed_config: any('envoy.extensions.access_loggers.stream.v3.StdoutAccessLog', {
                log_format: { text_format_source: { inline_string: format } },
              }),
            },
          ],
        }),
      },
    ],
  });
}

const ID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';

describe('rules about connections', () => {
  it('close one that they deny, and the log names the rule and the connection', async () => {
    const proxy = await proxyWith({ rules: denying('ns[a]-policy[p]-rule[0]') });
    expect(await sendRaw(proxy.port, 'x', { end: true })).toBe('');
    await eventually(() => proxy.log.length === 1);
    expect(proxy.log[0]).toMatch(
      new RegExp(`^rbac_access_denied_matched_policy\\[ns\\[a\\]-policy\\[p\\]-rule\\[0\\]\\] ${ID} -\n$`),
    );
  });

  it('on trial close none, and tell what they would have done', async () => {
    const proxy = await proxyWith({ shadow_rules: denying('p'), shadow_rules_stat_prefix: 'dry_' });
    expect(await sendRaw(proxy.port, 'x', { end: true })).toBe('hello');
    await eventually(() => proxy.log.length === 1);
    expect(proxy.log[0]).toMatch(new RegExp(`^- ${ID} \\{`));
    expect(JSON.parse(/\{.*\}/.exec(proxy.log[0] ?? '')?.[0] ?? '')).toEqual({
      dry_shadow_effective_policy_id: 'p',
      dry_shadow_engine_result: 'denied',
    });
  });
});
