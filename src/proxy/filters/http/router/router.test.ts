import { createHash, randomBytes } from 'node:crypto';
import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, it } from 'vitest';
import {
  closeAll,
  eventually,
  openRaw,
  routesOf,
  send,
  sendRaw,
  startRawUpstream,
  startTestProxy,
  startUpstream,
  staticCluster,
} from '../../../test-proxy.ts';

afterEach(closeAll);

const all = { prefix: '/' };
setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
const hash = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
/** A port that nobody listens on. */
const CLOSED_PORT = 1;

describe('retries', () => {
  it('go to another endpoint, as often as the policy says, and say which attempt it was', async () => {
    const seen: string[] = [];
    const upstreams = await Promise.all(
      ['a', 'b'].map((name) =>
        startUpstream((request, response) => {
          seen.push(`${name}${request.headers['x-envoy-attempt-count']} ${request.body}`);
          response.statusCode = seen.length < 3 ? 503 : 200;
          response.end(name);
        }),
      ),
    );
    const proxy = await startTestProxy({
      clusters: [
        staticCluster(
          'c',
          upstreams.map(({ port }) => port),
        ),
      ],
      routes: {
        name: 'routes',
        virtual_hosts: [
          {
            name: 'v',
            domains: ['*'],
            include_request_attempt_count: true,
            include_attempt_count_in_response: true,
            routes: [
              {
                match: all,
                route: {
                  cluster: 'c',
                  retry_policy: {
                    retry_on: 'gateway-error',
                    num_retries: 2,
                    retry_back_off: { base_interval: '0.001s' },
                    retry_host_predicate: [{ name: 'envoy.retry_host_predicates.previous_hosts' }],
                    host_selection_retry_max_attempts: 5,
                  },
                },
              },
            ],
          },
        ],
      },
    });
    const answer = await send(proxy.port, { method: 'POST', body: 'money' });
    expect(answer.status).toBe(200);
    expect(answer.headers['x-envoy-attempt-count']).toBe('3');
    expect(seen.map((one) => one.slice(1))).toEqual(['1 money', '2 money', '3 money']);
    expect(seen[0]?.[0]).not.toBe(seen[1]?.[0]);
    expect(proxy.metrics.cluster('c')).toMatchObject({ upstream_rq_retry: 2, upstream_rq_retry_success: 1 });
  });

  it('end at their limit with the last answer and flag URX', async () => {
    const { port } = await startUpstream((_, response) => response.writeHead(500).end('broken'));
    const proxy = await startTestProxy({
      clusters: [staticCluster('c', [port])],
      routes: routesOf({
        match: all,
        route: {
          cluster: 'c',
          retry_policy: { retry_on: '5xx', num_retries: 1, retry_back_off: { base_interval: '0.001s' } },
        },
      }),
      manager: {
        access_log: [stdoutLog('%RESPONSE_CODE% %RESPONSE_FLAGS% %UPSTREAM_REQUEST_ATTEMPT_COUNT%\n')],
      },
    });
    expect(await send(proxy.port)).toMatchObject({ status: 500, body: 'broken' });
    expect(proxy.log).toEqual(['500 URX 2\n']);
  });

  it('of one request count as one at a time', async () => {
    const { port } = await startUpstream((_, response) => response.writeHead(500).end('broken'));
    const proxy = await startTestProxy({
      clusters: [
        staticCluster('c', [port], {
          circuit_breakers: {
            thresholds: [
              { retry_budget: { min_retry_concurrency: 1, budget_percent: {}, budget_interval: '10s' } },
            ],
          },
        }),
      ],
      routes: routesOf({
        match: all,
        route: {
          cluster: 'c',
          retry_policy: { retry_on: '5xx', num_retries: 3, retry_back_off: { base_interval: '0.001s' } },
        },
      }),
      manager: { access_log: [stdoutLog('%RESPONSE_FLAGS% %UPSTREAM_REQUEST_ATTEMPT_COUNT%\n')] },
    });
    await send(proxy.port);
    expect(proxy.log).toEqual(['URX 4\n']);
  });

  it('do not happen unless told: a POST that met a reset is sent once', async () => {
    let requests = 0;
    const { port } = await startRawUpstream((socket) =>
      socket.on('data', () => {
        requests++;
        socket.resetAndDestroy();
      }),
    );
    const proxy = await startTestProxy({
      clusters: [staticCluster('c', [port])],
      routes: routesOf({ match: all, route: { cluster: 'c' } }),
      manager: { access_log: [stdoutLog('%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%\n')] },
    });
    const answer = await send(proxy.port, { method: 'POST', body: 'x' });
    expect(answer.status).toBe(503);
    expect(answer.body).toMatch(
      /reset reason: connection termination\n127\.0\.0\.1:\d+ closed the connection/,
    );
    expect(requests).toBe(1);
    expect(proxy.log).toEqual(['503 UC upstream_reset_before_response_started{connection_termination}\n']);
  });

  it('after a refused connection take another endpoint, for any method', async () => {
    const { port } = await startUpstream((request, response) => response.end(request.body));
    const proxy = await startTestProxy({
      clusters: [staticCluster('c', [CLOSED_PORT, port])],
      routes: routesOf({
        match: all,
        route: {
          cluster: 'c',
          retry_policy: {
            retry_on: 'connect-failure',
            num_retries: 3,
            retry_back_off: { base_interval: '0.001s' },
          },
        },
      }),
    });
    for (let i = 0; i < 4; i++)
      expect((await send(proxy.port, { method: 'POST', body: `${i}` })).body).toBe(`${i}`);
  });

  it('take another endpoint when the proxy of the first one says that its application is gone', async () => {
    const peer = {
      uri: 'spiffe://cluster.local/ns/default/sa/a',
      subject: '',
      hash: '',
      pem: '',
      dnsNames: [],
    };
    const orphan = await startTestProxy({
      direction: 'inbound',
      downstream: { tls: { alpn: '', sni: '', version: 'TLSv1.3', peer } },
      clusters: [staticCluster('app', [CLOSED_PORT])],
      routes: routesOf({ match: all, route: { cluster: 'app' } }),
    });
    const { port } = await startUpstream((request, response) => response.end(request.body));
    const retry_policy = {
      retry_on: 'connect-failure',
      num_retries: 2,
      retry_back_off: { base_interval: '0.001s' },
    };
    const proxy = await startTestProxy({
      clusters: [staticCluster('c', [orphan.port, port]), staticCluster('lonely', [orphan.port])],
      routes: routesOf(
        { match: { path: '/lonely' }, route: { cluster: 'lonely', retry_policy } },
        { match: all, route: { cluster: 'c', retry_policy } },
      ),
    });
    for (let i = 0; i < 4; i++)
      expect(await send(proxy.port, { method: 'POST', body: 'money' })).toMatchObject({
        status: 200,
        body: 'money',
      });
    const lonely = await send(proxy.port, { path: '/lonely' });
    expect(lonely.status).toBe(503);
    expect(lonely.headers['x-weft-unreached']).toBeUndefined();
  });

  it('say what happened where nobody answers', async () => {
    const proxy = await startTestProxy({
      clusters: [staticCluster('dead', [CLOSED_PORT]), staticCluster('empty', [])],
      routes: routesOf(
        { match: { path: '/dead' }, route: { cluster: 'dead' } },
        { match: all, route: { cluster: 'empty' } },
      ),
      manager: { access_log: [stdoutLog('%RESPONSE_FLAGS%\n')] },
    });
    const dead = await send(proxy.port, { path: '/dead' });
    expect(dead).toMatchObject({ status: 503 });
    expect(dead.body).toMatch(/reset reason: remote connection failure\nEndpoint 127\.0\.0\.1:1: .*REFUSED/);
    const empty = await send(proxy.port);
    expect(empty).toMatchObject({
      status: 503,
      body: 'no healthy upstream\nCluster empty has 0 healthy of 0 endpoints.',
    });
    expect(proxy.log).toEqual(['UF\n', 'UH\n']);
  });
});

