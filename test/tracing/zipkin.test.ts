import { createServer } from 'node:net';
import { afterAll, expect, it } from 'vitest';
import { any } from '../../src/xds/resources.ts';
import { type Ports, run, type Side, startWeft, stopSide } from '../differential/harness.ts';
import { address, httpBootstrap } from '../differential/http-bootstrap.ts';
import { startZipkin, type Zipkin, type ZipkinSpan, zipkinForTests } from './zipkin-server.ts';

let zipkin: Zipkin | undefined;
let side: Side | undefined;
afterAll(async () => {
  if (side !== undefined) await stopSide(side);
  await zipkin?.stop();
});

it('a real Zipkin joins the spans of two proxies in a row into one trace', async (test) => {
  const jar = await zipkinForTests();
  if (jar === undefined)
    return test.skip('there is no Zipkin: set WEFT_ZIPKIN_JAR or WEFT_REQUIRE_REAL_PARTS=1');
  zipkin = await startZipkin(jar, await unusedPort());
  const { port } = zipkin;
  side = await startWeft((ports) => bootstrap(ports, port), 2);
  // Lane 0 leads to lane 1: the upstream that hears of the request is lane 1's.
  const answers = [{ bytes: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok' }];
  side.upstreams[1]?.begin(answers);
  const pieces = ['GET /buy HTTP/1.1\r\nHost: shop\r\nX-Client-Trace-Id: 7\r\n\r\n'];
  const { client } = await run(side, 0, { pieces, methods: ['GET'], answers });
  expect(client.responses[0]?.head).toContain('200 OK');
  const trace = await traceOf(zipkin);
  const [root, attempt, server] = ['SERVER lane-0', 'CLIENT lane-0', 'SERVER lane-1'].map((wanted) =>
    trace.find(({ kind, tags }) => `${kind} ${tags['upstream_cluster']}` === wanted),
  );
  expect(root?.parentId).toBeUndefined();
  expect(attempt).toMatchObject({ parentId: root?.id, name: 'router lane-0 egress' });
  expect(server).toMatchObject({ id: attempt?.id, parentId: root?.id, shared: true, name: 'shop' });
  expect(new Set(trace.map(({ traceId }) => traceId)).size).toBe(1);
  expect(server?.tags).toMatchObject({ 'http.url': 'http://shop/buy', 'http.status_code': '200' });
}, 240_000);

/** The trace that the client asked for; the probe of the raw client has another. */
async function traceOf(from: Zipkin): Promise<readonly ZipkinSpan[]> {
  const untilMs = Date.now() + 30_000;
  for (;;) {
    const traces = await from.traces();
    const found = traces.find((spans) => spans.some(({ tags }) => tags['guid:x-client-trace-id'] === '7'));
    if (found !== undefined && found.length >= 3) return found;
    if (Date.now() > untilMs) throw new Error(`Zipkin holds ${JSON.stringify(traces).slice(0, 2000)}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

function bootstrap(ports: Ports, collector: number): object {
  const provider = {
    name: 'envoy.tracers.zipkin',
    typed_config: any('envoy.config.trace.v3.ZipkinConfig', {
      collector_cluster: 'zipkin',
      collector_endpoint: '/api/v2/spans',
      collector_endpoint_version: 'HTTP_JSON',
    }),
  };
  const made = httpBootstrap({ manager: { tracing: { provider } } })(ports) as ReturnType<typeof JSON.parse>;
  const { listeners, clusters } = made.static_resources;
  listeners[0].traffic_direction = 'OUTBOUND';
  listeners[0].filter_chains[0].filters[0].typed_config.tracing = { provider, spawn_upstream_span: true };
  listeners[1].traffic_direction = 'INBOUND';
  const to = (port: number) => [{ lb_endpoints: [{ endpoint: { address: address(port) } }] }];
  clusters[0].load_assignment.endpoints = to(ports.listeners[1] as number);
  const zipkinEndpoints = { cluster_name: 'zipkin', endpoints: to(collector) };
  clusters.push({ name: 'zipkin', connect_timeout: '1s', load_assignment: zipkinEndpoints });
  return made;
}

function unusedPort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const found = server.address();
      server.close(() => resolve(typeof found === 'object' && found !== null ? found.port : 0));
    });
  });
}
