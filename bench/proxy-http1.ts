/**
 * HTTP/1.1 through the proxy: CPU time per request of the one proxy process, beside Envoy's where one is given.
 *
 *     node bench/proxy-http1.ts [--requests 30000] [--rounds 5] [--connections 64] [--envoy FILE] [--profile DIR]
 *
 * One process each for clients, proxy and upstream. Clients keep their connections busy (closed loop) with a GET of
 * seven headers; the upstream answers 200 bytes. Runs of the contestants alternate; medians are printed. CPU time is
 * read from /proc, so other work on the machine moves the results little.
 *
 * Where a request's 21 us went when this was written (two cores, Envoy 1.40: 35 us; perf with --perf-basic-prof): half
 * to the kernel for two reads and two writes, which no JavaScript changes; 4 us to the 64 KiB that node:net allocates
 * for every read; 3 us to node's streams; 2 us each to parsing, to strings of the heads, and to everything between the
 * two codecs (routing, filters, router, pool, statistics). What helped, in order: one write for head and body; nothing
 * made that nearly no request needs (retry state, deadlines of its own, texts of addresses); remembering the last
 * host, path and status, because traffic comes in runs; deadlines in queues in place of a timer per request.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    role: { type: 'string', default: 'main' },
    requests: { type: 'string', default: '30000' },
    rounds: { type: 'string', default: '5' },
    connections: { type: 'string', default: '64' },
    envoy: { type: 'string' },
    profile: { type: 'string' },
    upstream: { type: 'string', default: '0' },
    log: { type: 'boolean', default: false },
    body: { type: 'string', default: '200' },
  },
});

const REQUEST =
  'GET /api/v1/products?limit=10 HTTP/1.1\r\nHost: reviews:9080\r\nUser-Agent: bench/1\r\nAccept: application/json\r\n' +
  'Accept-Encoding: gzip\r\nX-Request-Id: 7e2f1c1e-2f5e-4a60-9d3e-0f6a0c9b8a7d\r\nCookie: session=abcdef0123456789\r\n' +
  'Cache-Control: no-cache\r\n\r\n';

const ACCESS_LOG_FORMAT =
  '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% ' +
  '%RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% "%UPSTREAM_TRANSPORT_FAILURE_REASON%" %BYTES_RECEIVED% ' +
  '%BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" ' +
  '"%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%" %UPSTREAM_CLUSTER_RAW% %UPSTREAM_LOCAL_ADDRESS% ' +
  '%DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% %ROUTE_NAME%\n';

function managerMessage(path: string, log: boolean): object {
  return {
    stat_prefix: 'bench',
    route_config: {
      name: 'bench',
      virtual_hosts: [
        {
          name: 'reviews',
          domains: ['reviews', 'reviews:9080'],
          routes: [
            {
              name: 'default',
              match: { prefix: '/' },
              route: {
                cluster: 'reviews',
                timeout: '0s',
                retry_policy: {
                  retry_on: 'connect-failure,refused-stream,unavailable,cancelled',
                  num_retries: 2,
                },
              },
            },
          ],
          include_request_attempt_count: true,
        },
        {
          name: 'any',
          domains: ['*'],
          routes: [{ match: { prefix: '/' }, direct_response: { status: 404 } }],
        },
      ],
    },
    http_filters: [
      {
        name: 'envoy.filters.http.router',
        typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
      },
    ],
    ...(log
      ? {
          access_log: [
            {
              name: 'file',
              typed_config: {
                '@type': 'type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog',
                path,
                log_format: { text_format_source: { inline_string: ACCESS_LOG_FORMAT } },
              },
            },
          ],
        }
      : {}),
  };
}

async function runUpstream(): Promise<void> {
  const body = 'x'.repeat(Number(values.body));
  const answer = Buffer.from(
    `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nServer: up\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => {});
    let tail = '';
    socket.on('data', (bytes) => {
      const text = tail + bytes.toString('latin1');
      let at = 0;
      for (let end = text.indexOf('\r\n\r\n', at); end >= 0; end = text.indexOf('\r\n\r\n', at)) {
        at = end + 4;
        socket.write(answer);
      }
      tail = text.slice(at);
    });
  });
  server.listen(0, '127.0.0.1', () => process.send?.((server.address() as { port: number }).port));
}

async function runProxy(): Promise<void> {
  const { startTestProxy, staticCluster } = await import('../src/proxy/test-proxy.ts');
  const { createLogSinks } = await import('../src/proxy/observe/file-log-sinks.ts');
  const { systemClock } = await import('../src/lib/clock.ts');
  const limits = {
    circuit_breakers: {
      thresholds: [{ max_connections: 100000, max_pending_requests: 100000, max_requests: 100000 }],
    },
  };
  const proxy = await startTestProxy({
    clusters: [staticCluster('reviews', [Number(values.upstream)], limits)],
    filters: [
      {
        name: 'hcm',
        typed_config: {
          '@type':
            'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
          ...managerMessage('/dev/null', values.log),
        },
      },
    ],
    logs: createLogSinks(systemClock),
  });
  process.send?.(proxy.port);
}

function envoyConfig(upstream: number, port: number, log: boolean): string {
  const address = (portValue: number) => ({
    socket_address: { address: '127.0.0.1', port_value: portValue },
  });
  return JSON.stringify({
    static_resources: {
      listeners: [
        {
          name: 'l',
          address: address(port),
          filter_chains: [
            {
              filters: [
                {
                  name: 'hcm',
                  typed_config: {
                    '@type':
                      'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
                    ...managerMessage('/dev/null', log),
                  },
                },
              ],
            },
          ],
        },
      ],
      clusters: [
        {
          name: 'reviews',
          connect_timeout: '1s',
          load_assignment: {
            cluster_name: 'reviews',
            endpoints: [{ lb_endpoints: [{ endpoint: { address: address(upstream) } }] }],
          },
        },
      ],
    },
  });
}

interface Contestant {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
}

/** Sends `total` requests over `count` connections; resolves with the seconds it took. */
function load(port: number, count: number, total: number): Promise<number> {
  return new Promise((resolve, reject) => {
    let sent = 0;
    let done = 0;
    const startedMs = performance.now();
    const request = Buffer.from(REQUEST);
    for (let i = 0; i < count; i++) {
      const socket = connect({ host: '127.0.0.1', port, noDelay: true });
      let need = 0;
      let head = '';
      const next = (): void => {
        if (sent >= total) return;
        sent++;
        socket.write(request);
      };
      socket.on('connect', next);
      socket.on('error', reject);
      socket.on('data', (bytes) => {
        let at = 0;
        while (at < bytes.length) {
          if (need === 0) {
            head += bytes.toString('latin1', at);
            at = bytes.length;
            const end = head.indexOf('\r\n\r\n');
            if (end < 0) return;
            const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
            need = length - (head.length - end - 4);
            head = '';
          } else {
            const taken = Math.min(need, bytes.length - at);
            need -= taken;
            at += taken;
          }
          if (need > 0) continue;
          if (++done === total) {
            resolve((performance.now() - startedMs) / 1000);
            return;
          }
          next();
        }
      });
    }
  });
}

