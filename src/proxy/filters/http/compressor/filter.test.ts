import { request } from 'node:http';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { any } from '../../../../xds/resources.ts';
import {
  closeAll,
  eventually,
  ROUTER,
  routesOf,
  send,
  startTestProxy,
  startUpstream,
  staticCluster,
} from '../../../test-proxy.ts';
import { chooseEncoding } from './accept-encoding.ts';
import { COMPRESSOR_MESSAGE, COMPRESSOR_ROUTE_MESSAGE } from './config.ts';
import { readGzip } from './encoding.ts';

afterEach(closeAll);

const GZIP = 'envoy.extensions.compression.gzip.compressor.v3.Gzip';
const BROTLI = 'envoy.extensions.compression.brotli.compressor.v3.Brotli';
const text = 'Lorem ipsum dolor sit amet. '.repeat(2000);

const compressor = (library: string, more: object = {}, settings: object = {}) => ({
  name: `compressor.${library.includes('gzip') ? 'gzip' : 'br'}`,
  typed_config: any(COMPRESSOR_MESSAGE, {
    compressor_library: { name: 'text_optimized', typed_config: any(library, settings) },
    ...more,
  }),
});

async function proxyWith(
  filters: readonly ReturnType<typeof compressor>[],
  handler: Parameters<typeof startUpstream>[0],
  route: object = {},
) {
  const { port } = await startUpstream(handler);
  return startTestProxy({
    clusters: [staticCluster('c', [port])],
    routes: routesOf({ match: { prefix: '/' }, route: { cluster: 'c' }, ...route }),
    manager: { http_filters: [...filters, ROUTER] },
  });
}

const whole: Parameters<typeof startUpstream>[0] = (_, response) =>
  response
    .writeHead(200, { 'content-type': 'text/plain; charset=utf-8', 'content-length': text.length })
    .end(text);

const get = (port: number, accept?: string) =>
  send(port, accept === undefined ? {} : { headers: { 'accept-encoding': accept } });
const bytes = (body: string): Buffer => Buffer.from(body, 'latin1');

