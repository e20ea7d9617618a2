import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { frame } from '../../src/wire/http2/test-pair.ts';
import { any } from '../../src/xds/resources.ts';
import { type Pair, type Ports, run, type Side, startPair } from './harness.ts';
import { address, httpBootstrap } from './http-bootstrap.ts';

let pair: Pair | undefined;
const folders = ['envoy', 'weft'].map((name) => mkdtempSync(join(tmpdir(), `weft-refused-${name}-`)));
afterAll(async () => {
  await pair?.stop();
  for (const folder of folders) rmSync(folder, { recursive: true });
});

const FORMAT =
  '%REQ(:METHOD)% %REQ(:PATH)% %PROTOCOL% %RESPONSE_CODE% %RESPONSE_CODE_DETAILS% %RESPONSE_FLAGS% %RESP(CONTENT-TYPE)% %RESP(SERVER)% %BYTES_RECEIVED% %REQUEST_DURATION% %ACCESS_LOG_TYPE%\n';

/** A request without a body, its fields as HPACK literals. */
function http2(...fields: readonly (readonly [string, string])[]): string {
  const block = fields.flatMap(([name, value]) => [
    Buffer.from([0, name.length]),
    Buffer.from(name),
    Buffer.from([value.length]),
    Buffer.from(value),
  ]);
  const frames = [frame(4, 0, 0, Buffer.alloc(0)), frame(1, 5, 1, Buffer.concat(block))];
  return `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${Buffer.concat(frames).toString('latin1')}`;
}

const GET = [
  [':method', 'GET'],
  [':path', '/'],
  [':scheme', 'http'],
  [':authority', 'h'],
] as const;

const REQUESTS = [
  'BROKEN\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: h\r\nBad Name: x\r\n\r\n',
  `GET / HTTP/1.1\r\nHost: h\r\nBig: ${'x'.repeat(70_000)}\r\n\r\n`,
  'POST /chunk HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
  'GET /dead HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n',
  http2(...GET, ['Upper', 'x']),
  http2(...GET, ['transfer-encoding', 'chunked']),
  http2([':method', 'GET'], [':scheme', 'http'], [':authority', 'h']),
];

it('requests that the codec refuses are logged and counted as Envoy logs and counts them', async (test) => {
  let started = 0;
  pair = await startPair((ports) => bootstrap(ports, join(folders[started++] as string, 'log')));
  if (pair === undefined) return test.skip('there is no Envoy: set WEFT_ENVOY');
  for (const piece of REQUESTS)
    for (const side of [pair.envoy, pair.weft])
      await run(side, 0, { pieces: [piece], methods: ['GET'], answers: [] });
  const [envoy, weft] = await Promise.all(
    [pair.envoy, pair.weft].map(async (side, i) => ({
      lines: await linesOf(join(folders[i] as string, 'log')),
      counts: await countsOf(side),
    })),
  );
  expect(envoy?.lines).toHaveLength(REQUESTS.length);
  expect(weft).toEqual(envoy);
}, 30_000);

function bootstrap(ports: Ports, path: string): object {
  const access_log = [
    {
      typed_config: any('envoy.extensions.access_loggers.file.v3.FileAccessLog', {
        path,
        log_format: { text_format_source: { inline_string: FORMAT } },
      }),
    },
  ];
  const made = httpBootstrap({ manager: { access_log } })(ports) as ReturnType<typeof JSON.parse>;
  const { listeners, clusters } = made.static_resources;
  const lb_endpoints = [{ endpoint: { address: address(1) } }];
  clusters.push({
    name: 'dead',
    connect_timeout: '1s',
    load_assignment: { cluster_name: 'dead', endpoints: [{ lb_endpoints }] },
  });
  const { route_config } = listeners[0].filter_chains[0].filters[0].typed_config;
  route_config.virtual_hosts[0].routes.unshift({ match: { path: '/dead' }, route: { cluster: 'dead' } });
  return made;
}

async function linesOf(file: string): Promise<readonly string[]> {
  const read = (): string[] => (existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : []);
  const untilMs = Date.now() + 15_000;
  while (read().length < REQUESTS.length && Date.now() < untilMs)
    await new Promise((resolve) => setTimeout(resolve, 50));
  return read();
}

/** What is counted of requests, without durations. */
async function countsOf(side: Side): Promise<readonly string[]> {
  const names = /^http\.lane\.downstream_rq_(total|completed|http\w+|rx_reset|\dxx|too_large|active): [1-9]/;
  return (await side.admin('/stats')).split('\n').filter((line) => names.test(line));
}
