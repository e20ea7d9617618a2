import { afterEach, describe, expect, it } from 'vitest';
import { frameMessage } from '../../../../wire/grpc/framing.ts';
import { PATHS, startTestServer, type TestServer } from '../../../../wire/grpc/test-server.ts';
import { any } from '../../../../xds/resources.ts';
import {
  closeAll,
  ROUTER,
  routesOf,
  send,
  sendRaw,
  startTestProxy,
  startUpstream,
  staticCluster,
} from '../../../test-proxy.ts';

const servers: TestServer[] = [];
afterEach(() => {
  closeAll();
  for (const { server } of servers.splice(0)) server.forceShutdown();
});

const GRPC_WEB = {
  name: 'grpc_web',
  typed_config: any('envoy.extensions.filters.http.grpc_web.v3.GrpcWeb', {}),
};
const GRPC_STATS = {
  name: 'grpc_stats',
  typed_config: any('envoy.extensions.filters.http.grpc_stats.v3.FilterConfig', {
    individual_method_stats_allowlist: { services: [{ name: 'test.Echo', method_names: ['Echo'] }] },
    enable_upstream_stats: true,
  }),
};

async function start() {
  const service = await startTestServer();
  servers.push(service);
  const plain = await startUpstream((request, response) => {
    response.statusCode = request.url === '/plain/empty' ? 503 : 404;
    response.end(request.url === '/plain/empty' ? '' : 'no such thing');
  });
  const proxy = await startTestProxy({
    clusters: [
      staticCluster('grpc', [service.port], { http2_protocol_options: {} }),
      staticCluster('plain', [plain.port]),
      staticCluster('gone', [1]),
    ],
    routes: routesOf(
      { match: { prefix: '/plain' }, route: { cluster: 'plain' } },
      { match: { prefix: '/gone' }, route: { cluster: 'gone' } },
      { match: { prefix: '/' }, route: { cluster: 'grpc' } },
    ),
    manager: { http_filters: [GRPC_WEB, GRPC_STATS, ROUTER] },
  });
  return { proxy };
}

/** Messages of a body as [flag, text]. */
function messagesOf(body: Buffer): [number, string][] {
  const messages: [number, string][] = [];
  for (let at = 0; at < body.length; ) {
    const end = at + 5 + body.readUInt32BE(at + 1);
    messages.push([body[at] as number, body.toString('latin1', at + 5, end)]);
    at = end;
  }
  return messages;
}

const binary = { 'content-type': 'application/grpc-web+proto', accept: 'application/grpc-web+proto' };
const text = { 'content-type': 'application/grpc-web-text', accept: 'application/grpc-web-text' };

describe('grpc_web', () => {
  it('carries a call to a gRPC server, whose trailers come as the last message', async () => {
    const { proxy } = await start();
    const { status, headers, body, trailers } = await send(proxy.port, {
      method: 'POST',
      path: PATHS.echo,
      headers: binary,
      body: frameMessage(Buffer.from('hello')),
    });
    expect([status, headers['content-type']]).toEqual([200, 'application/grpc-web+proto']);
    const messages = messagesOf(Buffer.from(body, 'latin1'));
    expect(messages[0]).toEqual([0, 'hello']);
    expect(messages[1]?.[0]).toBe(0x80);
    expect(messages[1]?.[1]).toContain('grpc-status:0\r\n');
    expect(messages[1]?.[1]).toContain('x-trail:end\r\n');
    expect(trailers).toEqual({});
  });

  it('carries the text form, however its base64 is cut', async () => {
    const { proxy } = await start();
    const encoded = frameMessage(Buffer.from('hello there')).toString('base64');
    const chunks = [encoded.slice(0, 5), encoded.slice(5, 6), encoded.slice(6)]
      .map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`)
      .join('');
    const head = `POST ${PATHS.echo} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAccept: ${text.accept}\r\nContent-Type: ${text['content-type']}\r\nTransfer-Encoding: chunked\r\n\r\n`;
    const answer = await sendRaw(proxy.port, `${head}${chunks}0\r\n\r\n`);
    expect(answer).toContain('content-type: application/grpc-web-text+proto');
    expect(answer).toContain(encoded);
    const whole = await send(proxy.port, { method: 'POST', path: PATHS.echo, headers: text, body: encoded });
    expect(whole.body.startsWith(encoded)).toBe(true);
    expect(messagesOf(Buffer.from(whole.body.slice(encoded.length), 'base64'))[0]?.[1]).toContain(
      'grpc-status:0',
    );
  });

  it('answers 400 to what is no base64', async () => {
    const { proxy } = await start();
    for (const body of ['a*==', 'abcde'])
      expect(
        atob((await send(proxy.port, { method: 'POST', path: PATHS.echo, headers: text, body })).body),
      ).toContain('grpc-status:13\r\ngrpc-message:Bad gRPC-web request, invalid base64 data.\r\n');
  });

  it('makes a status of answers that are no gRPC', async () => {
    const { proxy } = await start();
    const call = { method: 'POST', headers: binary, body: frameMessage(Buffer.from('x')) };
    const plain = await send(proxy.port, { ...call, path: '/plain/a' });
    expect([plain.status, plain.headers['content-type']]).toEqual([404, 'application/grpc-web+proto']);
    expect(messagesOf(Buffer.from(plain.body, 'latin1'))).toEqual([
      [0x80, 'grpc-status:12\r\ngrpc-message:no such thing\r\n'],
    ]);
    const empty = await send(proxy.port, { ...call, path: '/plain/empty' });
    expect([empty.status, empty.headers['grpc-status'], empty.body]).toEqual([503, '14', '']);
    const gone = await send(proxy.port, { ...call, path: '/gone' });
    expect([gone.status, gone.headers['content-type']]).toEqual([503, 'application/grpc-web+proto']);
    expect(gone.body).toContain('grpc-status:14\r\n');
  });

  it('leaves everything else alone', async () => {
    const { proxy } = await start();
    const { status, body } = await send(proxy.port, { path: '/plain/a', headers: { accept: text.accept } });
    expect([status, body]).toEqual([404, 'no such thing']);
  });
});

describe('grpc_stats', () => {
  it('counts calls, statuses and messages, by method where that is wanted', async () => {
    const { proxy } = await start();
    const call = (path: string, message: string) =>
      send(proxy.port, { method: 'POST', path, headers: binary, body: frameMessage(Buffer.from(message)) });
    await call(PATHS.echo, 'one');
    await call(PATHS.echo, 'two');
    await call(PATHS.fail, '{"code":5,"message":"none"}');
    await send(proxy.port, { path: '/plain/a' });
    const lines = proxy.metrics
      .renderStats()
      .split('\n')
      .filter((line) => line.includes('.grpc.grpc.') && !line.includes('\t') && !line.endsWith(' 0'));
    expect(lines).toEqual([
      'cluster.grpc.grpc.5: 1',
      'cluster.grpc.grpc.failure: 1',
      'cluster.grpc.grpc.request_message_count: 1',
      'cluster.grpc.grpc.test.Echo.Echo.0: 2',
      'cluster.grpc.grpc.test.Echo.Echo.request_message_count: 2',
      'cluster.grpc.grpc.test.Echo.Echo.response_message_count: 2',
      'cluster.grpc.grpc.test.Echo.Echo.success: 2',
      'cluster.grpc.grpc.test.Echo.Echo.total: 2',
      'cluster.grpc.grpc.total: 1',
    ]);
  });
});
