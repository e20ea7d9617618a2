import { afterEach, expect, it } from 'vitest';
import { any } from '../../xds/resources.ts';
import {
  closeAll,
  eventually,
  openRaw,
  routesOf,
  startRawUpstream,
  startTestProxy,
  staticCluster,
} from '../test-proxy.ts';

afterEach(closeAll);

it('tells the upstream of HTTP requests who calls: clients do not share its connections', async () => {
  const heard: string[] = [];
  const { port } = await startRawUpstream((socket) =>
    socket.on('data', (bytes: Buffer) => {
      const text = bytes.toString('latin1');
      if (text.startsWith('PROXY')) heard.push(text.slice(0, text.indexOf('\r\n')));
      if (text.includes('GET')) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
    }),
  );
  const transport_socket = {
    typed_config: any(
      'envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport',
      {},
    ),
  };
  const proxy = await startTestProxy({
    clusters: [staticCluster('c', [port], { transport_socket })],
    routes: routesOf({ match: { prefix: '/' }, route: { cluster: 'c' } }),
  });
  const clients = await Promise.all([openRaw(proxy.port), openRaw(proxy.port)]);
  for (const { socket, read } of [...clients, ...clients]) {
    socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    expect(await read(/\r\n\r\n/)).toMatch(/^HTTP\/1.1 200/);
  }
  await eventually(() => heard.length === 2);
  const lines = clients.map(
    ({ socket }) => `PROXY TCP4 127.0.0.1 127.0.0.1 ${socket.localPort} ${proxy.port}`,
  );
  expect(heard).toEqual(lines);
  expect(proxy.metrics.cluster('c').upstream_cx_total).toBe(2);
});
