import { connect as connectHttp2, constants } from 'node:http2';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { seededRandom } from '../../lib/random.ts';
import { any } from '../../xds/resources.ts';
import {
  closeAll,
  eventually,
  ROUTER,
  routesOf,
  startRawUpstream,
  startTestProxy,
  staticCluster,
} from '../test-proxy.ts';

afterEach(closeAll);

/** What an upstream may do to a request, by the number in its path. */
const MISDEEDS = 9;

/** Answers, dawdles, cuts, lies and resets, as the path asks. */
async function startBadUpstream() {
  return startRawUpstream((socket) => {
    let text = '';
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1');
      const found = /^(GET|POST) \/(\d+) [\s\S]*?\r\n\r\n/.exec(text);
      if (found === null) return;
      const [head, , what] = found;
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
      if (/chunked/i.test(head) ? !text.endsWith('0\r\n\r\n') : text.length < head.length + length) return;
      text = '';
      answer(Number(what));
    });
    socket.on('end', () => socket.end());
    function answer(what: number): void {
      if (what === 0) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      if (what === 1)
        socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n');
      if (what === 2) socket.end('HTTP/1.1 200 OK\r\n\r\nuntil close');
      if (what === 3) socket.destroy();
      if (what === 4) socket.resetAndDestroy();
      if (what === 5) socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncut');
      if (what === 6) socket.write('no HTTP at all\r\n\r\n');
      if (what === 7) socket.write('HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n');
      // 8: no answer at all
    }
  });
}

/** A client that sends a few requests, well or badly, and may go in the middle. Resolves when its connection is gone. */
function badClient(port: number, random: ReturnType<typeof seededRandom>): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.on('error', () => {});
    socket.on('close', () => resolve());
    const requests = 1 + random.below(3);
    for (let i = 0; i < requests; i++) {
      const path = `/${random.below(MISDEEDS)}`;
      const body = 'x'.repeat(random.below(3) * 5000);
      const kinds = [
        `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`,
        `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
        `POST ${path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`,
        `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\nnot all of it`,
        `GET ${path} HTTP/1.0\r\n\r\n`,
        `GET ${path} HTTP/1.1\r\nHost: a\r\nBad Header: x\r\n\r\n`,
      ];
      socket.write(kinds[random.below(kinds.length)] as string);
    }
    const how = random.below(4);
    if (how === 0) setTimeout(() => socket.destroy(), random.below(60));
    if (how === 1) setTimeout(() => socket.resetAndDestroy(), random.below(60));
    if (how === 2) socket.end();
    setTimeout(() => socket.destroy(), 400);
    socket.resume();
  });
}

/** The same over HTTP/2: streams that are complete, that never end, that are cut, on a connection that may go at any time. */
function badHttp2Client(port: number, random: ReturnType<typeof seededRandom>): Promise<void> {
  return new Promise((resolve) => {
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    session.on('error', () => {});
    session.on('close', () => resolve());
    const requests = 1 + random.below(6);
    for (let i = 0; i < requests; i++) {
      const path = `/${random.below(MISDEEDS)}`;
      const post = random.below(2) === 1;
      const stream = session.request(
        { ':path': path, ':method': post ? 'POST' : 'GET' },
        { endStream: !post },
      );
      stream.on('error', () => {});
      stream.resume();
      const how = random.below(5);
      if (post && how < 3) stream.end('x'.repeat(random.below(3) * 5000));
      else if (post) stream.write('not all of it');
      if (how === 3) setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), random.below(60));
    }
    const how = random.below(4);
    if (how === 0) setTimeout(() => session.destroy(), random.below(60));
    if (how === 1) setTimeout(() => session.close(), random.below(60));
    setTimeout(() => session.destroy(), 400);
  });
}

const CLIENTS = [
  ['HTTP/1', 1, badClient],
  ['HTTP/1', 2, badClient],
  ['HTTP/2', 3, badHttp2Client],
  ['HTTP/2', 4, badHttp2Client],
] as const;

describe('whatever clients and upstreams do', () => {
  it.each(CLIENTS)('every stream ends once, and nothing is left (%s, seed %i)', async (_, seed, client) => {
    const random = seededRandom(seed);
    const ports = [(await startBadUpstream()).port, (await startBadUpstream()).port, 1];
    const proxy = await startTestProxy({
      clusters: [
        staticCluster('c', ports, {
          circuit_breakers: { thresholds: [{ max_connections: 8, max_pending_requests: 8 }] },
        }),
      ],
      routes: routesOf({
        match: { prefix: '/' },
        route: {
          cluster: 'c',
          timeout: '0.15s',
          retry_policy: {
            retry_on: '5xx,reset,connect-failure',
            num_retries: 2,
            per_try_timeout: '0.1s',
            retry_back_off: { base_interval: '0.002s' },
          },
          request_mirror_policies: [{ cluster: 'c', runtime_fraction: { default_value: { numerator: 20 } } }],
        },
      }),
      manager: {
        stream_idle_timeout: '0.3s',
        http_filters: [
          {
            name: 'fault',
            typed_config: any('envoy.extensions.filters.http.fault.v3.HTTPFault', {
              delay: { fixed_delay: '0.005s', percentage: { numerator: 30 } },
              abort: { http_status: 500, percentage: { numerator: 5 } },
            }),
          },
          ROUTER,
        ],
        access_log: [
          {
            typed_config: any('envoy.extensions.access_loggers.stream.v3.StdoutAccessLog', {
              log_format: { text_format_source: { inline_string: '%RESPONSE_CODE% %RESPONSE_FLAGS%\n' } },
            }),
          },
        ],
      },
    });
    for (let wave = 0; wave < 4; wave++)
      await Promise.all(Array.from({ length: 25 }, () => client(proxy.port, random)));
    const http = proxy.metrics.http('test');
    const cluster = proxy.metrics.cluster('c');
    await eventually(() => proxy.openConnections() === 0 && cluster.upstream_rq_active === 0);
    expect(http).toMatchObject({ downstream_rq_active: 0, downstream_cx_active: 0 });
    expect(cluster).toMatchObject({ upstream_rq_pending_active: 0 });
    expect(proxy.log).toHaveLength(http.downstream_rq_total);
    expect(http.downstream_rq_completed).toBe(http.statuses.total);
    expect(http.downstream_rq_total).toBeGreaterThan(60);
    for (const endpoint of proxy.clusters.get('c')!.endpoints) {
      expect(endpoint.active).toBe(0);
      expect(endpoint.counts.rq_active).toBe(0);
    }
    expect(proxy.clusters.get('c')!.breakers.default.retries).toBe(0);
    proxy.clusters.close();
    await eventually(() => cluster.upstream_cx_active === 0);
  });
});
