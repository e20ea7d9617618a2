import {
  Client,
  type ClientDuplexStream,
  credentials,
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServiceDefinition,
  type ServiceError,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { any } from '../xds/resources.ts';
import {
  closeAll,
  eventually,
  routesOf,
  startTestProxy,
  startUpstream,
  staticCluster,
  type TestProxyOptions,
} from './test-proxy.ts';

// A client and servers of grpc-js, with the proxy between them.

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0).reverse()) close();
  closeAll();
});

const same = (bytes: Buffer): Buffer => bytes;
const method = (name: string, requestStream: boolean, responseStream: boolean) => ({
  path: `/test.Echo/${name}`,
  requestStream,
  responseStream,
  requestSerialize: same,
  requestDeserialize: same,
  responseSerialize: same,
  responseDeserialize: same,
});
const SERVICE: ServiceDefinition = {
  unary: method('unary', false, false),
  collect: method('collect', true, false),
  count: method('count', false, true),
  chat: method('chat', true, true),
};

type Chat = ServerDuplexStream<Buffer, Buffer>;

function echo(name: string, cancelled: string[]): UntypedServiceImplementation {
  const handlers = {
    unary: (
      call: { request: Buffer; metadata: Metadata; on(event: string, then: () => void): void },
      done: (error: Partial<ServiceError> | null, answer?: Buffer, trailer?: Metadata) => void,
    ) => {
      const text = call.request.length < 100 ? call.request.toString() : '';
      call.on('cancelled', () => cancelled.push(text));
      if (text === 'wait') return;
      if (text === 'who') return done(null, Buffer.from(name));
      if (text === 'deadline')
        return done(null, Buffer.from(String(call.metadata.get('grpc-timeout')[0] ?? 'none')));
      const trailer = new Metadata();
      trailer.set('x-trailer', 'end');
      if (text === 'fail')
        return done({ code: status.NOT_FOUND, details: 'no such thing: ä', metadata: trailer });
      done(null, call.request, trailer);
    },
    collect: (call: Chat, done: (error: null, answer: Buffer) => void) => {
      let bytes = 0;
      call.on('data', (part: Buffer) => (bytes += part.length));
      call.on('end', () => done(null, Buffer.from(String(bytes))));
    },
    count: (call: Chat & { request: Buffer }) => {
      const total = Number(call.request.toString());
      let i = 0;
      const more = (): void => {
        while (i < total)
          if (!call.write(Buffer.alloc(1000, String(i++ % 10)))) return void call.once('drain', more);
        call.end();
      };
      more();
    },
    chat: (call: Chat) => {
      call.on('data', (part: Buffer) => call.write(Buffer.from(`re: ${part}`)));
      call.on('end', () => call.end());
      call.on('cancelled', () => cancelled.push('chat'));
    },
  };
  return handlers as unknown as UntypedServiceImplementation;
}

async function startServer(name = 'a') {
  const cancelled: string[] = [];
  const server = new Server({ 'grpc.max_receive_message_length': -1 });
  server.addService(SERVICE, echo(name, cancelled));
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, at) =>
      error ? reject(error) : resolve(at),
    ),
  );
  closers.push(() => server.forceShutdown());
  return { port, cancelled };
}

const OPTIONS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

function http2Cluster(ports: readonly number[]) {
  return staticCluster('c', ports, {
    typed_extension_protocol_options: {
      [OPTIONS]: any(OPTIONS, { explicit_http_config: { http2_protocol_options: {} } }),
    },
  });
}

async function startProxy(ports: readonly number[], more: Partial<TestProxyOptions> = {}) {
  return startTestProxy({
    clusters: [http2Cluster(ports)],
    routes: routesOf({
      match: { prefix: '/' },
      route: { cluster: 'c', timeout: '0s', max_stream_duration: { grpc_timeout_header_max: '0s' } },
    }),
    ...more,
  });
}

function open(port: number): Client {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
    'grpc.max_receive_message_length': -1,
    'grpc.max_send_message_length': -1,
  });
  closers.push(() => client.close());
  return client;
}

interface UnaryAnswer {
  readonly error: ServiceError | null;
  readonly body: Buffer | undefined;
  readonly trailer: Metadata | undefined;
}

function unary(client: Client, body: string | Buffer, deadlineMs = 5000): Promise<UnaryAnswer> {
  return new Promise((resolve) => {
    let trailer: Metadata | undefined;
    const call = client.makeUnaryRequest(
      '/test.Echo/unary',
      same,
      same,
      Buffer.from(body),
      { deadline: Date.now() + deadlineMs },
      (error, answer) =>
        setImmediate(() => resolve({ error, body: answer, trailer: trailer ?? error?.metadata })),
    );
    call.on('status', (ended) => (trailer = ended.metadata));
  });
}

function chat(client: Client): ClientDuplexStream<Buffer, Buffer> {
  const call = client.makeBidiStreamRequest('/test.Echo/chat', same, same);
  call.on('error', () => {});
  return call;
}

const next = (call: ClientDuplexStream<Buffer, Buffer>): Promise<string> =>
  new Promise((resolve) => call.once('data', (bytes: Buffer) => resolve(bytes.toString())));

