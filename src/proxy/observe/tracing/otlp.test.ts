import { Buffer } from 'node:buffer';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { afterEach, describe, expect, it } from 'vitest';
import { type ExportService, startExportService } from '../../../testing/export-service.ts';
import { any, type Cluster } from '../../../xds/resources.ts';
import {
  closeAll,
  eventually,
  routesOf,
  send,
  startTestProxy,
  startUpstream,
  staticCluster,
} from '../../test-proxy.ts';

const services: ExportService[] = [];
afterEach(() => {
  closeAll();
  for (const service of services.splice(0)) service.stop();
});

/** A message's fields by number, in order, each as its bytes or number: as anyone without our encoder reads them. */
type Fields = ReadonlyMap<number, readonly (Uint8Array | bigint | number)[]>;

function fieldsOf(bytes: Uint8Array): Fields {
  const reader = new BinaryReader(bytes);
  const found = new Map<number, (Uint8Array | bigint | number)[]>();
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    const value =
      type === WireType.LengthDelimited
        ? reader.bytes()
        : type === WireType.Bit64
          ? BigInt(reader.fixed64())
          : reader.uint32();
    found.set(field, [...(found.get(field) ?? []), value]);
  }
  return found;
}

const inner = (fields: Fields, field: number, at = 0): Fields =>
  fieldsOf(fields.get(field)?.[at] as Uint8Array);
const hex = (fields: Fields, field: number): string =>
  Buffer.from((fields.get(field)?.[0] ?? []) as Uint8Array).toString('hex');
const text = (fields: Fields, field: number): string =>
  Buffer.from((fields.get(field)?.[0] ?? []) as Uint8Array).toString();

function attributes(fields: Fields, field: number): Record<string, string> {
  const pairs = (fields.get(field) ?? []).map((bytes) => fieldsOf(bytes as Uint8Array));
  return Object.fromEntries(pairs.map((pair) => [text(pair, 1), text(inner(pair, 2), 1)]));
}

async function tracedProxy(service: object, collector: Cluster) {
  const { port } = await startUpstream((request, response) => {
    response.writeHead(500);
    response.end(JSON.stringify(request.headers));
  });
  const typed_config = any('envoy.config.trace.v3.OpenTelemetryConfig', {
    service_name: 'shop',
    ...service,
  });
  return startTestProxy({
    direction: 'inbound',
    clusters: [staticCluster('c', [port]), collector],
    routes: routesOf({ match: { prefix: '/' }, route: { cluster: 'c' } }),
    manager: { tracing: { provider: { name: 'envoy.tracers.opentelemetry', typed_config } } },
  });
}

const PARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

function expectSpan(body: Uint8Array): void {
  const resourceSpans = inner(fieldsOf(body), 1);
  expect(attributes(inner(resourceSpans, 1), 1)).toMatchObject({ 'service.name': 'shop' });
  const span = inner(inner(resourceSpans, 2), 2);
  expect([hex(span, 1), hex(span, 4)]).toEqual(['4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7']);
  expect([text(span, 3), text(span, 5), span.get(6)]).toEqual(['a=1', 'ingress', [2]]);
  expect(span.get(8)?.[0]).toBeGreaterThanOrEqual(span.get(7)?.[0] as bigint);
  expect(attributes(span, 9)).toMatchObject({ 'http.status_code': '500', error: 'true', component: 'proxy' });
  expect(inner(span, 15).get(3)).toEqual([2]);
}

describe('OpenTelemetry', () => {
  it('spans go out over HTTP, below the span that came', async () => {
    const bodies: Buffer[] = [];
    const collector = await startUpstream((request, response) => {
      expect(request.headers).toMatchObject({ 'content-type': 'application/x-protobuf', 'x-key': 'k' });
      bodies.push(Buffer.from(request.body, 'latin1'));
      response.end();
    });
    const http_service = {
      http_uri: { uri: 'http://otel.example/v1/traces', cluster: 'otel', timeout: '1s' },
      request_headers_to_add: [{ header: { key: 'x-key', value: 'k' } }],
    };
    const proxy = await tracedProxy({ http_service }, staticCluster('otel', [collector.port]));
    const headers = { traceparent: PARENT, tracestate: 'a=1' };
    const upstream = JSON.parse((await send(proxy.port, { headers })).body);
    await eventually(() => bodies.length === 1);
    expectSpan(bodies[0] as Buffer);
    const span = inner(inner(inner(fieldsOf(bodies[0] as Buffer), 1), 2), 2);
    expect(upstream.traceparent).toBe(`00-4bf92f3577b34da6a3ce929d0e0e4736-${hex(span, 2)}-01`);
    expect(upstream.tracestate).toBe('a=1');
  });

  it('and as gRPC calls', async () => {
    const service = await startExportService('/opentelemetry.proto.collector.trace.v1.TraceService/Export');
    services.push(service);
    const { port, requests: bodies } = service;
    const options = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
    const http2 = any(options, { explicit_http_config: { http2_protocol_options: {} } });
    const collector = staticCluster('otel', [port], {
      typed_extension_protocol_options: { [options]: http2 },
    });
    const proxy = await tracedProxy({ grpc_service: { envoy_grpc: { cluster_name: 'otel' } } }, collector);
    await send(proxy.port, { headers: { traceparent: PARENT, tracestate: 'a=1' } });
    await eventually(() => bodies.length === 1);
    expectSpan(bodies[0] as Buffer);
    await eventually(() => proxy.metrics.renderStats().includes('tracing.opentelemetry.reports_sent: 1\n'));
  });
});
