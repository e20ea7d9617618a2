import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, expect, it } from 'vitest';
import { any } from '../../src/xds/resources.ts';
import { type Pair, type Ports, type Side, startPair } from './harness.ts';
import { address, httpBootstrap } from './http-bootstrap.ts';
import { exchange } from './raw-client.ts';
import type { RecordingUpstream } from './recording-upstream.ts';

/** Zipkin's collector, as far as it takes spans. */
interface Collector {
  readonly server: Server;
  readonly port: number;
  readonly spans: Span[];
}

interface Span {
  readonly traceId: string;
  readonly id: string;
  readonly parentId?: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly kind: string;
  readonly name: string;
  readonly shared?: boolean;
  readonly annotations?: readonly { readonly value: string }[];
}

let pair: Pair | undefined;
const collectors: Collector[] = [];
afterAll(async () => {
  await pair?.stop();
  for (const { server } of collectors) server.close();
});

it('two hops give the same spans, with the same parents and tags, and the same statistics', async (test) => {
  collectors.push(await startCollector(), await startCollector());
  let started = 0;
  pair = await startPair((ports) => bootstrap(ports, (collectors[started++] as Collector).port), 2);
  if (pair === undefined) return test.skip('there is no Envoy: set WEFT_ENVOY');
  await Promise.all([pair.envoy, pair.weft].map(sendThrough));
  await Promise.all(collectors.map((collector) => until(() => traceOf(collector.spans).length === 3)));
  const [envoy, weft] = collectors.map(({ spans }) => normal(traceOf(spans)));
  expect(weft).toEqual(envoy);
  const [theirs, ours] = await Promise.all([pair.envoy, pair.weft].map(tracingStats));
  expect(ours).toEqual(theirs);
}, 60_000);

/** Lane 0 is an outbound listener that leads to lane 1, an inbound one. Attempts have spans of their own in lane 0. */
function bootstrap(ports: Ports, collector: number): object {
  const provider = {
    name: 'envoy.tracers.zipkin',
    typed_config: any('envoy.config.trace.v3.ZipkinConfig', {
      collector_cluster: 'zipkin',
      collector_endpoint: '/api/v2/spans',
      collector_endpoint_version: 'HTTP_JSON',
      trace_id_128bit: true,
    }),
  };
  const custom_tags = [
    { tag: 'fixed', literal: { value: 'v' } },
    { tag: 'agent', request_header: { name: 'user-agent', default_value: 'none' } },
  ];
  const manager = { tracing: { provider, custom_tags, max_path_tag_length: 9 } };
  const made = httpBootstrap({ manager })(ports) as ReturnType<typeof JSON.parse>;
  const { listeners, clusters } = made.static_resources;
  listeners[0].traffic_direction = 'OUTBOUND';
  listeners[1].traffic_direction = 'INBOUND';
  listeners[0].filter_chains[0].filters[0].typed_config.tracing = {
    ...manager.tracing,
    spawn_upstream_span: true,
  };
  const to = (port: number) => [{ lb_endpoints: [{ endpoint: { address: address(port) } }] }];
  clusters[0].load_assignment.endpoints = to(ports.listeners[1] as number);
  const zipkin = { cluster_name: 'zipkin', endpoints: to(collector) };
  clusters.push({ name: 'zipkin', connect_timeout: '1s', load_assignment: zipkin });
  return made;
}

/** One traced request, and one probe of the raw client's, which is not. */
async function sendThrough(side: Side): Promise<void> {
  const upstream = side.upstreams[1] as RecordingUpstream;
  upstream.begin([{ bytes: 'HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\nno' }]);
  const head = 'GET /a/long/path?b HTTP/1.1\r\nHost: h\r\nUser-Agent: ua\r\nX-Client-Trace-Id: 7\r\n';
  const pieces = [`${head}X-Request-Id: 00000005-0000-4000-8000-000000000000\r\n\r\n`];
  await exchange(side.ports.listeners[0] as number, { pieces, methods: ['GET'] }, 200);
}

async function startCollector(): Promise<Collector> {
  const spans: Span[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += chunk));
    request.on('end', () => {
      const all: Span[] = JSON.parse(body);
      spans.push(...all);
      response.writeHead(202).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, port: (server.address() as AddressInfo).port, spans };
}

/** The spans of the request with a client's trace id. */
function traceOf(spans: readonly Span[]): readonly Span[] {
  const marked = spans.find((span) => span.tags['guid:x-client-trace-id'] === '7');
  return spans.filter(({ traceId }) => traceId === marked?.traceId);
}

/** Ids in the order in which they first come, addresses without ports; sorted. */
function normal(spans: readonly Span[]): unknown[] {
  const ids = new Map<string, string>();
  const named = (id: string | undefined) =>
    id === undefined ? undefined : (ids.get(id) ?? ids.set(id, `id-${ids.size}`).get(id));
  const order = (span: Span) => `${span.tags['upstream_cluster']} ${span.kind}`;
  return [...spans]
    .sort((a, b) => (order(a) < order(b) ? -1 : 1))
    .map(({ traceId, id, parentId, kind, name, shared, tags, annotations }) => ({
      traceId: named(traceId),
      digits: traceId.length,
      id: named(id),
      parentId: named(parentId),
      ...{ kind, name, shared },
      tags: Object.fromEntries(
        Object.entries(tags).map(([tag, value]) => [tag, value.replace(/127\.0\.0\.1:\d+/, 'upstream')]),
      ),
      annotations: annotations?.map(({ value }) => value),
    }));
}

async function tracingStats(side: Side): Promise<string[]> {
  const lines = (await side.admin('/stats')).split('\n');
  const same = /tracing\.(?:random_sampling|client_enabled|service_forced|not_traceable|health_check): /;
  return lines
    .filter((line) => same.test(line) || /^tracing\.zipkin\.reports_(?:failed|dropped)/.test(line))
    .sort();
}

async function until(holds: () => boolean): Promise<void> {
  const untilMs = Date.now() + 20_000;
  while (!holds() && Date.now() < untilMs) await new Promise((resolve) => setTimeout(resolve, 50));
  expect(holds()).toBe(true);
}
