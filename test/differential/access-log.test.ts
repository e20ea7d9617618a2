import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { any } from '../../src/xds/resources.ts';
import { type Case, type Pair, run, type Side, startPair } from './harness.ts';
import { httpBootstrap } from './http-bootstrap.ts';

let pair: Pair | undefined;
const folders = ['envoy', 'weft'].map((name) => mkdtempSync(join(tmpdir(), `weft-access-log-${name}-`)));
afterAll(async () => {
  await pair?.stop();
  for (const folder of folders) rmSync(folder, { recursive: true });
});

/** Operators that say the same of both, whenever and by whichever ports it happened. */
const SAME = [
  ...['PROTOCOL', 'RESPONSE_CODE', 'RESPONSE_CODE_DETAILS', 'RESPONSE_FLAGS', 'RESPONSE_FLAGS_LONG'],
  ...[
    'BYTES_RECEIVED',
    'BYTES_SENT',
    'BYTES_RETRANSMITTED',
    'REQUEST_HEADERS_BYTES',
    'RESPONSE_TRAILERS_BYTES',
  ],
  ...['UPSTREAM_PROTOCOL', 'UPSTREAM_REQUEST_ATTEMPT_COUNT', 'UPSTREAM_CLUSTER', 'UPSTREAM_CLUSTER_RAW'],
  ...['UPSTREAM_HOST_NAME', 'UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT', 'UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT'],
  ...[
    'UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT',
    'UPSTREAM_TRANSPORT_FAILURE_REASON',
    'ROUTE_NAME',
    'FILTER_CHAIN_NAME',
  ],
  ...[
    'LISTENER_NAME',
    'VIRTUAL_CLUSTER_NAME',
    'ACCESS_LOG_TYPE',
    'HOSTNAME',
    'LOCAL_REPLY_BODY',
    'CUSTOM_FLAGS',
  ],
  ...['DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT', 'DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT'],
  ...['DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT', 'DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT'],
  ...[
    'DOWNSTREAM_REMOTE_ADDRESS',
    'CONNECTION_TERMINATION_DETAILS',
    'REQUESTED_SERVER_NAME',
    'TRACE_ID',
    'SPAN_ID',
  ],
  ...['REQUESTED_SERVER_NAME(HOST_FIRST)', 'REQUESTED_SERVER_NAME(SNI_FIRST:ORIG)'],
  ...['GRPC_STATUS', 'GRPC_STATUS(SNAKE_STRING)', 'GRPC_STATUS(NUMBER)', 'GRPC_STATUS_NUMBER'],
  ...[
    'DOWNSTREAM_TLS_VERSION',
    'DOWNSTREAM_PEER_SUBJECT',
    'DOWNSTREAM_PEER_CERT_V_START',
    'UPSTREAM_TLS_CIPHER',
  ],
  ...['START_TIME(%Y)', 'EMIT_TIME(%%)', 'ENVIRONMENT(WEFT_NO_SUCH_VARIABLE)', 'STREAM_ID'],
  ...[
    'QUERY_PARAM(q)',
    'QUERY_PARAM(none)',
    'QUERY_PARAMS',
    'PATH',
    'PATH(NQ)',
    'PATH(WQ:PATH)',
    'PATH(NQ:ORIG)',
  ],
  ...['REQ(:PATH)', 'REQ(:SCHEME)', 'REQ(:AUTHORITY)', 'REQ(NONE?:METHOD)', 'REQ(X-TWICE)', 'REQ(X-ODD)'],
  ...['REQ(USER-AGENT):3', 'RESP(X-UP)', 'RESP(:STATUS)', 'TRAILER(X-T)', 'REQ_WITHOUT_QUERY(:PATH)'],
  ...['DYNAMIC_METADATA(a:b)', 'METADATA(ROUTE:shop:shelf)', 'METADATA(ROUTE:shop:shelf:row)'],
  ...['METADATA(CLUSTER:shop:open)', 'CLUSTER_METADATA(shop)', 'UPSTREAM_METADATA(shop:open)'],
] as const;

/** Durations: the same kind of value, not the same value. */
const DURATIONS = [
  ...['DURATION', 'REQUEST_DURATION', 'REQUEST_TX_DURATION', 'RESPONSE_DURATION', 'RESPONSE_TX_DURATION'],
  ...['COMMON_DURATION(DS_RX_BEG:DS_TX_END:us)', 'COMMON_DURATION(US_TX_BEG:US_RX_BEG:ns)'],
] as const;

const percent = (operator: string): string => `%${operator.replace(/:(\d)$/, ':$1')}%`;

const entry = {
  ...Object.fromEntries([...SAME, ...DURATIONS].map((operator) => [operator, percent(operator)])),
  nested: { list: ['%RESPONSE_CODE%', 'a %PROTOCOL% b', 3, true, null], quoted: '"%REQ(X-ODD)%\\' },
};