describe('gRPC through the proxy', () => {
  it('carries unary calls with their trailers, errors and details', async () => {
    const { port } = await startServer();
    const client = open((await startProxy([port])).port);
    const fine = await unary(client, 'hello');
    expect([fine.error, fine.body?.toString(), fine.trailer?.get('x-trailer')]).toEqual([
      null,
      'hello',
      ['end'],
    ]);
    const failed = await unary(client, 'fail');
    expect([failed.error?.code, failed.error?.details, failed.trailer?.get('x-trailer')]).toEqual([
      status.NOT_FOUND,
      'no such thing: ä',
      ['end'],
    ]);
  });

  it('carries messages of 20 MB both ways', async () => {
    const { port } = await startServer();
    const client = open((await startProxy([port])).port);
    const large = Buffer.alloc(20 * 1024 * 1024, 'weft');
    expect((await unary(client, large, 15_000)).body?.equals(large)).toBe(true);
  });

  it('streams from the client', async () => {
    const { port } = await startServer();
    const client = open((await startProxy([port])).port);
    const answer = await new Promise<string>((resolve, reject) => {
      const call = client.makeClientStreamRequest('/test.Echo/collect', same, same, (error, body) =>
        error ? reject(error) : resolve(String(body)),
      );
      for (let i = 0; i < 500; i++) call.write(Buffer.alloc(10_000));
      call.end();
    });
    expect(answer).toBe('5000000');
  });

  it('streams from the server to a client that takes its time', async () => {
    const { port } = await startServer();
    const client = open((await startProxy([port])).port);
    const call = client.makeServerStreamRequest('/test.Echo/count', same, same, Buffer.from('3000'));
    let count = 0;
    for await (const part of call as AsyncIterable<Buffer>) {
      expect(part.length).toBe(1000);
      if (++count % 500 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(count).toBe(3000);
  });

  it('lets both talk in turn on a stream', async () => {
    const { port } = await startServer();
    const client = open((await startProxy([port])).port);
    const call = chat(client);
    for (let i = 0; i < 5; i++) {
      const answer = next(call);
      call.write(Buffer.from(`${i}`));
      expect(await answer).toBe(`re: ${i}`);
    }
    const ended = new Promise((resolve) => call.on('status', resolve));
    call.end();
    expect(await ended).toMatchObject({ code: status.OK });
  });

  it("counts the messages of calls both ways, and calls by their status, in Istio's metrics", async () => {
    const { port } = await startServer();
    const proxy = await startProxy([port]);
    const client = open(proxy.port);
    const call = client.makeServerStreamRequest('/test.Echo/count', same, same, Buffer.from('30'));
    for await (const _ of call as AsyncIterable<Buffer>);
    await unary(client, 'fail');
    const text = (): string => proxy.metrics.renderPrometheus();
    await eventually(() => /^istio_request_messages_total\{.*\} 2$/m.test(text()));
    expect(text()).toMatch(
      /^istio_response_messages_total\{reporter="source".*request_protocol="grpc"\} 30$/m,
    );
    for (const grpc of ['0', '5'])
      expect(text()).toMatch(
        new RegExp(
          `^istio_requests_total\\{.*request_protocol="grpc",response_code="200",grpc_response_status="${grpc}".*\\} 1$`,
          'm',
        ),
      );
  });

  it('tells the server of a call that is given up', async () => {
    const { port, cancelled } = await startServer();
    const client = open((await startProxy([port])).port);
    const call = chat(client);
    const answer = next(call);
    call.write(Buffer.from('x'));
    await answer;
    call.cancel();
    await eventually(() => cancelled.length === 1);
    expect(cancelled).toEqual(['chat']);
  });

  it('keeps deadlines: the client gives up, and so does the server', async () => {
    const { port, cancelled } = await startServer();
    const client = open((await startProxy([port])).port);
    const late = await unary(client, 'wait', 150);
    expect(late.error?.code).toBe(status.DEADLINE_EXCEEDED);
    await eventually(() => cancelled.length === 1);
  });

  it('says UNAVAILABLE where nobody listens', async () => {
    const client = open((await startProxy([1])).port);
    const { error } = await unary(client, 'x');
    expect([error?.code, error?.details]).toEqual([
      status.UNAVAILABLE,
      expect.stringMatching(/upstream connect error/),
    ]);
  });

  it('spreads the calls of one connection over the endpoints', async () => {
    const servers = await Promise.all(['a', 'b', 'c'].map(startServer));
    const client = open((await startProxy(servers.map(({ port }) => port))).port);
    const counts = new Map<string, number>();
    for (let i = 0; i < 30; i++) {
      const who = String((await unary(client, 'who')).body);
      counts.set(who, (counts.get(who) ?? 0) + 1);
    }
    expect([...counts].sort()).toEqual([
      ['a', 10],
      ['b', 10],
      ['c', 10],
    ]);
  });

  it('goes over HTTP/1 to who speaks only that, with chunks and trailers', async () => {
    const { port } = await startUpstream((request, response) => {
      expect([request.httpVersion, request.headers['te'], request.headers['transfer-encoding']]).toEqual([
        '1.1',
        'trailers',
        'chunked',
      ]);
      response.writeHead(200, { 'content-type': 'application/grpc', trailer: 'grpc-status' });
      response.write(Buffer.from(request.body, 'latin1'));
      response.addTrailers({ 'grpc-status': '0', 'x-trailer': 'one' });
      response.end();
    });
    const proxy = await startProxy([port], { clusters: [staticCluster('c', [port])] });
    const answer = await unary(open(proxy.port), 'over HTTP/1');
    expect([answer.error, String(answer.body), answer.trailer?.get('x-trailer')]).toEqual([
      null,
      'over HTTP/1',
      ['one'],
    ]);
  });

  it('speaks to endpoints as the client speaks, where the cluster says so', async () => {
    const { port } = await startServer();
    const cluster = staticCluster('c', [port], {
      typed_extension_protocol_options: {
        [OPTIONS]: any(OPTIONS, {
          use_downstream_protocol_config: { http_protocol_options: {}, http2_protocol_options: {} },
        }),
      },
    });
    const proxy = await startProxy([port], { clusters: [cluster] });
    expect(String((await unary(open(proxy.port), 'two')).body)).toBe('two');
    expect(proxy.metrics.cluster('c').upstream_cx_http2_total).toBe(1);
  });
});