/** User and system time of a process so far, in microseconds. */
function cpuMicros(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

function rssMb(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0) / 1024;
}

const children: ChildProcess[] = [];

function child(role: string, more: readonly string[] = []): Promise<{ pid: number; port: number }> {
  const exec =
    values.profile !== undefined && role === 'proxy'
      ? ['--cpu-prof', `--cpu-prof-dir=${values.profile}`]
      : [];
  const args = [...exec, fileURLToPath(import.meta.url), '--role', role, '--body', values.body, ...more];
  const process_ = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  children.push(process_);
  return new Promise((resolve) =>
    process_.once('message', (port) => resolve({ pid: process_.pid!, port: Number(port) })),
  );
}

async function startEnvoy(file: string, upstream: number): Promise<Contestant> {
  const port = 20_000 + Math.floor(Math.random() * 20_000);
  const path = join(mkdtempSync(join(tmpdir(), 'weft-bench-')), 'envoy.json');
  writeFileSync(path, envoyConfig(upstream, port, values.log));
  const process_ = spawn(file, ['-c', path, '--concurrency', '1', '--disable-hot-restart', '-l', 'error'], {
    stdio: 'inherit',
  });
  children.push(process_);
  for (let i = 0; i < 100; i++) {
    const up = await load(port, 1, 1).then(
      () => true,
      () => false,
    );
    if (up) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return { name: 'envoy', port, pid: process_.pid! };
}

async function main(): Promise<void> {
  const upstream = await child('upstream');
  const more = ['--upstream', String(upstream.port), ...(values.log ? ['--log'] : [])];
  const proxy = await child('proxy', more);
  const contestants: Contestant[] = [{ name: 'weft', ...proxy }];
  if (values.envoy !== undefined) contestants.push(await startEnvoy(values.envoy, upstream.port));
  const connections = Number(values.connections);
  const requests = Number(values.requests);
  for (const { port } of contestants) await load(port, connections, Math.min(requests, 10_000));
  const results = new Map<string, number[]>();
  for (let round = 0; round < Number(values.rounds); round++)
    for (const { name, port, pid } of contestants) {
      const before = cpuMicros(pid);
      const seconds = await load(port, connections, requests);
      const micros = (cpuMicros(pid) - before) / requests;
      results.set(name, [...(results.get(name) ?? []), micros]);
      console.log(
        `${name.padEnd(6)} ${micros.toFixed(1)} us/request  ${Math.round(requests / seconds)} requests/s  RSS ${rssMb(pid).toFixed(0)} MB`,
      );
    }
  for (const [name, list] of results) {
    const sorted = list.toSorted((a, b) => a - b);
    console.log(`${name.padEnd(6)} median ${sorted[sorted.length >> 1]?.toFixed(1)} us CPU per request`);
  }
  for (const one of children) one.kill('SIGTERM');
}

if (values.role === 'upstream') await runUpstream();
else if (values.role === 'proxy') {
  process.on('SIGTERM', () => process.exit(0));
  await runProxy();
} else await main();
process.on('disconnect', () => process.exit(0));