const cases: readonly Case[] = [
  {
    pieces: [
      'GET /a?q=1&b=2 HTTP/1.1\r\nHost: h.com:80\r\nUser-Agent: agent\r\nX-Request-Id: r\r\nX-Twice: 1\r\nX-Twice: 2\r\nX-Odd: "\\\t\r\n\r\n',
    ],
    methods: ['GET'],
    answers: [{ bytes: 'HTTP/1.1 200 OK\r\nX-Up: u\r\nContent-Length: 2\r\n\r\nok' }],
  },
  {
    pieces: [
      'POST /s/m HTTP/1.1\r\nHost: h\r\nX-Request-Id: r\r\nContent-Type: application/grpc\r\nContent-Length: 3\r\n\r\nabc',
    ],
    methods: ['POST'],
    answers: [
      {
        bytes:
          'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-T: t\r\nGrpc-Status: 5\r\n\r\n',
      },
    ],
  },
  { pieces: ['GET /none HTTP/1.1\r\nHost: h\r\nX-Request-Id: r\r\n\r\n'], methods: ['GET'], answers: [] },
];

it('every operator prints what Envoy prints, in JSON and in text, with and without empty values', async (test) => {
  let started = 0;
  pair = await startPair((ports) => bootstrap(folders[started++] as string)(ports));
  if (pair === undefined) return test.skip('there is no Envoy: set WEFT_ENVOY');
  for (const one of cases) {
    for (const side of [pair.envoy, pair.weft]) await run(side, 0, one);
  }
  const [envoy = [], weft = []] = await Promise.all(
    [pair.envoy, pair.weft].map((side, i) => entriesOf(side, folders[i] as string)),
  );
  expect(weft).toEqual(envoy);
}, 60_000);

function bootstrap(folder: string): ReturnType<typeof httpBootstrap> {
  const formatters = [
    { name: 'q', typed_config: any('envoy.extensions.formatter.req_without_query.v3.ReqWithoutQuery', {}) },
  ];
  const log = (name: string, log_format: object) => ({
    name,
    filter: { header_filter: { header: { name: 'x-request-id', string_match: { exact: 'r' } } } },
    typed_config: any('envoy.extensions.access_loggers.file.v3.FileAccessLog', {
      path: join(folder, name),
      log_format: { ...log_format, formatters },
    }),
  });
  const text_format_source = { inline_string: `${SAME.map(percent).join('|')}\n` };
  const metadata = { filter_metadata: { shop: { shelf: { row: 3, name: 'x' }, open: true } } };
  const made = httpBootstrap({
    manager: {
      access_log: [
        log('json', { json_format: entry }),
        log('short', { json_format: entry, omit_empty_values: true }),
        log('text', { text_format_source }),
        log('bare', { text_format_source, omit_empty_values: true }),
      ],
    },
    cluster: { metadata },
  });
  return (ports) => {
    const all = made(ports) as ReturnType<typeof JSON.parse>;
    const { route_config } = all.static_resources.listeners[0].filter_chains[0].filters[0].typed_config;
    const [host] = route_config.virtual_hosts;
    host.routes = [
      {
        name: 'gone',
        match: { path: '/none' },
        direct_response: { status: 404, body: { inline_string: 'no' } },
      },
      { name: 'route-a', metadata, ...host.routes[0] },
    ];
    all.static_resources.clusters[0].load_assignment.endpoints[0].lb_endpoints[0].metadata = metadata;
    all.static_resources.clusters[0].load_assignment.endpoints[0].lb_endpoints[0].endpoint.hostname =
      'up.host';
    return all;
  };
}

/** The entries of all logs, durations and ports without their values. */
async function entriesOf(side: Side, folder: string): Promise<unknown[]> {
  const read = (name: string): string[] => {
    const file = join(folder, name);
    return existsSync(file)
      ? readFileSync(file, 'latin1')
          .split('\n')
          .filter((line) => line !== '')
      : [];
  };
  const untilMs = Date.now() + 20_000;
  while (read('bare').length < cases.length && Date.now() < untilMs)
    await new Promise((resolve) => setTimeout(resolve, 50));
  expect(read('bare').length, side.output()).toBe(cases.length);
  return ['json', 'short', 'text', 'bare'].map((name) =>
    read(name).map((line) => {
      const plain = line.replaceAll(/127\.0\.0\.1:\d+/g, '127.0.0.1:PORT');
      return DURATIONS.reduce(
        (text, operator) => text.replace(`"${operator}":`, `"${operator}": `).replace(/": \d+/, '":0'),
        plain,
      );
    }),
  );
}
