import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { request as requestTls } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeTestCa, makeTestLeaf, makeWrongLeaf } from '../testing/certificates.ts';
import type { ApiAnswers } from './answers.ts';
import { readApiUsers, withToken } from './api-users.ts';
import type { AuditEntry } from './audit-log.ts';
import { type RunningApi, serveApi } from './http-api.ts';
import { API_LIMITS } from './request-limit.ts';

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, unknown>>;
}

let folder: string;
let api: RunningApi;
let ready: boolean;
let rotations = 0;
let rotationFails = false;
let audited: AuditEntry[] = [];

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
  mtlsPlan: async () => undefined,
  isReady: () => ready,
  rotateCa: async () => {
    if (rotationFails) throw new Error('a rotation is going on');
    rotations++;
  },
  forgetDenials: () => {},
};

/** The tokens `look` and `work`. */
const USERS = JSON.stringify({
  tokens: [
    { name: 'ann', role: 'view', sha256: hash('look') },
    { name: 'bob', role: 'operate', sha256: hash('work') },
  ],
});

beforeEach(async () => {
  audited = [];
  rotations = 0;
  rotationFails = false;
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
    users: withToken(readApiUsers(USERS), 'admin-token', { name: 'root', role: 'admin' }),
    audit: { record: (entry) => void audited.push(entry) },
    onError: () => {},
  });
});

afterEach(async () => {
  await api.close();
  await rm(folder, { recursive: true });
});

