import type { IncomingMessage, ServerResponse } from 'node:http';
import { createSecureServer, type Http2ServerRequest, type ServerHttp2Session } from 'node:http2';
import { createServer, Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { network } from '../../wire/net.ts';
import { createTestAuthority } from '../../wire/test-certificates.ts';
import { any } from '../../xds/resources.ts';
import { closeAll, eventually, routesOf, send, startTestProxy, staticCluster } from '../test-proxy.ts';
import type { LowerUpstreamTls } from './upstream-tls.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  closeAll();
  for (const close of closers.splice(0)) close();
});

const authority = createTestAuthority();
const leaf = authority.issue({ uris: [], dnsNames: ['a.example', '*.b.example'] });

/** A server that speaks what is agreed on. */
async function startServer(version: '1.1' | '2.0') {
  const seen: string[] = [];
  const answer = (request: IncomingMessage | Http2ServerRequest, response: Pick<ServerResponse, 'end'>) => {
    const { servername } = request.socket as unknown as { servername: string | false };
    seen.push(`${request.httpVersion} ${servername || 'no name'}`);
    setTimeout(() => response.end(request.httpVersion), 10);
  };
  const secrets = { cert: leaf.chainPem, key: leaf.privateKeyPem };
  const server =
    version === '2.0'
      ? createSecureServer(secrets, (request, response) =>
          answer(request, { end: (text: string) => response.end(text) } as never),
        )
      : createServer(secrets, answer);
  server.on('session', (session: ServerHttp2Session) => closers.push(() => session.destroy()));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    if (server instanceof Server) server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, seen };
}

const upstreamTls: LowerUpstreamTls = () => {
  const context = network.createTlsContext({ certificates: [], trustedCaPem: authority.rootPem });
  if (!context.ok) throw new Error(context.error.message);
  return {
    ok: true,
    value: {
      sni: '',
      alpn: [],
      mutual: false,
      resumes: false,
      ready: () => true,
      connectOptions: () => ({
        context: context.value,
        sni: '',
        alpn: [],
        verify: (peer) => (peer.chainError === '' ? undefined : peer.chainError),
      }),
    },
  };
};

const OPTIONS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

function startProxy(port: number, options: object) {
  const cluster = staticCluster('c', [port], {
    transport_socket: { name: 'tls' },
    typed_extension_protocol_options: { [OPTIONS]: any(OPTIONS, options) },
  });
  const routes = routesOf({ match: { prefix: '/' }, route: { cluster: 'c', timeout: '5s' } });
  return startTestProxy({ clusters: [cluster], routes, upstreamTls });
}

const AUTO = { auto_config: { http_protocol_options: {}, http2_protocol_options: {} } };

describe('a pool by ALPN', () => {
  it('speaks HTTP/2 where the endpoint does: one connection for all', async () => {
    const { port } = await startServer('2.0');
    const proxy = await startProxy(port, AUTO);
    const answers = await Promise.all([1, 2, 3].map(() => send(proxy.port)));
    expect(answers.map(({ body }) => body)).toEqual(['2.0', '2.0', '2.0']);
    expect(proxy.metrics.cluster('c')).toMatchObject({ upstream_cx_total: 1, upstream_cx_http2_total: 1 });
  });

  it('speaks HTTP/1 where it does not: whoever waits gets a connection', async () => {
    const { port } = await startServer('1.1');
    const proxy = await startProxy(port, AUTO);
    const answers = await Promise.all([1, 2, 3].map(() => send(proxy.port)));
    expect(answers.map(({ body }) => body)).toEqual(['1.1', '1.1', '1.1']);
    expect(proxy.metrics.cluster('c')).toMatchObject({ upstream_cx_total: 3, upstream_cx_http1_total: 3 });
    expect((await send(proxy.port)).body).toBe('1.1');
    expect(proxy.metrics.cluster('c').upstream_cx_total).toBe(3);
    await eventually(() => proxy.metrics.cluster('c').upstream_rq_pending_active === 0);
  });

  it('is refused without TLS', async () => {
    const cluster = staticCluster('c', [1], {
      typed_extension_protocol_options: { [OPTIONS]: any(OPTIONS, AUTO) },
    });
    await expect(startTestProxy({ clusters: [cluster] })).rejects.toThrow(
      /auto_config needs a transport socket/,
    );
  });
});

describe('the server name from the request', () => {
  it('is its host; each name has its own connection, whose certificate must name it', async () => {
    const { port, seen } = await startServer('2.0');
    const proxy = await startProxy(port, {
      explicit_http_config: { http2_protocol_options: {} },
      upstream_http_protocol_options: { auto_sni: true, auto_san_validation: true },
    });
    const asked = (host: string) => send(proxy.port, { headers: { host } });
    expect((await asked('a.example:8443')).status).toBe(200);
    expect((await asked('x.b.example')).status).toBe(200);
    expect((await asked('X.B.example')).status).toBe(200);
    const other = await asked('c.example');
    expect([other.status, other.body]).toEqual([503, expect.stringMatching(/certificate names a\.example/)]);
    expect(seen).toEqual(['2.0 a.example', '2.0 x.b.example', '2.0 x.b.example']);
    expect(proxy.metrics.cluster('c').upstream_cx_total).toBe(3);
  });
});