describe('responses', () => {
  it('are compressed with gzip for who takes it', async () => {
    const proxy = await proxyWith([compressor(GZIP)], whole);
    const answer = await get(proxy.port, 'deflate, gzip;q=0.5');
    expect(answer.headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'Accept-Encoding' });
    expect(answer.headers['content-length']).toBeUndefined();
    expect(answer.body.length).toBeLessThan(text.length / 20);
    expect(gunzipSync(bytes(answer.body)).toString()).toBe(text);
    for (const accept of [undefined, 'br', 'gzip;q=0', 'identity, gzip;q=0.5']) {
      const plain = await get(proxy.port, accept);
      expect(plain.body).toBe(text);
      expect(plain.headers).toMatchObject({ vary: 'Accept-Encoding', 'content-length': String(text.length) });
    }
  });

  it('are compressed with brotli or gzip, whichever the client wants more', async () => {
    const proxy = await proxyWith([compressor(BROTLI), compressor(GZIP)], whole);
    const br = await get(proxy.port, 'gzip, br');
    expect(br.headers['content-encoding']).toBe('br');
    expect(brotliDecompressSync(bytes(br.body)).toString()).toBe(text);
    expect((await get(proxy.port, 'br;q=0.5, gzip')).headers['content-encoding']).toBe('gzip');
    expect((await get(proxy.port, '*')).headers['content-encoding']).toBe('br');
  });

  it.each<[string, string, (body: Buffer) => Buffer]>([
    ['br', BROTLI, brotliDecompressSync],
    ['gzip', GZIP, gunzipSync],
  ])('that come piece by piece go on piece by piece, in %s', async (name, kind, decompress) => {
    let release = (): void => {};
    const proxy = await proxyWith([compressor(kind)], (_, response) => {
      response.writeHead(200, { 'content-type': 'text/plain' });
      response.write('first');
      release = () => response.end('second');
    });
    const body = await new Promise<Buffer>((resolve, reject) => {
      const headers = { 'accept-encoding': name };
      request({ host: '127.0.0.1', port: proxy.port, headers, agent: false }, (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => {
          chunks.push(chunk);
          if (chunks.length === 1) release();
        });
        answer.on('end', () => resolve(Buffer.concat(chunks)));
      })
        .on('error', reject)
        .end();
    });
    expect(decompress(body).toString()).toBe('firstsecond');
  });

  it('that are long are compressed in order, while the upstream waits its turn', async () => {
    const long = Buffer.from(Array.from({ length: 200_000 }, (_, i) => `line ${i}\n`).join(''));
    const proxy = await proxyWith([compressor(BROTLI)], (_, response) => {
      response.writeHead(200, { 'content-type': 'text/plain' });
      response.end(long);
    });
    const { body, headers } = await get(proxy.port, 'br');
    expect(headers['content-encoding']).toBe('br');
    expect(brotliDecompressSync(Buffer.from(body, 'latin1')).equals(long)).toBe(true);
    const counted = proxy.metrics.renderStats();
    expect(counted).toContain(`brotli.total_uncompressed_bytes: ${long.length}\n`);
    expect(counted).toContain(`brotli.total_compressed_bytes: ${body.length}\n`);
  });

  it('that nobody waits for any more leave nothing behind', async () => {
    let sent = 0;
    const proxy = await proxyWith([compressor(BROTLI)], (_, response) => {
      response.writeHead(200, { 'content-type': 'text/plain' });
      const more = (): void => {
        sent++;
        if (!response.destroyed && sent < 1000) response.write('x'.repeat(10_000), () => setImmediate(more));
      };
      more();
    });
    await new Promise<void>((resolve) => {
      const headers = { 'accept-encoding': 'br' };
      const outgoing = request({ host: '127.0.0.1', port: proxy.port, headers, agent: false }, (answer) => {
        answer.on('error', () => {});
        answer.once('data', () => {
          answer.destroy();
          resolve();
        });
      });
      outgoing.on('error', () => {});
      outgoing.end();
    });
    await eventually(() => proxy.metrics.http('test').downstream_rq_active === 0);
  });

  it.each<[string, object, string]>([
    ['an encoding of its own', { 'content-encoding': 'br' }, text],
    ['another type', { 'content-type': 'image/png' }, text],
    ['too little', { 'content-type': 'text/plain' }, 'short'],
    ['a ban on changes', { 'cache-control': 'no-transform' }, text],
  ])('with %s stay as they are', async (_, headers, body) => {
    const proxy = await proxyWith([compressor(GZIP)], (_request, response) =>
      response.writeHead(200, { 'content-length': body.length, ...headers }).end(body),
    );
    const answer = await get(proxy.port, 'gzip');
    expect(answer.body).toBe(body);
    expect(answer.headers.vary).toBeUndefined();
  });

  it('without a body stay without one', async () => {
    const proxy = await proxyWith([compressor(GZIP)], whole);
    const answer = await send(proxy.port, { method: 'HEAD', headers: { 'accept-encoding': 'gzip' } });
    expect(answer).toMatchObject({ body: '', headers: { 'content-length': String(text.length) } });
  });

  it('lose strong etags and keep weak ones, or are spared for them', async () => {
    const etag: Parameters<typeof startUpstream>[0] = (incoming, response) =>
      response.setHeader('etag', incoming.url === '/weak' ? 'W/"1"' : '"1"').end(text);
    const accept = { 'accept-encoding': 'gzip' };
    const proxy = await proxyWith([compressor(GZIP)], etag);
    expect((await send(proxy.port, { headers: accept })).headers.etag).toBeUndefined();
    expect((await send(proxy.port, { path: '/weak', headers: accept })).headers.etag).toBe('W/"1"');
    const sparing = await proxyWith(
      [compressor(GZIP, { response_direction_config: { disable_on_etag_header: true } })],
      etag,
    );
    expect((await send(sparing.port, { headers: accept })).body).toBe(text);
  });

  it('are asked for uncompressed where the upstream shall not compress', async () => {
    const removes = { response_direction_config: { remove_accept_encoding_header: true } };
    const proxy = await proxyWith([compressor(GZIP, removes), compressor(BROTLI)], (incoming, response) =>
      response.end(`${incoming.headers['accept-encoding']} ${text}`),
    );
    const answer = await get(proxy.port, 'gzip');
    expect(gunzipSync(bytes(answer.body)).toString()).toBe(`undefined ${text}`);
  });

  it('stay as they are on a route that says so', async () => {
    const route = {
      typed_per_filter_config: { 'compressor.gzip': any(COMPRESSOR_ROUTE_MESSAGE, { disabled: true }) },
    };
    const proxy = await proxyWith([compressor(GZIP)], whole, route);
    expect((await get(proxy.port, 'gzip')).body).toBe(text);
  });

  it('and what cannot be done is refused by name', async () => {
    const request_direction_config = { common_config: { enabled: { default_value: true } } };
    await expect(
      proxyWith([compressor(GZIP, { request_direction_config }, { window_bits: 8 })], whole),
    ).rejects.toThrow(
      /request_direction_config: is not supported[\s\S]*window_bits: is not between 9 and 15/,
    );
    await expect(proxyWith([compressor('envoy.zstd')], whole)).rejects.toThrow(
      /'envoy\.zstd' is not supported/,
    );
  });
});

describe('gzip', () => {
  it('of any pieces is the gzip of the whole', () => {
    const piece = fc.oneof(fc.uint8Array({ maxLength: 5000 }), fc.constant(bytes(text)));
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 8 }),
        fc.integer({ min: 9, max: 15 }),
        (pieces, window_bits) => {
          const encoder = readGzip({ window_bits }, () => {}, '').encoder(0);
          const out = pieces.map((one) => encoder.push(Buffer.from(one)) as Buffer);
          const decoded = gunzipSync(Buffer.concat([...out, encoder.end() as Buffer]));
          expect(decoded.equals(Buffer.concat(pieces))).toBe(true);
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('accept-encoding', () => {
  it.each<[string | undefined, string | undefined]>([
    [undefined, undefined],
    ['', undefined],
    ['gzip', 'gzip'],
    ['x-gzip', 'gzip'],
    ['br;q=0.9, gzip;q=1.0', 'gzip'],
    ['GZIP ; q=0.1', 'gzip'],
    ['gzip;q=2', undefined],
    ['*;q=0', undefined],
    ['br;q=0, *', 'gzip'],
    ['identity;q=0.5, gzip;q=0.5', 'gzip'],
  ])('%s: %s', (header, chosen) => expect(chooseEncoding(header, ['br', 'gzip'])).toBe(chosen));
});
