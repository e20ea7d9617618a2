import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { afterAll, expect, it } from 'vitest';
import { type ExportService, startExportService } from '../../src/testing/export-service.ts';
import { any } from '../../src/xds/resources.ts';
import { type Pair, type Ports, run, startPair } from './harness.ts';
import { address, httpBootstrap } from './http-bootstrap.ts';

let pair: Pair | undefined;
const services: ExportService[] = [];
afterAll(async () => {
  await pair?.stop();
  for (const service of services) service.stop();
});

const text = (string_value: string) => ({ string_value });
const LOG = {
  common_config: {
    log_name: 'visits',
    transport_api_version: 'V3',
    grpc_service: { envoy_grpc: { cluster_name: 'otel' }, timeout: '2s' },
    buffer_flush_interval: '0.1s',
  },
  body: text('%REQ(:METHOD)% %REQ(:PATH)% %RESPONSE_CODE% %RESP(NONE)%'),
  attributes: {
    values: [
      { key: 'flags', value: text('%RESPONSE_FLAGS%') },
      {
        key: 'more',
        value: {
          kvlist_value: {
            values: [
              { key: 'route', value: text('r') },
              { key: 'list', value: { array_value: { values: [text('%PROTOCOL%'), text('b')] } } },
            ],
          },
        },
      },
    ],
  },
  resource_attributes: { values: [{ key: 'mesh', value: text('one') }] },
};

it('log records reach an OpenTelemetry collector as Envoy sends them', async (test) => {
  const [theirs, ours] = [await startCollector(), await startCollector()];
  let started = 0;
  pair = await startPair((ports) => bootstrap(ports, (started++ === 0 ? theirs : ours).port));
  if (pair === undefined) return test.skip('there is no Envoy: set WEFT_ENVOY');
  const one = {
    pieces: ['GET /a?b HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n'],
    methods: ['GET'],
    answers: [{ bytes: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok' }],
  };
  for (const side of [pair.envoy, pair.weft]) await run(side, 0, one);
  const untilMs = Date.now() + 10_000;
  while ((theirs.requests.length < 1 || ours.requests.length < 1) && Date.now() < untilMs)
    await new Promise((resolve) => setTimeout(resolve, 30));
  expect(theirs.requests, pair.envoy.output()).toHaveLength(1);
  expect(ours.requests, pair.weft.output()).toHaveLength(1);
  expect(fieldsOf(ours.requests[0] as Buffer)).toEqual(fieldsOf(theirs.requests[0] as Buffer));
}, 30_000);

function bootstrap(ports: Ports, port: number): object {
  const typed_config = any(
    'envoy.extensions.access_loggers.open_telemetry.v3.OpenTelemetryAccessLogConfig',
    LOG,
  );
  const made = httpBootstrap({ manager: { access_log: [{ name: 'otel', typed_config }] } })(
    ports,
  ) as ReturnType<typeof JSON.parse>;
  const options = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
  made.static_resources.clusters.push({
    name: 'otel',
    connect_timeout: '1s',
    load_assignment: {
      cluster_name: 'otel',
      endpoints: [{ lb_endpoints: [{ endpoint: { address: address(port) } }] }],
    },
    typed_extension_protocol_options: {
      [options]: any(options, { explicit_http_config: { http2_protocol_options: {} } }),
    },
  });
  return made;
}

/** The message as nested lists: texts where bytes are text, times left out. */
function fieldsOf(bytes: Uint8Array): unknown {
  const reader = new BinaryReader(bytes);
  const found: unknown[] = [];
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (type === WireType.LengthDelimited) found.push([field, nested(reader.bytes())]);
    else if (type === WireType.Bit64) found.push([field, reader.fixed64() === 0n ? 0 : 'time']);
    else found.push([field, reader.uint32()]);
  }
  return found;
}

/** A message begins with a field of its own length here; anything else is text. */
function nested(bytes: Uint8Array): unknown {
  const plain = Buffer.from(bytes).toString();
  if (bytes.length === 0 || /^[ -~]*$/.test(plain)) return plain;
  return fieldsOf(bytes);
}

async function startCollector(): Promise<ExportService> {
  const service = await startExportService('/opentelemetry.proto.collector.logs.v1.LogsService/Export');
  services.push(service);
  return service;
}
