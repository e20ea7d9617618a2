import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { recordedIo } from '../testing/traffic/recorded-io.ts';
import { type ExplainOptions, runExplain } from './explain.ts';

const standard: ExplainOptions = {
  from: 'default/productpage-v1',
  request: 'GET http://reviews:9080/reviews/0',
  header: [],
  plaintext: false,
  output: 'text',
  api: 'http://127.0.0.1:1',
};

async function run(files: readonly string[], options: Partial<ExplainOptions> = {}, stdin = '') {
  const io = recordedIo(process.cwd(), stdin);
  const code = await runExplain(files, { ...standard, ...options }, io);
  return { code, ...io.written };
}

describe('weft explain', () => {
  it('tells people the answer first, then the way with files and lines', async () => {
    const { code, out, err } = await run(['examples/bookinfo']);
    expect([code, err]).toEqual([0, '']);
    expect(out.split('\n').slice(0, 2)).toEqual([
      'GET http://reviews:9080/reviews/0 from default/productpage-v1',
      'goes to default/reviews-v1 (34 %), default/reviews-v2 (33 %), default/reviews-v3 (33 %), over mutual TLS: 200',
    ]);
    expect(out).toContain('\ndefault/productpage-v1 outbound\n');
    expect(out).toContain('[VirtualService default/reviews, examples/bookinfo/reviews-routes.yaml:8]');
    expect(out).toContain('\ndefault/reviews-v1 inbound\n');
  });

  it('tells programs the same as JSON', async () => {
    const { out } = await run(['examples/bookinfo'], { output: 'json', header: ['End-User: jason'] });
    const answer = JSON.parse(out);
    expect(Object.keys(answer)).toEqual([
      'outcome',
      'status',
      'listener',
      'filterChain',
      'virtualHost',
      'route',
      'cluster',
      'destinations',
      'tls',
      'request',
      'timeoutMs',
      'retries',
      'policies',
      'steps',
      'findings',
    ]);
    expect(answer.request.headers['end-user']).toBe('jason');
  });

  it('takes a host header as the authority', async () => {
    const { out } = await run(['examples/bookinfo'], {
      from: 'outside',
      request: 'http://127.0.0.1:8080/productpage',
      header: ['Host: bookinfo.example.com'],
      output: 'json',
    });
    expect(JSON.parse(out)).toMatchObject({
      outcome: 'forward',
      request: { authority: 'bookinfo.example.com' },
    });
  });

  it('calls past the proxy where it is told to', async () => {
    const { out } = await run(['examples/bookinfo'], { plaintext: true });
    expect(out).toContain('is refused: no connection');
    expect(out).toContain('PeerAuthentication istio-system/default');
  });

  it('says what is not valid, and explains the rest', async () => {
    const bad =
      'apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: { name: g }\nspec: { serverss: [] }\n';
    const { code, out, err } = await run(['examples/bookinfo', '-'], {}, bad);
    expect(code).toBe(1);
    expect(err).toMatch(/^-:4: spec\.serverss: /);
    expect(out).toContain('goes to default/reviews-v1');
  });

  it('sends the claims of a token along', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'weft-jwt-'));
    const file = join(folder, 'claims.json');
    writeFileSync(file, '{"iss":"a"}');
    const { out } = await run(['examples/bookinfo'], { jwt: file, output: 'json' });
    expect(JSON.parse(out).request.headers.authorization).toMatch(/^Bearer /);
  });

  it.each<[readonly string[], Partial<ExplainOptions>, RegExp]>([
    [['examples/bookinfo'], { from: 'web' }, /--from web is nobody/],
    [['examples/bookinfo'], { request: 'GET reviews' }, /no request/],
    [['examples/bookinfo'], { header: ['nonsense'] }, /no header/],
    [['examples/bookinfo'], { jwt: 'no-such-file' }, /cannot be read/],
    [['no-such-folder'], {}, /no file or folder/],
  ])('is used wrongly with %j %j', async (files, options, message) => {
    const { code, out, err } = await run(files, options);
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(message);
  });

  it('knows when nobody is called so', async () => {
    const { code, err } = await run(['examples/bookinfo'], { from: 'default/nobody' });
    expect(code).toBe(1);
    expect(err).toMatch(/there is no workload default\/nobody; there are .*default\/reviews-v1/);
  });
});