describe('the keep-alive race', () => {
  it('a GET on a connection that the upstream closes at that moment is answered all the same', async () => {
    let connections = 0;
    const { port } = await startRawUpstream((socket) => {
      connections++;
      let requests = 0;
      socket.on('data', () => {
        // The second request of a connection meets its end, as if the idle time-out had struck.
        if (++requests === 2) socket.destroy();
        else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      });
    });
    const proxy = await startTestProxy({
      clusters: [staticCluster('c', [port])],
      routes: routesOf({ match: all, route: { cluster: 'c' } }),
    });
    for (let i = 0; i < 10; i++) expect((await send(proxy.port)).status).toBe(200);
    expect(connections).toBe(10);
  });

  it('what the upstream says of its idle time is honoured: no request meets the close', async () => {
    const { port } = await startUpstream((_, response) => response.end('ok'), { keepAliveTimeout: 1000 });
    const proxy = await startTestProxy({
      clusters: [staticCluster('c', [port])],
      routes: routesOf({ match: all, route: { cluster: 'c' } }),
    });
    await send(proxy.port);
    const endpoint = proxy.clusters.get('c')?.endpoints[0];
    expect(endpoint?.pool.idleLimit.limitMs).toBe(1000);
    expect(endpoint?.pool.idleLimit.usableMs).toBe(800);
  });
});

