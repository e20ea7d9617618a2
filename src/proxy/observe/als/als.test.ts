import { Buffer } from 'node:buffer';
import { Server, ServerCredentials, type ServerReadableStream } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { decode } from '../../../xds/decode.ts';
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

const servers: Server[] = [];
afterEach(() => {
  closeAll();
  for (const server of servers.splice(0)) server.forceShutdown();
});

// biome-ignore lint/suspicious/noExplicitAny: entries are looked at field by field
type Message = any;

/** A real gRPC server of the access log service. */
async function startService(): Promise<{
  readonly port: number;
  readonly messages: Message[];
  calls: number;
}> {
  const service = { port: 0, messages: [] as Message[], calls: 0 };
  const server = new Server();
  servers.push(server);
  const name = 'envoy.service.accesslog.v3.StreamAccessLogsMessage';
  const method = {
    path: '/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs',
    requestStream: true,
    responseStream: false,
    requestSerialize: (): Buffer => Buffer.alloc(0),
    requestDeserialize: (bytes: Buffer) => decode<Message>(name, bytes),
    responseSerialize: (): Buffer => Buffer.alloc(0),
    responseDeserialize: (bytes: Buffer) => bytes,
  } as const;
  server.addService(
    { stream: method },
    {
      stream(call: ServerReadableStream<Message, Buffer>) {
        service.calls++;
        call.on('data', (message: Message) => service.messages.push(message));
        call.on('error', () => {});
      },
    },
  );
  service.port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  return service;
}

function http2Cluster(name: string, port: number): Cluster {
  const options = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
  const explicit = any(options, { explicit_http_config: { http2_protocol_options: {} } });
  return staticCluster(name, [port], { typed_extension_protocol_options: { [options]: explicit } });
}

function grpcLog(more: object = {}, common: object = {}) {
  return {
    name: 'als',
    typed_config: any('envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig', {
      common_config: {
        log_name: 'visits',
        transport_api_version: 'V3',
        grpc_service: { envoy_grpc: { cluster_name: 'als' } },
        buffer_size_bytes: 0,
        ...common,
      },
      ...more,
    }),
  };
}

async function proxyWith(log: ReturnType<typeof grpcLog>, alsPort: number) {
  const { port } = await startUpstream((_request, response) => {
    response.setHeader('x-up', 'u');
    response.end('hello');
  });
  return startTestProxy({
    clusters: [staticCluster('c', [port]), http2Cluster('als', alsPort)],
    routes: routesOf({ name: 'all', match: { prefix: '/' }, route: { cluster: 'c' } }),
    manager: { access_log: [log] },
  });
}

describe('the gRPC access log service', () => {
  it('hears of every request on one call, which says first who speaks', async () => {
    const service = await startService();
    const log = grpcLog(
      { additional_request_headers_to_log: ['X-Who'], additional_response_headers_to_log: ['x-up'] },
      { custom_tags: [{ tag: 'kind', literal: { value: 'test' } }] },
    );
    const proxy = await proxyWith(log, service.port);
    await send(proxy.port, { path: '/a?b', headers: { host: 'h', 'x-who': 'me' } });
    await eventually(() => service.messages.length === 1);
    await send(proxy.port, { path: '/second', method: 'POST', body: 'abc' });
    await eventually(() => service.messages.length === 2);
    expect(service.calls).toBe(1);
    const [first, second] = service.messages;
    expect(first.identifier).toMatchObject({ log_name: 'visits', node: { cluster: 'productpage.default' } });
    expect(second.identifier).toBeUndefined();
    expect(first.http_logs.log_entry[0]).toMatchObject({
      protocol_version: 'HTTP11',
      common_properties: {
        upstream_cluster: 'c',
        route_name: 'all',
        custom_tags: { kind: 'test' },
        upstream_request_attempt_count: 1,
        access_log_type: 'DownstreamEnd',
      },
      request: {
        request_method: 'GET',
        authority: 'h',
        path: '/a?b',
        request_headers: { 'x-who': 'me' },
      },
      response: {
        response_code: 200,
        response_body_bytes: 5,
        response_headers: { 'x-up': 'u' },
        response_code_details: 'via_upstream',
      },
    });
    expect(second.http_logs.log_entry[0].request).toMatchObject({ request_body_bytes: 3 });
    expect(proxy.metrics.renderStats()).toContain('access_logs.grpc_access_log.logs_written: 2\n');
  });

  it('entries for nobody are dropped and counted', async () => {
    const service = await startService();
    const proxy = await proxyWith(
      grpcLog({}, { grpc_service: { envoy_grpc: { cluster_name: 'x' } } }),
      service.port,
    );
    await send(proxy.port);
    await eventually(() =>
      proxy.metrics.renderStats().includes('access_logs.grpc_access_log.logs_dropped: 1\n'),
    );
  });

  it('many entries go out together', async () => {
    const service = await startService();
    const proxy = await proxyWith(
      grpcLog({}, { buffer_size_bytes: 1_000_000, buffer_flush_interval: '0.05s' }),
      service.port,
    );
    await Promise.all(Array.from({ length: 20 }, () => send(proxy.port)));
    const entries = (): number =>
      service.messages.reduce((sum, message) => sum + message.http_logs.log_entry.length, 0);
    await eventually(() => entries() === 20);
    expect(service.messages.length).toBeLessThan(20);
  });
});
