import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ApiAnswers, type RunningApi, serveApi } from './http-api.ts';

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, unknown>>;
}

let folder: string;
let api: RunningApi;
let ready: boolean;

const answers: ApiAnswers = {
  status: () => ({ revision: 7 }) as never,
  ca: () => {
    throw new Error('not asked');
  },
  denials: (id) => ({ nowMs: 1, kept: 0, dropped: 0, denials: [], id }) as never,
  proxies: () => ({ nowMs: 1, proxies: [] }),
  dump: (proxy, parts) => (proxy === 'a.b' ? { configs: parts } : undefined),
  explain: ({ from, headers, jwt }) =>
    from === 'a/b' ? { told: { headers, jwt } } : { problem: `no ${from}`, misused: from === '' },
  object: ({ kind, namespace, name }) =>
    kind === 'vs' ? ({ object: { namespace, name } } as never) : undefined,
  isReady: () => ready,
};

beforeEach(async () => {
  ready = true;
  folder = await mkdtemp(join(tmpdir(), 'weft-page-'));
  await writeFile(join(folder, 'index.html'), '<p>page</p>');
  await writeFile(join(folder, 'secret'), 'no');
  const listen = { host: '127.0.0.1', port: 0 };
  api = await serveApi({
    listen,
    answers,
    dashboardDir: folder,
    allowedHosts: ['mesh.example'],
    onError: () => {},
  });
});

afterEach(async () => {
  await api.close();
  await rm(folder, { recursive: true });
});

function get(path: string, host = 'localhost', method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    request({ port: api.port, path, method, headers: { host } }, (response) => {
      let body = '';
      response.on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body, headers: response.headers }),
      );
    })
      .on('error', reject)
      .end();
  });
}

describe('the HTTP API', () => {
  it('answers the questions of the contract as JSON', async () => {
    expect(JSON.parse((await get('/api/status')).body)).toEqual({ revision: 7 });
    expect(JSON.parse((await get('/api/proxies')).body)).toEqual({ nowMs: 1, proxies: [] });
    const dump = await get('/api/dump?proxy=a.b&part=clusters&part=routes');
    expect(JSON.parse(dump.body)).toEqual({ configs: ['clusters', 'routes'] });
    expect((await get('/api/dump?proxy=nobody')).status).toBe(404);
  });

  it('is healthy once the first configuration is read', async () => {
    expect((await get('/healthz')).status).toBe(200);
    ready = false;
    expect((await get('/healthz')).status).toBe(503);
  });

  it('explains a request, and says why it cannot', async () => {
    const told = await get(
      '/api/explain?from=a/b&request=x&header=a:+1&header=b:+2&claims=%7B%22sub%22%3A1%7D',
    );
    expect(JSON.parse(told.body)).toEqual({ headers: ['a: 1', 'b: 2'], jwt: { sub: 1 } });
    expect(await get('/api/explain?from=x/y')).toMatchObject({ status: 404, body: '{"error":"no x/y"}' });
    expect((await get('/api/explain')).status).toBe(400);
    expect((await get('/api/explain?from=a/b&claims=%5B1%5D')).status).toBe(400);
  });

  it('tells of one object', async () => {
    const found = await get('/api/object?kind=vs&name=a');
    expect(JSON.parse(found.body)).toEqual({ object: { namespace: 'default', name: 'a' } });
    expect((await get('/api/object?kind=dr&name=a')).status).toBe(404);
  });

  it('serves the page with headers that keep other sites out, and nothing else of the disk', async () => {
    const page = await get('/');
    expect(page.body).toBe('<p>page</p>');
    expect(page.headers['content-security-policy']).toContain("frame-ancestors 'none'");
    for (const path of ['/secret', '/../secret', '/%2e%2e/secret', '/a/b.js', '/.env', '/index.html/']) {
      expect((await get(path)).status).toBe(404);
    }
  });

  it('answers under its own names only', async () => {
    for (const host of ['localhost:20001', '127.0.0.1', '[::1]:1', 'a.localhost', 'mesh.example:80']) {
      expect((await get('/api/status', host)).status).toBe(200);
    }
    for (const host of ['evil.example', 'localhost.evil.example', 'a@localhost']) {
      expect((await get('/api/status', host)).status).toBe(421);
    }
  });

  it('changes nothing', async () => {
    expect((await get('/api/status', 'localhost', 'POST')).status).toBe(405);
  });

  it('serves a Unix socket', async () => {
    const socketPath = join(folder, 'api.sock');
    const onSocket = await serveApi({ listen: { socketPath }, answers, onError: () => {} });
    const status = await new Promise((resolve, reject) => {
      request({ socketPath, path: '/healthz', headers: { host: 'localhost' } }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on('error', reject)
        .end();
    });
    expect(status).toBe(200);
    await onSocket.close();
  });
});
