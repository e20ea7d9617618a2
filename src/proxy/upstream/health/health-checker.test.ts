import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { manualClock } from '../../../lib/manual-clock.ts';
import { seededRandom } from '../../../lib/random.ts';
import { network } from '../../../wire/net.ts';
import type { Cluster } from '../../../xds/resources.ts';
import { Metrics } from '../../observe/metrics.ts';
import { Clusters } from '../clusters.ts';
import { lowerCluster } from '../lower-cluster.ts';
import { lowerEndpoints } from '../lower-endpoint.ts';

type HealthCheck = NonNullable<Cluster['health_checks']>[number];

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

const node = {
  id: '',
  cluster: '',
  workload: '',
  namespace: '',
  serviceAccount: '',
  labels: {},
  metadata: {},
};
const ANY = { destination: undefined, header: () => undefined };

/** Resolves when the condition holds; fails after two seconds. */
async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 4000 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(condition()).toBe(true);
}

async function listen(server: Server | ReturnType<typeof createHttp2Server>): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** An HTTP server whose answers the test decides. */
async function application() {
  const state = {
    status: 200,
    headers: {} as Record<string, string>,
    body: 'fine',
    requests: [] as string[],
  };
  const server = createHttpServer((request, response) => {
    state.requests.push(
      `${request.method} ${request.url} ${request.headers.host} ${request.headers['user-agent']}`,
    );
    response.writeHead(state.status, state.headers).end(state.body);
  });
  return { state, port: await listen(server) };
}

function assignment(ports: readonly number[], endpoint: object = {}) {
  return {
    cluster_name: 'c',
    endpoints: [
      {
        lb_endpoints: ports.map((port_value) => ({
          endpoint: { address: { socket_address: { address: '127.0.0.1', port_value } }, ...endpoint },
        })),
      },
    ],
  };
}

function checked(check: HealthCheck, ports: readonly number[], more: Cluster = {}, endpoint: object = {}) {
  const clock = manualClock(0);
  const metrics = new Metrics(node);
  const clusters = new Clusters({
    clock,
    random: seededRandom(1),
    network,
    metrics,
    resolveName: async () => ({ ok: false, message: 'nobody asks' }),
  });
  closers.push(() => clusters.close());
  const message: Cluster = {
    name: 'c',
    ...(more.type === 'EDS' ? {} : { load_assignment: assignment(ports, endpoint) }),
    common_lb_config: { healthy_panic_threshold: {} },
    health_checks: [
      {
        timeout: '1s',
        interval: '5s',
        no_traffic_interval: '10s',
        unhealthy_threshold: 2,
        healthy_threshold: 2,
        ...check,
      },
    ],
    ...more,
  };
  const lowered = lowerCluster(message, () => ({ ok: true, value: undefined }));
  if (!lowered.ok) throw new Error(JSON.stringify(lowered.refusals));
  clusters.apply([lowered.value], []);
  const count = (name: string): number => {
    const line = metrics
      .renderStats()
      .split('\n')
      .find((one) => one.startsWith(`cluster.c.health_check.${name}:`));
    return Number(line?.split(' ')[1]);
  };
  /** Time goes on, and every check that falls due has ended. */
  const pass = async (ms: number): Promise<void> => {
    const before = count('attempt');
    clock.advance(ms);
    await until(() => count('attempt') > before && count('attempt') === count('success') + count('failure'));
  };
  const healthy = (): number =>
    clusters.describe()[0]!.endpoints.filter(({ flags }) => flags.length === 0).length;
  const serving = () => until(() => clusters.get('c') !== undefined);
  return { clock, clusters, count, pass, healthy, serving, metrics };
}

const http = (fields: object = {}): HealthCheck => ({ http_health_check: { path: '/healthz', ...fields } });

