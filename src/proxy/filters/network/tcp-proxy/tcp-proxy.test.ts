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
import { TCP_PROXY_MESSAGE } from './config.ts';

afterEach(closeAll);

const tcp = (fields: object) => [
  {
    name: 'tcp',
    typed_config: any(TCP_PROXY_MESSAGE, {
      stat_prefix: 'tcp',
      cluster: 'c',
      access_log: [
        {
          typed_config: any('envoy.extensions.access_loggers.stream.v3.StdoutAccessLog', {
            log_format: {
              text_format_source: {
                inline_string: '%RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %UPSTREAM_CLUSTER%\n',
              },
            },
          }),
        },
      ],
      ...fields,
    }),
  },
];

describe('a TCP proxy', () => {
  it('carries bytes both ways; each half closes by itself', async () => {
    const { port } = await startRawUpstream((socket) => {
      let text = '';
      socket.on('data', (bytes) => (text += bytes));
      socket.on('end', () => socket.end(`got ${text}`));
    });
    const proxy = await startTestProxy({ clusters: [staticCluster('c', [port])], filters: tcp({}) });
    expect(await sendRaw(proxy.port, 'hello', { end: true })).toBe('got hello');
    await eventually(() => proxy.log.length === 1);
    expect(proxy.log).toEqual(['- 5 9 c\n']);
    expect(proxy.openConnections()).toBe(0);
    expect(proxy.metrics.cluster('c').upstream_cx_active).toBe(0);
    const text = proxy.metrics.renderPrometheus();
    expect(text).toMatch(
      /istio_tcp_connections_opened_total\{reporter="source".*source_workload="productpage-v1".*\} 1/,
    );
    expect(text).toMatch(/istio_tcp_received_bytes_total\{.*\} 5/);
  });

  it('is logged when it is connected, every so often, and at its end', async () => {
    const { port } = await startRawUpstream((socket) => socket.on('end', () => socket.end()));
    const log_format = { text_format_source: { inline_string: '%ACCESS_LOG_TYPE%\n' } };
    const typed_config = any('envoy.extensions.access_loggers.stream.v3.StdoutAccessLog', { log_format });
    const proxy = await startTestProxy({
      clusters: [staticCluster('c', [port])],
      filters: tcp({
        access_log: [{ typed_config }],
        access_log_options: { flush_access_log_on_connected: true, access_log_flush_interval: '0.001s' },
      }),
    });
    const { socket } = await openRaw(proxy.port);
    await eventually(() => proxy.log.includes('TcpPeriodic\n'));
    socket.end();
    await eventually(() => proxy.openConnections() === 0);
    expect([...new Set(proxy.log)]).toEqual([
      'TcpUpstreamConnected\n',
      'TcpPeriodic\n',
      'TcpConnectionEnd\n',
    ]);
  });

  it('lets the server speak first', async () => {
    const { port } = await startRawUpstream((socket) => socket.write('220 ready\r\n'));
    const proxy = await startTestProxy({ clusters: [staticCluster('c', [port])], filters: tcp({}) });
    expect(await (await openRaw(proxy.port)).read(/\r\n/)).toBe('220 ready\r\n');
  });

  it('brings 20 MB to a slow reader whole, though the upstream is long gone', async () => {
    const total = 20 * 1024 * 1024;
    const { port } = await startRawUpstream((socket) => socket.end(Buffer.alloc(total, 'x')));
    const proxy = await startTestProxy({ clusters: [staticCluster('c', [port])], filters: tcp({}) });
    const { socket } = await openRaw(proxy.port);
    socket.removeAllListeners('data');
    socket.end();
    socket.pause();
    await new Promise((resolve) => setTimeout(resolve, 200));
    let received = 0;
    await new Promise<void>((resolve) => {
      socket.on('data', (bytes: Buffer) => {
        received += bytes.length;
      });
      socket.on('end', resolve);
      socket.resume();
    });
    expect(received).toBe(total);
  });

  it('tries as many endpoints as it may, and says why it failed', async () => {
    const { port } = await startRawUpstream((socket) => socket.end('here'));
    const proxy = await startTestProxy({
      clusters: [staticCluster('c', [1, port]), staticCluster('dead', [1])],
      filters: tcp({ max_connect_attempts: 2 }),
    });
    for (let i = 0; i < 3; i++) expect(await sendRaw(proxy.port, '')).toBe('here');
    const dead = await startTestProxy({ clusters: [staticCluster('c', [1])], filters: tcp({}) });
    await sendRaw(dead.port, 'x').catch(() => '');
    await eventually(() => dead.log.length === 1);
    expect(dead.log).toEqual(['UF,URX 0 0 c\n']);
  });

  it('ends connections without traffic', async () => {
    const { port } = await startRawUpstream((socket) => socket.resume());
    const proxy = await startTestProxy({
      clusters: [staticCluster('c', [port])],
      filters: tcp({ idle_timeout: '0.05s' }),
    });
    expect(await sendRaw(proxy.port, 'x').catch(() => '')).toBe('');
    await eventually(() => proxy.log.length === 1);
    expect(proxy.log).toEqual(['SI 1 0 c\n']);
  });

  it('tells the upstream who calls, by PROXY protocol', async () => {
    const { port } = await startRawUpstream((socket) => {
      let bytes = Buffer.alloc(0);
      socket.on('data', (more) => (bytes = Buffer.concat([bytes, more])));
      socket.on('end', () => socket.end(bytes.toString('hex')));
    });
    const downstream = {
      remote: { address: '192.0.2.1', port: 56324 },
      local: { address: '198.51.100.2', port: 443 },
    };
    const heardBy = async (version: 'V1' | 'V2') => {
      const transport_socket = {
        typed_config: any(
          'envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport',
          { config: { version } },
        ),
      };
      const clusters = [staticCluster('c', [port], { transport_socket })];
      const proxy = await startTestProxy({ clusters, filters: tcp({}), downstream });
      return Buffer.from(await sendRaw(proxy.port, 'hello', { end: true }), 'hex').toString('latin1');
    };
    expect(await heardBy('V1')).toBe('PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\nhello');
    expect(await heardBy('V2')).toMatch(/^\r\n\r\n\0\r\nQUIT\n!\x11\0\x0c[\s\S]{12}hello$/);
  });

  it('passes a reset on', async () => {
    const { port } = await startRawUpstream((socket) => socket.on('data', () => socket.resetAndDestroy()));
    const proxy = await startTestProxy({ clusters: [staticCluster('c', [port])], filters: tcp({}) });
    await expect(sendRaw(proxy.port, 'x')).rejects.toThrow(/ECONNRESET/);
    await eventually(() => proxy.log.length === 1);
    expect(proxy.log).toEqual(['UC 1 0 c\n']);
  });
});

