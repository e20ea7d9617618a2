import { afterEach, describe, expect, it } from 'vitest';
import { any } from '../../../../xds/resources.ts';
import {
  closeAll,
  eventually,
  openRaw,
  sendRaw,
  startRawUpstream,
  startTestProxy,
  staticCluster,
} from '../../../test-proxy.ts';
import { CHECK } from '../../http/authorization-check.ts';
import { startGrpcService, type TestGrpcService } from '../../http/test-grpc-service.ts';
import { EXT_AUTHZ_MESSAGE } from './config.ts';

type Question = { readonly attributes: { readonly source: object; readonly destination: object } };

const services: TestGrpcService<Question>[] = [];
afterEach(() => {
  closeAll();
  for (const service of services.splice(0)) service.close();
});

const yes = { status: { code: 0 } };
const no = { status: { code: 7 } };
const TCP_PROXY = {
  name: 'tcp',
  typed_config: any('envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy', {
    stat_prefix: 'tcp',
    cluster: 'c',
  }),
};

/** Rules on trial that say which connections are asked about: those from `address_prefix`. */
const trial = (address_prefix: string) => ({
  name: 'rbac',
  typed_config: any('envoy.extensions.filters.network.rbac.v3.RBAC', {
    stat_prefix: 'tcp.',
    shadow_rules_stat_prefix: 'ask_',
    shadow_rules: {
      action: 'DENY',
      policies: {
        'who-is-asked': {
          permissions: [{ any: true }],
          principals: [{ direct_remote_ip: { address_prefix, prefix_len: 32 } }],
        },
      },
    },
  }),
});
const ASKED = {
  filter_enabled_metadata: {
    filter: 'envoy.filters.network.rbac',
    path: [{ key: 'ask_shadow_effective_policy_id' }],
    value: { string_match: { prefix: 'who-' } },
  },
};

async function proxyWith(
  answer: (question: Question) => object | number | undefined,
  fields: object = {},
  before: readonly ReturnType<typeof trial>[] = [],
) {
  const upstream = await startRawUpstream((socket) => {
    socket.write('greeting ');
    socket.on('data', (bytes) => socket.write(bytes));
    socket.on('end', () => socket.end());
  });
  const service = await startGrpcService<Question>(CHECK, answer);
  services.push(service);
  const proxy = await startTestProxy({
    clusters: [
      staticCluster('c', [upstream.port]),
      staticCluster('authz', [service.port], { http2_protocol_options: {} }),
    ],
    filters: [
      ...before,
      {
        name: 'authz',
        typed_config: any(EXT_AUTHZ_MESSAGE, {
          stat_prefix: 'tcp',
          grpc_service: { envoy_grpc: { cluster_name: 'authz' }, timeout: '5s' },
          transport_api_version: 'V3',
          ...fields,
        }),
      },
      TCP_PROXY,
    ],
  });
  const counted = (): readonly string[] =>
    proxy.metrics
      .renderStats()
      .split('\n')
      .filter((line) => line.startsWith('ext_authz.') && !line.endsWith(': 0'))
      .sort();
  return { proxy, service, upstream, counted };
}

describe('an authorizer of connections', () => {
  it('is asked who connects to whom, and the connection goes on with a yes', async () => {
    const { proxy, service, counted } = await proxyWith(() => yes);
    expect(await sendRaw(proxy.port, 'hello', { end: true })).toBe('greeting hello');
    expect(service.asked).toHaveLength(1);
    expect(service.asked[0]?.attributes).toMatchObject({
      source: { address: { socket_address: { address: '127.0.0.1' } } },
      destination: { address: { socket_address: { address: '127.0.0.1', port_value: proxy.port } } },
    });
    expect(counted()).toEqual(['ext_authz.tcp.ok: 1', 'ext_authz.tcp.total: 1']);
  });

  it('closes it with a no, before anybody is called', async () => {
    const { proxy, upstream, counted } = await proxyWith(() => no);
    expect(await sendRaw(proxy.port, 'hello').catch(() => '')).toBe('');
    expect(proxy.metrics.cluster('c').upstream_cx_total).toBe(0);
    expect(upstream.port).toBeGreaterThan(0);
    expect(counted()).toEqual([
      'ext_authz.tcp.cx_closed: 1',
      'ext_authz.tcp.denied: 1',
      'ext_authz.tcp.total: 1',
    ]);
  });

  it('that fails is a no, unless failures are allowed', async () => {
    const closed = await proxyWith(() => 13);
    expect(await sendRaw(closed.proxy.port, 'hello').catch(() => '')).toBe('');
    expect(closed.counted()).toContain('ext_authz.tcp.error: 1');
    const open = await proxyWith(() => 13, { failure_mode_allow: true });
    expect(await sendRaw(open.proxy.port, 'hello', { end: true })).toBe('greeting hello');
    expect(open.counted()).toContain('ext_authz.tcp.failure_mode_allowed: 1');
  });

  it('is not asked about connections that the rules before do not mean', async () => {
    const meant = await proxyWith(() => no, ASKED, [trial('127.0.0.1')]);
    expect(await sendRaw(meant.proxy.port, 'hello').catch(() => '')).toBe('');
    const other = await proxyWith(() => no, ASKED, [trial('10.0.0.1')]);
    expect(await sendRaw(other.proxy.port, 'hello', { end: true })).toBe('greeting hello');
    expect(other.service.asked).toEqual([]);
    expect(other.counted()).toEqual(['ext_authz.tcp.disabled: 1']);
  });

  it('who takes time: the client waits, its bytes too, and a drain waits for it', async () => {
    const { proxy, service } = await proxyWith(() => undefined, {
      grpc_service: { envoy_grpc: { cluster_name: 'authz' }, timeout: '0.3s' },
      failure_mode_allow: true,
    });
    const client = await openRaw(proxy.port);
    client.socket.write('early');
    await eventually(() => service.asked.length === 1);
    expect(proxy.openConnections()).toBe(1);
    expect(proxy.metrics.cluster('c').upstream_cx_total).toBe(0);
    expect(await client.read(/early$/)).toBe('greeting early');
    client.socket.end();
    await eventually(() => proxy.openConnections() === 0);
  });

  it('is refused by name where something is missing or not understood', async () => {
    await expect(
      proxyWith(() => yes, { stat_prefix: '', bootstrap_metadata_labels_key: 'x' }),
    ).rejects.toThrow(
      /typed_config\.stat_prefix: is missing[\s\S]*bootstrap_metadata_labels_key: is not supported/,
    );
  });
});