describe('HTTP checks', () => {
  it('come before the cluster serves, and go on at its intervals', async () => {
    const { state, port } = await application();
    const { clusters, pass, count, serving } = checked(http({ host: 'app.test' }), [port]);
    expect(clusters.get('c')).toBeUndefined();
    await serving();
    expect(state.requests).toEqual(['GET /healthz app.test Envoy/HC']);
    expect(clusters.get('c')?.pick(ANY)?.address).toBe(`127.0.0.1:${port}`);
    await pass(10_000);
    expect(state.requests).toHaveLength(2);
    expect(count('success')).toBe(2);
    expect(count('healthy')).toBe(1);
  });

  it('take an endpoint out that says it is ill, and let it back after as many passes as configured', async () => {
    const { state, port } = await application();
    const { clusters, pass, healthy, serving, count } = checked(http(), [port]);
    await serving();
    state.status = 503;
    await pass(10_000);
    expect(clusters.get('c')?.pick(ANY)).toBeUndefined();
    expect(clusters.describe()[0]?.endpoints[0]?.flags).toEqual(['/failed_active_hc']);
    state.status = 200;
    await pass(10_000);
    expect(healthy()).toBe(0);
    await pass(10_000);
    expect(healthy()).toBe(1);
    expect(count('network_failure')).toBe(0);
  });

  it('count retriable statuses and lost connections against the threshold', async () => {
    const { state, port } = await application();
    const { pass, healthy, serving } = checked(http({ retriable_statuses: [{ start: 500, end: 504 }] }), [
      port,
    ]);
    await serving();
    state.status = 503;
    await pass(10_000);
    expect(healthy()).toBe(1);
    await pass(10_000);
    expect(healthy()).toBe(0);
  });

  it('know expected statuses, degraded endpoints and bodies', async () => {
    const { state, port } = await application();
    state.status = 204;
    state.headers = { 'x-envoy-degraded': 'yes' };
    const { clusters, serving } = checked(http({ expected_statuses: [{ start: 200, end: 300 }] }), [port]);
    await serving();
    expect(clusters.describe()[0]?.endpoints[0]?.flags).toEqual(['/degraded_active_hc']);
    state.status = 200;
    const receive = [{ text: Buffer.from('fine').toString('hex') }];
    expect((await onceChecked(checked(http({ receive }), [port]))).healthy()).toBe(0); // degraded still
    state.headers = {};
    expect((await onceChecked(checked(http({ receive }), [port]))).healthy()).toBe(1);
    state.body = 'bad';
    expect((await onceChecked(checked(http({ receive }), [port]))).healthy()).toBe(0);
  });

  it('go where the endpoint says, or nowhere', async () => {
    const { state, port } = await application();
    const elsewhere = { health_check_config: { port_value: port, hostname: 'check.test' } };
    expect((await onceChecked(checked(http(), [1], {}, elsewhere))).healthy()).toBe(1);
    expect(state.requests).toEqual(['GET /healthz check.test Envoy/HC']);
    const none = { health_check_config: { disable_active_health_check: true } };
    const { clusters } = checked(http(), [1], {}, none);
    expect(clusters.get('c')?.pick(ANY)).toBeDefined();
  });

  it('speak HTTP/2', async () => {
    const server = createHttp2Server((_, response) => response.end('ok'));
    const port = await listen(server);
    expect((await onceChecked(checked(http({ codec_client_type: 'HTTP2' }), [port]))).healthy()).toBe(1);
  });

  it('give up after their time', async () => {
    const silent = createTcpServer((socket) => void socket.on('error', () => {}));
    const port = await listen(silent);
    let connected = false;
    silent.on('connection', () => (connected = true));
    const { clock, clusters, count } = checked(http(), [port]);
    await until(() => connected);
    clock.advance(1000);
    expect(count('network_failure')).toBe(1);
    expect(clusters.get('c')).toBeDefined();
    expect(clusters.describe()[0]?.endpoints[0]?.flags).toEqual(['/failed_active_hc', '/active_hc_timeout']);
  });
});

describe('endpoints over changes', () => {
  const eds: Cluster = { type: 'EDS', eds_cluster_config: { service_name: 'c' } };

  it('keep their health; those that are not named any more stay while they pass', async () => {
    const [one, two] = [await application(), await application()];
    const set = (...ports: number[]) => {
      const lowered = lowerEndpoints(assignment(ports));
      if (!lowered.ok) throw new Error('endpoints');
      return lowered.value;
    };
    const world = checked(http(), [], eds);
    expect(world.clusters.get('c')).toBeUndefined();
    world.clusters.setEndpoints('c', set(one.port, two.port));
    await world.serving();
    expect(world.healthy()).toBe(2);
    world.clusters.setEndpoints('c', set(one.port));
    expect(world.clusters.describe()[0]?.endpoints.map(({ flags }) => flags)).toEqual([
      [],
      ['/pending_dynamic_removal'],
    ]);
    expect(one.state.requests).toHaveLength(1);
    two.state.status = 500;
    await world.pass(10_000);
    await until(() => world.clusters.describe()[0]!.endpoints.length === 1);
    expect(world.healthy()).toBe(1);
  });
});

describe('TCP checks', () => {
  it('connect, or wait for an answer', async () => {
    const server = createTcpServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', (bytes) => void socket.write(`re:${bytes}`));
    });
    const port = await listen(server);
    expect((await onceChecked(checked({ tcp_health_check: {} }, [port]))).healthy()).toBe(1);
    const hex = (text: string) => ({ text: Buffer.from(text).toString('hex') });
    const asks = { send: hex('ping'), receive: [hex('re'), hex('ping')] };
    const world = await onceChecked(checked({ tcp_health_check: asks }, [port]));
    expect(world.healthy()).toBe(1);
    await world.pass(10_000);
    expect(world.count('success')).toBe(2);
    const refused = await onceChecked(checked({ tcp_health_check: {} }, [1]));
    expect(refused.healthy()).toBe(0);
    expect(refused.count('network_failure')).toBe(1);
  });
});

describe('gRPC checks', () => {
  it('ask the health service', async () => {
    const asked: { path: string | undefined; body: string }[] = [];
    let answer = Buffer.from([0, 0, 0, 0, 2, 8, 1]);
    const server = createHttp2Server();
    server.on('stream', (stream, headers) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        asked.push({ path: headers[':path'], body: Buffer.concat(chunks).toString('hex') });
        stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
        stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
        stream.end(answer);
      });
    });
    const port = await listen(server);
    const check = { grpc_health_check: { service_name: 'shop' } };
    const world = await onceChecked(checked(check, [port]));
    expect(world.healthy()).toBe(1);
    expect(asked).toEqual([{ path: '/grpc.health.v1.Health/Check', body: '00000000060a0473686f70' }]);
    answer = Buffer.from([0, 0, 0, 0, 2, 8, 2]);
    await world.pass(10_000);
    expect(world.healthy()).toBe(0);
  });
});

async function onceChecked(world: ReturnType<typeof checked>): Promise<ReturnType<typeof checked>> {
  await world.serving();
  return world;
}