describe('network RBAC', () => {
  it('closes connections that no policy allows, before they reach anyone', async () => {
    const { port } = await startRawUpstream((socket) => socket.end('secret'));
    const rbac = (address_prefix: string) => ({
      name: 'rbac',
      typed_config: any('envoy.extensions.filters.network.rbac.v3.RBAC', {
        stat_prefix: 'tcp.',
        rules: {
          policies: {
            p: {
              permissions: [{ any: true }],
              principals: [{ direct_remote_ip: { address_prefix, prefix_len: 32 } }],
            },
          },
        },
      }),
    });
    const open = await startTestProxy({
      clusters: [staticCluster('c', [port])],
      filters: [rbac('127.0.0.1'), ...tcp({})],
    });
    expect(await sendRaw(open.port, '')).toBe('secret');
    const closed = await startTestProxy({
      clusters: [staticCluster('c', [port])],
      filters: [rbac('10.0.0.1'), ...tcp({})],
    });
    expect(await sendRaw(closed.port, '').catch(() => '')).toBe('');
    expect(closed.metrics.renderStats()).toContain('tcp.rbac.denied: 1\n');
  });
});

describe('what is not understood', () => {
  it('is refused by name', async () => {
    await expect(
      startTestProxy({ filters: tcp({ on_demand: { timeout: '1s' }, tunneling_config: {}, cluster: '' }) }),
    ).rejects.toThrow(
      /filters\[0\]\.typed_config\.on_demand: is not supported[\s\S]*names no cluster[\s\S]*hostname: is missing/,
    );
    await expect(
      startTestProxy({ filters: [{ name: 'x', typed_config: any('a.b.Redis', {}) }] }),
    ).rejects.toThrow(/network filter 'a\.b\.Redis' is not supported/);
  });
});
