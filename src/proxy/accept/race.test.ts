import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { freePort } from '../../testing/free-port.ts';
import { encodeProxyV1, encodeProxyV2 } from '../../wire/proxy-protocol/encode.ts';
import { any } from '../../xds/resources.ts';
import { startTestDataPlane } from '../test-data-plane.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

describe('a listener that waits for first bytes without end', () => {
  it('passes the greeting of a server that speaks first, at once, the first time and later', async () => {
    const mysql = await listen(createServer((socket) => socket.write('5.7.1 greetings')));
    const { port, stat } = await proxyTo(mysql.port);
    for (let i = 1; i <= 3; i++) {
      const client = dial(port);
      await client.receives('5.7.1 greetings');
      client.socket.destroy();
    }
    expect(mysql.connections()).toBe(3);
    expect(await stat('listener.detected_server_first')).toBe(3);
    expect(await stat('tcp.fallback.downstream_cx_total')).toBe(3);
  });

  it('goes on with what the client had begun to say when the server was faster', async () => {
    const server = await listen(
      createServer((socket) => {
        socket.write('hello ');
        socket.on('data', (data) => socket.write(`you said ${data}`));
      }),
    );
    const { port } = await proxyTo(server.port);
    const client = dial(port);
    client.socket.write('GE'); // may become HTTP
    await client.receives('hello you said GE');
  });

  it('knows HTTP, and keeps quiet about the connection that it made for nothing', async () => {
    const web = await listen(createHttpServer((_, response) => response.end('page')));
    const { port, stat } = await proxyTo(web.port);
    for (let i = 0; i < 3; i++) {
      const client = dial(port);
      await new Promise((resolve) => setTimeout(resolve, i === 0 ? 30 : 0)); // the race is on
      client.socket.write('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
      await client.receives('page');
    }
    expect(await stat('listener.detected_client_first')).toBe(3);
    expect(await stat('http.web.downstream_rq_total')).toBe(3);
    expect((await stat('tcp.fallback.downstream_cx_total')) || 0).toBe(0);
    expect((await stat('tcp.fallback.downstream_cx_active')) || 0).toBe(0);
  });

  it('gives bytes that are not HTTP to the connection it had begun', async () => {
    const echo = await listen(createServer((socket) => socket.pipe(socket)));
    const { port, stat } = await proxyTo(echo.port);
    const client = dial(port);
    await new Promise((resolve) => setTimeout(resolve, 30));
    client.socket.write('*1\r\n$4\r\nPING\r\n');
    await client.receives('*1\r\n$4\r\nPING\r\n');
    client.socket.write('more');
    await client.receives('*1\r\n$4\r\nPING\r\nmore');
    expect(echo.connections()).toBe(1);
    expect(await stat('listener.detected_client_first')).toBe(1);
  });

  it('waits for the client where there is no upstream to race with', async () => {
    const web = await listen(createHttpServer((_, response) => response.end('page')));
    const closed = await freePort();
    const { port, stat } = await proxyTo(closed, web.port);
    const client = dial(port);
    await new Promise((resolve) => setTimeout(resolve, 50));
    client.socket.write('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
    await client.receives('page');
    expect((await stat('tcp.fallback.downstream_cx_total')) || 0).toBe(0);
  });
});

describe('a listener with the PROXY protocol', () => {
  const told = {
    source: { address: '203.0.113.7', port: 4711 },
    destination: { address: '192.0.2.1', port: 99 },
  };
  const filter = (more: object) => ({
    name: 'proxy',
    typed_config: any('envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol', more),
  });
  const request = 'GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n';

  it('believes the header, in either version, whole or in pieces', async () => {
    const web = await listen(
      createHttpServer((request, response) => response.end(`from ${request.headers['x-forwarded-for']}.`)),
    );
    const { port } = await proxyTo(web.port, web.port, [filter({})]);
    for (const header of [encodeProxyV1(told), encodeProxyV2(told)]) {
      const client = dial(port);
      for (const byte of header) client.socket.write(Buffer.from([byte]));
      client.socket.write(request);
      await client.receives('from 203.0.113.7.');
    }
  });

  it('closes a connection without one, unless that is allowed', async () => {
    const web = await listen(createHttpServer((_, response) => response.end('page')));
    const strict = await proxyTo(web.port, web.port, [filter({})]);
    const refused = dial(strict.port);
    refused.socket.write(request);
    await refused.ends();
    expect(await strict.stat('listener.downstream_listener_filter_error')).toBe(1);
    const { port } = await proxyTo(web.port, web.port, [
      filter({ allow_requests_without_proxy_protocol: true }),
    ]);
    const client = dial(port);
    client.socket.write(request);
    await client.receives('page');
  });
});

async function listen(server: Server): Promise<{ readonly port: number; connections(): number }> {
  let connections = 0;
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    connections++;
    sockets.add(socket.on('error', () => {}));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, connections: () => connections };
}

function dial(port: number) {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  let ended = false;
  socket.on('data', (data) => (text += String(data)));
  socket.on('error', () => {}).on('close', () => (ended = true));
  cleanups.push(() => socket.destroy());
  return {
    socket,
    receives: (expected: string) => expect.poll(() => text, { timeout: 5_000 }).toContain(expected),
    ends: () => expect.poll(() => ended, { timeout: 5_000 }).toBe(true),
  };
}

/** A data plane: HTTP goes to `httpPort`, everything else to `tcpPort` as it is. */
async function proxyTo(tcpPort: number, httpPort = tcpPort, before: readonly object[] = []) {
  const port = await freePort();
  const plane = await startTestDataPlane({ static_resources: resources(port, tcpPort, httpPort, before) });
  cleanups.push(() => plane.stop());
  return { port, stat: plane.stat };
}

function resources(port: number, tcpPort: number, httpPort: number, before: readonly object[]): object {
  const address = (port_value: number) => ({ socket_address: { address: '127.0.0.1', port_value } });
  const cluster = (name: string, to: number) => ({
    name,
    type: 'STATIC',
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: address(to) } }] }],
    },
  });
  const inspector = (kind: string, type: string) => ({
    name: kind,
    typed_config: any(`envoy.extensions.filters.listener.${kind}.v3.${type}`, {}),
  });
  const manager = any('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', {
    stat_prefix: 'web',
    use_remote_address: true,
    route_config: {
      virtual_hosts: [
        { name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: 'web' } }] },
      ],
    },
    http_filters: [
      { name: 'router', typed_config: any('envoy.extensions.filters.http.router.v3.Router', {}) },
    ],
  });
  const tcp = any('envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy', {
    stat_prefix: 'fallback',
    cluster: 'tcp',
  });
  return {
    listeners: [
      {
        name: 'front',
        address: address(port),
        listener_filters: [
          ...before,
          inspector('tls_inspector', 'TlsInspector'),
          inspector('http_inspector', 'HttpInspector'),
        ],
        listener_filters_timeout: '0s',
        filter_chains: [
          {
            filter_chain_match: { application_protocols: ['http/1.1', 'h2c'] },
            filters: [{ name: 'http', typed_config: manager }],
          },
        ],
        default_filter_chain: { filters: [{ name: 'tcp', typed_config: tcp }] },
      },
    ],
    clusters: [cluster('tcp', tcpPort), cluster('web', httpPort)],
  };
}