function hash(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

function get(path: string, host = 'localhost', method = 'GET'): Promise<Answer> {
  return call(path, { host }, method);
}

function call(
  path: string,
  headers: Record<string, string> = {},
  method = 'GET',
  { port, body = '' }: { readonly port: number; readonly body?: string } = api,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    request({ port, path, method, headers: { host: 'localhost', ...headers } }, (response) => {
      let body = '';
      response.on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body, headers: response.headers }),
      );
    })
      .on('error', reject)
      .end(body);
  });
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

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

  it('takes what it does not know for a mistake', async () => {
    expect((await get('/api/status', 'localhost', 'POST')).status).toBe(405);
    const { status, headers } = await get('/api/ca/rotate', 'localhost', 'PUT');
    expect({ status, allow: headers['allow'] }).toEqual({ status: 405, allow: 'GET, HEAD, POST' });
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

describe('who may do what', () => {
  const rotate = (headers: Record<string, string> = {}) => call('/api/ca/rotate', headers, 'POST');

  it('by role: view, operate, admin', async () => {
    const rows = [
      [{}, 200, 401, 401],
      [bearer('look'), 200, 403, 403],
      [bearer('work'), 200, 200, 403],
      [bearer('admin-token'), 200, 200, 200],
      [{ authorization: `Basic ${Buffer.from('me:admin-token').toString('base64')}` }, 200, 200, 200],
      [bearer('wrong'), 401, 401, 401],
      [{ authorization: 'Digest x' }, 401, 401, 401],
    ] as const;
    for (const [headers, view, operate, admin] of rows) {
      const shown = JSON.stringify(headers);
      expect((await call('/api/status', headers)).status, shown).toBe(view);
      expect((await call('/api/denials', headers, 'DELETE')).status, shown).toBe(operate);
      expect((await rotate(headers)).status, shown).toBe(admin);
    }
    expect(rotations).toBe(2);
  });

  it('without a token nothing at all, where that is wanted, but the page and its health', async () => {
    const listen = { host: '127.0.0.1', port: 0 };
    const strict = await serveApi({
      listen,
      answers,
      auth: 'required',
      dashboardDir: folder,
      onError: () => {},
    });
    try {
      const status = async (path: string) => (await call(path, {}, 'GET', strict)).status;
      expect(await status('/api/status')).toBe(401);
      expect(await status('/')).toBe(200);
      expect(await status('/healthz')).toBe(200);
    } finally {
      await strict.close();
    }
  });

  it('not a page of another site, token or not; opening our own page is no call', async () => {
    for (const headers of [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' },
      { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'cors' },
    ]) {
      expect((await rotate({ ...headers, ...bearer('admin-token') } as never)).status).toBe(403);
      expect((await call('/api/status', headers as never)).status).toBe(403);
    }
    expect((await call('/', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' })).status).toBe(
      200,
    );
    expect((await call('/api/status', { origin: `http://localhost:${api.port}` })).status).toBe(200);
  });

  it('so often, and wrong tokens seldom', async () => {
    for (let i = 0; i < API_LIMITS.maxRefusals; i++)
      expect((await call('/api/status', bearer(`guess-${i}`))).status).toBe(401);
    expect((await call('/api/status', bearer('admin-token'))).status).toBe(429);
    expect((await call('/api/status')).status).toBe(200);
  });

  it('with bodies and heads of a bounded length', async () => {
    const body = 'x'.repeat(API_LIMITS.maxBodyBytes + 1);
    const answer = await call('/api/ca/rotate', bearer('admin-token'), 'POST', { port: api.port, body });
    expect(answer.status).toBe(413);
    expect((await call('/api/status', { 'x-long': 'x'.repeat(API_LIMITS.maxHeadBytes) })).status).toBe(431);
    expect(rotations).toBe(0);
  });

  it('is written down: changes, refusals and failures, and no token', async () => {
    await rotate(bearer('admin-token'));
    await rotate(bearer('look'));
    await rotate(bearer('guess'));
    rotationFails = true;
    expect(await rotate(bearer('admin-token'))).toMatchObject({
      status: 409,
      body: '{"error":"a rotation is going on"}',
    });
    const what = 'POST /api/ca/rotate';
    expect(audited).toEqual([
      { who: 'root', role: 'admin', what, outcome: 'done' },
      { who: 'ann', role: 'view', what, outcome: 'refused', detail: 'needs the role admin' },
      { who: '127.0.0.1', what, outcome: 'refused', detail: 'the token is not known' },
      { who: 'root', role: 'admin', what, outcome: 'failed', detail: 'a rotation is going on' },
    ]);
  });

  it('by certificates of clients, over TLS', async () => {
    const ca = await makeTestCa();
    const [server, ops, other] = await Promise.all(
      ['server', 'ops', 'other'].map((account) => makeTestLeaf(ca, 'default', account)),
    );
    const users = readApiUsers(
      JSON.stringify({
        certificates: [{ name: 'spiffe://cluster.local/ns/default/sa/ops', role: 'operate' }],
      }),
    );
    const tls = { cert: server!.chainPem, key: server!.keyPem, clientCa: ca.rootsPem };
    const listen = { host: '127.0.0.1', port: 0 };
    const secure = await serveApi({ listen, answers, users, tls, auth: 'required', onError: () => {} });
    const ask = (leaf: { chainPem: string; keyPem: string } | undefined, method: string, path: string) =>
      new Promise((resolve, reject) => {
        const own = leaf && { cert: leaf.chainPem, key: leaf.keyPem };
        const options = { port: secure.port, method, path, rejectUnauthorized: false, agent: false, ...own };
        requestTls({ ...options, headers: { host: 'localhost' } }, (response) => {
          response.resume();
          resolve(response.statusCode);
        })
          .on('error', reject)
          .end();
      });
    try {
      expect(await ask(ops, 'GET', '/api/status')).toBe(200);
      expect(await ask(ops, 'DELETE', '/api/denials')).toBe(200);
      expect(await ask(ops, 'POST', '/api/ca/rotate')).toBe(403);
      expect(await ask(other, 'GET', '/api/status')).toBe(403);
      expect(await ask(await makeWrongLeaf(ca, 'unknown_root', 'default', 'ops'), 'GET', '/api/status')).toBe(
        401,
      );
      expect(await ask(undefined, 'GET', '/api/status')).toBe(401);
    } finally {
      await secure.close();
    }
  });
});