describe('time limits', () => {
  it('of the route end a slow answer with 504 UT', async () => {
    const { port } = await startUpstream(() => {});
    const proxy = await startTestProxy({
      clusters: [staticCluster('c', [port])],
      routes: routesOf({ match: all, route: { cluster: 'c', timeout: '0.05s' } }),
      manager: { access_log: [stdoutLog('%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%\n')] },
    });
    const answer = await send(proxy.port);
    expect(answer.body).toMatch(/^upstream request timeout\n127\.0\.0\.1:\d+ did not answer within 50 ms\.$/);
    expect(proxy.log).toEqual(['504 UT response_timeout\n']);
    expect(proxy.metrics.cluster('c').upstream_rq_timeout).toBe(1);
  });

  it('of one try let the next one answer', async () => {
    let requests = 0;
    const { port } = await startUpstream((_, response) => {
      if (++requests > 1) response.end('second');
    });
    const proxy = await startTestProxy({
      clusters: [staticCluster('c', [port])],
      routes: routesOf({
        match: all,
        route: {
          cluster: 'c',
          retry_policy: {
            retry_on: '5xx',
            per_try_timeout: '0.05s',
            retry_back_off: { base_interval: '0.001s' },
          },
        },
      }),
    });
    expect(await send(proxy.port)).toMatchObject({ status: 200, body: 'second' });
    expect(proxy.metrics.cluster('c').upstream_rq_per_try_timeout).toBe(1);
  });

  it('of a stream without a byte end it with SI: 504 where the answer is missing, 408 where the request is', async () => {
    const { port } = await startUpstream(() => {});
    const proxy = await startTestProxy({
      clusters: [staticCluster('c', [port])],
      routes: routesOf({ match: all, route: { cluster: 'c', timeout: '0s' } }),
      manager: { stream_idle_timeout: '0.05s', access_log: [stdoutLog('%RESPONSE_FLAGS%\n')] },
    });
    expect(await send(proxy.port)).toMatchObject({ status: 504, body: 'stream timeout' });
    const half = await sendRaw(proxy.port, 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nabc');
    expect(half).toMatch(/^HTTP\/1.1 408 /);
    expect(proxy.log).toEqual(['SI\n', 'SI\n']);
  });
});

describe('bodies', () => {
  it('pass in both directions, chunked with trailers and by length', async () => {
    const { port } = await startUpstream((request, response) => {
      response.setHeader('Trailer', 'X-Sum');
      response.write(`${request.headers['transfer-encoding'] ?? request.headers['content-length']}:`);
      response.addTrailers({ 'X-Sum': String(request.body.length) });
      response.end(request.body);
    });
    const proxy = await startTestProxy({
      clusters: [staticCluster('c', [port])],
      routes: routesOf({ match: all, route: { cluster: 'c' } }),
    });
    const body = 'x'.repeat(100_000);
    const byLength = await send(proxy.port, { method: 'POST', body });
    expect(byLength.body).toBe(`100000:${body}`);
    expect(byLength.trailers['x-sum']).toBe('100000');
    const chunked = await send(proxy.port, {
      method: 'POST',
      body,
      headers: { 'transfer-encoding': 'chunked' },
    });
    expect(chunked.body).toBe(`chunked:${body}`);
  });

  it.each(['/plain', '/kept', '/mirrored'])(
    'of %s come out as they went in, whoever is slow',
    async (path) => {
      const echo = createServer((request, response) => {
        const length = request.headers['x-length'];
        if (length !== undefined) response.setHeader('content-length', length);
        request.pipe(response);
      });
      await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
      const sent = new Set<string>();
      const mirrored: boolean[] = [];
      const slow = await startUpstream(({ body }, response) => {
        mirrored.push(sent.has(hash(Buffer.from(body, 'latin1'))));
        response.end();
      });
      const { port } = echo.address() as AddressInfo;
      const retry_policy = { retry_on: 'connect-failure', num_retries: 2 };
      const request_mirror_policies = [{ cluster: 'slow' }];
      const proxy = await startTestProxy({
        clusters: [staticCluster('c', [port]), staticCluster('slow', [slow.port])],
        routes: routesOf(
          { match: { prefix: '/kept' }, route: { cluster: 'c', retry_policy } },
          { match: { prefix: '/mirrored' }, route: { cluster: 'c', request_mirror_policies } },
          { match: { prefix: '/' }, route: { cluster: 'c' } },
        ),
      });
      const agent = new Agent({ keepAlive: true, maxSockets: 4 });
      const exchange = (bytes: number): Promise<boolean> =>
        new Promise((resolve, reject) => {
          const body = randomBytes(bytes);
          sent.add(hash(body));
          const headers = { 'content-length': bytes, ...(bytes % 2 === 0 ? { 'x-length': bytes } : {}) };
          const call = request(
            { port: proxy.port, host: '127.0.0.1', agent, path, method: 'POST', headers },
            (response) => {
              const parts: Buffer[] = [];
              response.on('data', (part: Buffer) => {
                parts.push(part);
                if (parts.length % 5 > 0) return;
                response.pause();
                setTimeout(() => response.resume(), 1);
              });
              response.on('end', () => resolve(body.equals(Buffer.concat(parts))));
            },
          );
          call.on('error', reject).end(body);
        });
      const sizes = [65_536, 70_001, 1_000_000, 3_000_001, 200_000, 65_000, 500_001, 2_000_000];
      expect(await Promise.all(sizes.map(exchange))).toEqual(sizes.map(() => true));
      if (path === '/mirrored') await eventually(() => mirrored.length > 2);
      expect(mirrored).not.toContain(false);
      agent.destroy();
      echo.closeAllConnections();
      echo.close();
    },
  );

  it('of 50 MB to a slow reader stay small in memory', async () => {
    const total = 50 * 1024 * 1024;
    const { port } = await startUpstream((_, response) => {
      response.setHeader('Content-Length', total);
      const block = Buffer.alloc(256 * 1024);
      let sent = 0;
      const more = (): void => {
        while (sent < total) {
          sent += block.length;
          if (!response.write(block)) {
            response.once('drain', more);
            return;
          }
        }
        response.end();
      };
      more();
    });
    const proxy = await startTestProxy({
      clusters: [staticCluster('c', [port])],
      routes: routesOf({ match: all, route: { cluster: 'c', timeout: '0s' } }),
    });
    const client = await openRaw(proxy.port);
    client.socket.removeAllListeners('data');
    client.socket.pause();
    client.socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    const stats = proxy.metrics.cluster('c');
    await eventually(() => stats.upstream_rq_active === 1);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const held = proxy.clusters.get('c')!;
    expect(held.stats.upstream_rq_completed).toBe(0);
    collectGarbage(); // of the tests before
    const before = process.memoryUsage().arrayBuffers;
    let received = 0;
    await new Promise<void>((resolve) => {
      client.socket.on('data', (bytes: Buffer) => {
        received += bytes.length;
        if (received > total) resolve();
      });
      client.socket.resume();
    });
    expect(before).toBeLessThan(30 * 1024 * 1024);
    expect(received).toBeGreaterThan(total);
  });

  it('cut by the upstream cut the client, with flag UC', async () => {
    const { port } = await startRawUpstream((socket) =>
      socket.on('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf')),
    );
    const proxy = await startTestProxy({
      clusters: [staticCluster('c', [port])],
      routes: routesOf({ match: all, route: { cluster: 'c' } }),
      manager: { access_log: [stdoutLog('%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%\n')] },
    });
    await expect(send(proxy.port)).rejects.toThrow();
    await eventually(() => proxy.log.length === 1);
    expect(proxy.log).toEqual(['200 UC upstream_reset_after_response_started{connection_termination}\n']);
  });

  it('that are not all there when the answer comes do not spoil the next request', async () => {
    const { port } = await startRawUpstream((socket) =>
      socket.once('data', () => socket.write('HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n')),
    );
    const proxy = await startTestProxy({
      clusters: [staticCluster('c', [port])],
      routes: routesOf(
        { match: { path: '/direct' }, direct_response: { status: 200 } },
        { match: all, route: { cluster: 'c' } },
      ),
    });
    const client = await openRaw(proxy.port);
    client.socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345');
    expect(await client.read(/\r\n\r\n/)).toMatch(/^HTTP\/1\.1 413/);
    client.socket.write('67890GET /direct HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(await client.read(/\r\n\r\n/)).toMatch(/^HTTP\/1\.1 200/);
  });
});

describe('clients', () => {
  it('that pipeline are answered in order', async () => {
    const { port } = await startUpstream((request, response) => {
      setTimeout(() => response.end(request.url), request.url === '/slow' ? 30 : 0);
    });
    const proxy = await startTestProxy({
      clusters: [staticCluster('c', [port])],
      routes: routesOf({ match: all, route: { cluster: 'c' } }),
    });
    const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
    const client = await openRaw(proxy.port);
    client.socket.write(get('/slow') + get('/b') + get('/c'));
    expect(await client.read(/\r\n\r\n\/slow/)).toContain('200');
    expect(await client.read(/\r\n\r\n\/b/)).toContain('200');
    expect(await client.read(/\r\n\r\n\/c/)).toContain('200');
  });

  it('of HTTP/1.0 are served, kept if they ask, and get no chunks', async () => {
    const { port } = await startUpstream((request, response) => {
      if (request.url === '/chunked') response.write('a');
      response.end('b');
    });
    const proxy = await startTestProxy({
      clusters: [staticCluster('c', [port])],
      routes: routesOf({ match: all, route: { cluster: 'c' } }),
    });
    const chunked = await sendRaw(proxy.port, 'GET /chunked HTTP/1.0\r\n\r\n');
    expect(chunked).toMatch(/^HTTP\/1\.0 200[\s\S]*\r\n\r\nab$/);
    expect(chunked).not.toMatch(/transfer-encoding/i);
    const client = await openRaw(proxy.port);
    client.socket.write('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
    expect(await client.read(/\r\n\r\nb/)).toMatch(/connection: keep-alive/);
    client.socket.write('GET / HTTP/1.0\r\n\r\n');
    expect(await client.read(/\r\n\r\nb/)).toMatch(/connection: close/);
  });

  it('keep the case and order of their headers', async () => {
    let head = '';
    const { port } = await startRawUpstream((socket) =>
      socket.on('data', (bytes) => {
        head = bytes.toString('latin1');
        socket.write('HTTP/1.1 200 Fine\r\nX-CaSe: Kept\r\nContent-Length: 0\r\n\r\n');
      }),
    );
    const proxy = await startTestProxy({
      clusters: [staticCluster('c', [port])],
      routes: routesOf({ match: all, route: { cluster: 'c' } }),
    });
    const client = await openRaw(proxy.port);
    client.socket.write(
      'GET /?q HTTP/1.1\r\nX-b: 1\r\nHOST: A\r\nx-A: 2\r\nConnection: x-drop\r\nX-Drop: 3\r\n\r\n',
    );
    expect(await client.read(/\r\n\r\n/)).toMatch(/^HTTP\/1\.1 200 Fine\r\nX-CaSe: Kept\r\n/);
    expect(head).toMatch(
      /^GET \/\?q HTTP\/1\.1\r\nX-b: 1\r\nHOST: A\r\nx-A: 2\r\nx-forwarded-proto: http\r\n/,
    );
    expect(head).not.toMatch(/drop/i);
  });

  it('that go away end their request at the upstream', async () => {
    let closed = false;
    const { port } = await startRawUpstream((socket) => {
      socket.on('close', () => (closed = true));
      socket.on('end', () => socket.end());
      socket.resume();
    });
    const proxy = await startTestProxy({
      clusters: [staticCluster('c', [port])],
      routes: routesOf({ match: all, route: { cluster: 'c' } }),
      manager: { access_log: [stdoutLog('%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%\n')] },
    });
    const client = await openRaw(proxy.port);
    client.socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await eventually(() => proxy.metrics.cluster('c').upstream_rq_active === 1);
    client.socket.destroy();
    await eventually(() => closed);
    expect(proxy.log).toEqual(['0 DC downstream_remote_disconnect\n']);
    expect(proxy.metrics.cluster('c').upstream_rq_active).toBe(0);
  });

  it('that wait for 100 (Continue) get it and then send', async () => {
    const { port } = await startUpstream((request, response) =>
      response.end(`${request.headers['expect']} ${request.body}`),
    );
    const proxy = await startTestProxy({
      clusters: [staticCluster('c', [port])],
      routes: routesOf({ match: all, route: { cluster: 'c' } }),
    });
    const client = await openRaw(proxy.port);
    client.socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n');
    expect(await client.read(/\r\n\r\n/)).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    client.socket.write('hi');
    expect(await client.read(/undefined hi/)).toMatch(/^HTTP\/1\.1 200/);
  });
});

describe('an upgrade', () => {
  it('is a tunnel once it is agreed, half-close included', async () => {
    const { port } = await startRawUpstream((socket) => {
      let open = false;
      socket.on('data', (bytes) => {
        if (open) socket.write(`echo ${bytes}`);
        else
          socket.write(
            'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
          );
        open = true;
      });
      socket.on('end', () => socket.end('bye'));
    });
    const proxy = await startTestProxy({
      clusters: [staticCluster('c', [port])],
      routes: routesOf({ match: all, route: { cluster: 'c', timeout: '0.05s' } }),
      manager: {
        upgrade_configs: [{ upgrade_type: 'websocket' }],
        access_log: [stdoutLog('%RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT%\n')],
      },
    });
    const client = await openRaw(proxy.port);
    client.socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    expect(await client.read(/\r\n\r\n/)).toMatch(
      /^HTTP\/1\.1 101 [\s\S]*connection: upgrade\r\nupgrade: websocket/,
    );
    client.socket.write('one');
    await client.read(/echo one/);
    await new Promise((resolve) => setTimeout(resolve, 100)); // longer than the route's time-out
    client.socket.write('two');
    await client.read(/echo two/);
    client.socket.end();
    await client.read(/bye<end>/);
    await eventually(() => proxy.log.length === 1);
    expect(proxy.log).toEqual(['101 - 6 19\n']);
    expect(proxy.metrics.cluster('c').upstream_rq_active).toBe(0);
  });

  it('that nobody allowed is refused', async () => {
    const proxy = await startTestProxy({
      routes: routesOf({ match: all, direct_response: { status: 200 } }),
    });
    const answer = await sendRaw(
      proxy.port,
      'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n',
    );
    expect(answer).toMatch(/^HTTP\/1\.1 403/);
  });
});

describe('mirrors', () => {
  it('get a copy with another host, and nobody waits for them', async () => {
    const copies: string[] = [];
    const copy = await startUpstream((request) => copies.push(`${request.headers.host} ${request.body}`));
    const real = await startUpstream((_, response) => response.end('real'));
    const proxy = await startTestProxy({
      clusters: [staticCluster('real', [real.port]), staticCluster('copy', [copy.port])],
      routes: routesOf({
        match: all,
        route: { cluster: 'real', request_mirror_policies: [{ cluster: 'copy' }] },
      }),
    });
    const answer = await send(proxy.port, {
      method: 'POST',
      body: 'hello',
      headers: { host: 'reviews:9080' },
    });
    expect(answer.body).toBe('real');
    await eventually(() => copies.length === 1);
    expect(copies).toEqual(['reviews-shadow:9080 hello']);
  });
});

describe('limits of a cluster', () => {
  it('on requests and on waiting ones are answered with UO', async () => {
    const { port } = await startUpstream(() => {});
    const limited = (name: string, thresholds: object) =>
      staticCluster(name, [port], { circuit_breakers: { thresholds: [thresholds] } });
    const proxy = await startTestProxy({
      clusters: [
        limited('one', { max_requests: 1 }),
        limited('queue', { max_connections: 1, max_pending_requests: 1 }),
      ],
      routes: routesOf(
        { match: { path: '/one' }, route: { cluster: 'one' } },
        { match: all, route: { cluster: 'queue' } },
      ),
      manager: { access_log: [stdoutLog('%RESPONSE_FLAGS%\n')] },
    });
    const client = await openRaw(proxy.port);
    client.socket.write('GET /one HTTP/1.1\r\nHost: a\r\n\r\n');
    await eventually(() => proxy.metrics.cluster('one').upstream_rq_active === 1);
    const over = await send(proxy.port, { path: '/one' });
    expect(over).toMatchObject({ status: 503, headers: { 'x-envoy-overloaded': 'true' } });
    const queue = proxy.metrics.cluster('queue');
    (await openRaw(proxy.port)).socket.write('GET /q HTTP/1.1\r\nHost: a\r\n\r\n');
    await eventually(() => queue.upstream_cx_http1_total === 1);
    (await openRaw(proxy.port)).socket.write('GET /q HTTP/1.1\r\nHost: a\r\n\r\n');
    await eventually(() => queue.upstream_rq_pending_active === 1);
    expect((await send(proxy.port)).body).toMatch(/reset reason: overflow/);
    expect(proxy.log).toEqual(['UO\n', 'UO\n']);
  });
});

function stdoutLog(format: string) {
  return {
    name: 'log',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog',
      log_format: { text_format_source: { inline_string: format } },
    },
  };
}
