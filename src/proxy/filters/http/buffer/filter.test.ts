import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { any } from '../../../../xds/resources.ts';
import {
  closeAll,
  eventually,
  ROUTER,
  routesOf,
  send,
  sendRaw,
  startTestProxy,
  startUpstream,
  staticCluster,
} from '../../../test-proxy.ts';

afterEach(closeAll);

const BUFFER = {
  name: 'buffer',
  typed_config: any('envoy.extensions.filters.http.buffer.v3.Buffer', { max_request_bytes: 100_000 }),
};
const PER_ROUTE = 'envoy.extensions.filters.http.buffer.v3.BufferPerRoute';

async function start() {
  let seen = 0;
  const upstream = await startUpstream((request, response) => {
    seen++;
    const { 'content-length': length = '-', 'transfer-encoding': coding = '-' } = request.headers;
    response.end(`${request.body.length} ${length} ${coding}`);
  });
  const route = (prefix: string, typed?: object) => ({
    match: { prefix },
    route: { cluster: 'a' },
    ...(typed && { typed_per_filter_config: { buffer: any(PER_ROUTE, typed) } }),
  });
  const proxy = await startTestProxy({
    clusters: [staticCluster('a', [upstream.port])],
    routes: routesOf(
      route('/free', { disabled: true }),
      route('/small', { buffer: { max_request_bytes: 10 } }),
      route('/'),
    ),
    manager: { http_filters: [BUFFER, ROUTER] },
  });
  return { proxy, seen: () => seen };
}

describe('buffer', () => {
  it('gives the upstream a request of known length', async () => {
    const { proxy } = await start();
    const chunked = await sendRaw(
      proxy.port,
      'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n',
    );
    expect(chunked).toContain('\r\n\r\n5 5 -');
    const large = await send(proxy.port, { method: 'POST', body: 'x'.repeat(100_000) });
    expect(large.body).toBe('100000 100000 -');
    expect((await send(proxy.port)).body).toBe('0 - -');
  });

  it('sends nothing before the request is whole', async () => {
    const { proxy, seen } = await start();
    const socket = connect({ host: '127.0.0.1', port: proxy.port });
    let answer = '';
    socket.on('data', (bytes) => {
      answer += bytes.toString('latin1');
    });
    socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc');
    await eventually(() => proxy.metrics.http('test').downstream_rq_active === 1);
    expect(proxy.metrics.cluster('a').upstream_rq_total).toBe(0);
    socket.write('def');
    await eventually(() => answer.includes('6 6 -'));
    expect(seen()).toBe(1);
    socket.destroy();
  });

  it('answers 413 to what is longer, with a length or without, and counts it', async () => {
    const { proxy, seen } = await start();
    const known = await send(proxy.port, { method: 'POST', path: '/small', body: 'x'.repeat(11) });
    expect([known.status, known.body]).toEqual([413, 'Payload Too Large']);
    const chunk = `${(200_000).toString(16)}\r\n${'x'.repeat(200_000)}\r\n0\r\n\r\n`;
    const head = 'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n';
    expect(await sendRaw(proxy.port, head + chunk)).toMatch(/^HTTP\/1.1 413 /);
    expect(seen()).toBe(0);
    expect(proxy.metrics.http('test').downstream_rq_too_large).toBe(2);
  });

  it('is off where a route says so', async () => {
    const { proxy } = await start();
    const raw =
      'POST /free HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n';
    expect(await sendRaw(proxy.port, raw)).toContain('\r\n\r\n3 - chunked');
  });

  it('a client that goes in the middle leaves nothing behind', async () => {
    const { proxy, seen } = await start();
    const socket = connect({ host: '127.0.0.1', port: proxy.port });
    socket.on('error', () => {});
    socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc');
    await eventually(() => proxy.metrics.http('test').downstream_rq_active === 1);
    socket.destroy();
    await eventually(() => proxy.metrics.http('test').downstream_rq_active === 0);
    expect(seen()).toBe(0);
  });
});
