/**
 * Health, outliers, circuit breakers and clusters of clusters against the real Envoy. Each scene is a cluster and what a
 * client and the upstream do to it, step by step; what is compared is every answer with its flags, what /clusters says of
 * the endpoints afterwards, and the counts that matter. Each proxy has upstreams of its own.
 */
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { any, type Cluster, type Route } from '../../src/xds/resources.ts';
import { envoyForTests } from '../serve/envoy.ts';
import { type Pair, type Ports, type Side, startPair } from './harness.ts';
import { address } from './http-bootstrap.ts';

const binary = await envoyForTests();

/** One side's upstream: answers by path and as it is told to. */
interface Upstream {
  readonly port: number;
  readonly grpcPort: number;
  readonly refusedPort: number;
  /** What checks of a scene's endpoint find. */
  readonly checks: Map<string, Check>;
  close(): void;
}
interface Check {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly silent?: boolean;
  readonly serving?: number;
}

async function startUpstream(): Promise<Upstream> {
  const checks = new Map<string, Check>();
  const answer = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    const path = incoming.url ?? '';
    const check = /^\/check\/(.*)/.exec(path)?.[1];
    if (check !== undefined) {
      const { status = 200, headers = {}, silent = false } = checks.get(check) ?? {};
      if (!silent) outgoing.writeHead(status, headers).end();
      return;
    }
    const {
      status = '200',
      wait = '0',
      ...headers
    } = Object.fromEntries(new URL(path, 'http://x').searchParams);
    setTimeout(() => outgoing.writeHead(Number(status), headers).end('upstream'), Number(wait));
  };
  const http = createServer(answer);
  const grpc = createHttp2Server();
  grpc.on('stream', (stream: ServerHttp2Stream) => {
    const serving = checks.get('grpc')?.serving ?? 1;
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(Buffer.from([0, 0, 0, 0, 2, 8, serving]));
  });
  const closed = createServer();
  const [port, grpcPort, refusedPort] = await Promise.all(
    [http, grpc, closed].map(async (server) => {
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
      return (server.address() as AddressInfo).port;
    }),
  );
  closed.close();
  return {
    ...{ port: port!, grpcPort: grpcPort!, refusedPort: refusedPort!, checks },
    close() {
      http.closeAllConnections();
      http.close();
      grpc.close();
    },
  };
}

interface Scene {
  /** Clusters; the first has the scene's name. */
  readonly clusters: (upstream: Upstream) => readonly Omit<Cluster, 'name'>[];
  readonly route?: Route['route'];
  readonly play: (stage: Stage) => Promise<unknown>;
}
interface Stage {
  /** `GET /?status=500`: status, flags and details of the answer. */
  get(query?: string): Promise<string>;
  /** What is found at the next checks, and the flags of the endpoint once they are no longer `before`. */
  check(found: Check, before: string): Promise<string>;
  flags(): Promise<readonly string[]>;
  stats(...names: string[]): Promise<Record<string, number>>;
}

const endpoints = (...places: readonly object[]): NonNullable<Cluster['load_assignment']> => ({
  cluster_name: 'c',
  endpoints: places,
});
const at = (port: number, more: object = {}): object => ({
  lb_endpoints: [{ endpoint: { address: address(port) }, ...more }],
});
const healthy = 'healthy';
const noPanic = { common_lb_config: { healthy_panic_threshold: { value: 0 } } };
const repeat = async (times: number, one: () => Promise<string>): Promise<string[]> => {
  const heard: string[] = [];
  for (let i = 0; i < times; i++) heard.push(await one());
  return heard;
};
const together = async (times: number, one: () => Promise<string>): Promise<string[]> =>
  (await Promise.all(Array.from({ length: times }, one))).sort();
/** Once one endpoint is found well. */
const settled = async (flags: Stage['flags']): Promise<string> => {
  for (let i = 0; i < 100 && !(await flags()).includes(healthy); i++)
    await new Promise((resolve) => setTimeout(resolve, 30));
  return 'settled';
};
/** Once no endpoint takes requests any more: Envoy's main thread ejects, its worker hears of it a little later. */
const ejected = async (flags: Stage['flags']): Promise<string> => {
  for (let i = 0; i < 300 && (await flags()).includes(healthy); i++)
    await new Promise((resolve) => setTimeout(resolve, 10));
  return 'ejected';
};
/** The first at once, the others when it is under way. */
const later = (get: Stage['get']) => {
  let begun = 0;
  return async (): Promise<string> => {
    if (begun++ > 0) await new Promise((resolve) => setTimeout(resolve, 300));
    return get('?wait=1500');
  };
};
const checked = (kind: object, more: object = {}): Partial<Cluster> => ({
  ...noPanic,
  health_checks: [
    {
      ...{ timeout: '0.5s', interval: '0.05s', no_traffic_interval: '0.05s' },
      ...{ unhealthy_threshold: 2, healthy_threshold: 2, ...kind, ...more },
    },
  ],
});
const httpCheck = (name: string) => checked({ http_health_check: { path: `/check/${name}` } });
const threshold = (more: object) => ({ circuit_breakers: { thresholds: [more] } });

const SCENES: Record<string, Scene> = {
  'outlier-5xx': {
    clusters: ({ port }) => [
      {
        ...noPanic,
        load_assignment: endpoints(at(port)),
        outlier_detection: { consecutive_5xx: 3, max_ejection_percent: 100 },
      },
    ],
    play: async ({ get, flags, stats }) => [
      await repeat(2, () => get('?status=500')),
      await get(),
      await repeat(3, () => get('?status=500')),
      await ejected(flags),
      await repeat(2, get),
      await flags(),
      await stats(
        'outlier_detection.ejections_active',
        'outlier_detection.ejections_enforced_consecutive_5xx',
        'outlier_detection.ejections_enforced_total',
        'outlier_detection.ejections_total',
        'outlier_detection.ejections_consecutive_5xx',
        'upstream_rq_5xx',
        'membership_healthy',
        'upstream_cx_none_healthy',
      ),
    ],
  },
  'outlier-gateway': {
    clusters: ({ port }) => [
      {
        ...noPanic,
        load_assignment: endpoints(at(port)),
        outlier_detection: {
          ...{ consecutive_gateway_failure: 2, enforcing_consecutive_gateway_failure: 100 },
          ...{ max_ejection_percent: 100, enforcing_consecutive_5xx: 0 },
        },
      },
    ],
    play: async ({ get, flags, stats }) => [
      await repeat(2, () => get('?status=500')),
      await get('?status=502'),
      await get('?status=500'),
      await repeat(2, () => get('?status=503')),
      await ejected(flags),
      await get('?status=503'),
      await flags(),
      await stats(
        'outlier_detection.ejections_enforced_consecutive_gateway_failure',
        'outlier_detection.ejections_detected_consecutive_gateway_failure',
      ),
    ],
  },
  'outlier-local-origin': {
    clusters: ({ refusedPort }) => [
      {
        ...noPanic,
        load_assignment: endpoints(at(refusedPort)),
        outlier_detection: {
          ...{ split_external_local_origin_errors: true, consecutive_local_origin_failure: 2 },
          max_ejection_percent: 100,
        },
      },
    ],
    play: async ({ get, flags, stats }) => [
      await repeat(2, get),
      await ejected(flags),
      await get(),
      await flags(),
      await stats(
        'outlier_detection.ejections_enforced_consecutive_local_origin_failure',
        'upstream_cx_connect_fail',
      ),
    ],
  },
  'outlier-too-many': {
    clusters: ({ port }) => [
      {
        load_assignment: endpoints(at(port)),
        outlier_detection: { consecutive_5xx: 2, max_ejection_percent: 0 },
      },
    ],
    play: async ({ get, flags, stats }) => [
      await repeat(3, () => get('?status=500')),
      await flags(),
      await stats('outlier_detection.ejections_overflow', 'outlier_detection.ejections_active'),
    ],
  },
  'breaker-pending': {
    clusters: ({ port }) => [
      { load_assignment: endpoints(at(port)), ...threshold({ max_connections: 1, max_pending_requests: 1 }) },
    ],
    play: async ({ get, stats }) => [
      await together(4, later(get)),
      await stats(
        'upstream_rq_pending_overflow',
        'upstream_rq_total',
        'upstream_rq_completed',
        'upstream_cx_total',
      ),
    ],
  },
  'breaker-requests': {
    clusters: ({ port }) => [{ load_assignment: endpoints(at(port)), ...threshold({ max_requests: 2 }) }],
    play: async ({ get, stats }) => [
      await together(4, () => get('?wait=1000')),
      await stats('upstream_rq_active_overflow', 'upstream_rq_pending_overflow', 'upstream_rq_completed'),
    ],
  },
  'breaker-retries': {
    clusters: ({ port }) => [{ load_assignment: endpoints(at(port)), ...threshold({ max_retries: 0 }) }],
    route: { retry_policy: { retry_on: '5xx', num_retries: 2 } },
    play: async ({ get, stats }) => [
      await get('?status=503'),
      await stats('upstream_rq_retry_overflow', 'upstream_rq_retry', 'upstream_rq_completed'),
    ],
  },
  'retries-used-up': {
    clusters: ({ port }) => [{ load_assignment: endpoints(at(port)) }],
    route: { retry_policy: { retry_on: '5xx', num_retries: 2 } },
    play: async ({ get, stats }) => [
      await get('?status=503'),
      await stats('upstream_rq_retry', 'upstream_rq_retry_limit_exceeded', 'upstream_rq_completed'),
    ],
  },
  'nobody-there': {
    clusters: () => [{ load_assignment: endpoints() }],
    play: async ({ get, flags, stats }) => [
      await get(),
      await flags(),
      await stats('upstream_cx_none_healthy'),
    ],
  },
  'everybody-out': {
    clusters: ({ port }) => [
      { ...noPanic, load_assignment: endpoints(at(port, { health_status: 'UNHEALTHY' })) },
    ],
    play: async ({ get, flags, stats }) => [await get(), await flags(), await stats('membership_healthy')],
  },
  panic: {
    clusters: ({ port }) => [{ load_assignment: endpoints(at(port, { health_status: 'UNHEALTHY' })) }],
    play: async ({ get, flags, stats }) => [await get(), await flags(), await stats('lb_healthy_panic')],
  },
  aggregate: {
    clusters: ({ port }) => [
      {
        lb_policy: 'CLUSTER_PROVIDED',
        cluster_type: {
          name: 'envoy.clusters.aggregate',
          typed_config: any('envoy.extensions.clusters.aggregate.v3.ClusterConfig', {
            clusters: ['aggregate-1', 'aggregate-2'],
          }),
        },
      },
      { ...noPanic, load_assignment: endpoints(at(port, { health_status: 'UNHEALTHY' })) },
      { load_assignment: endpoints(at(port)) },
    ],
    play: async ({ get, flags, stats }) => [
      await repeat(2, get),
      await flags(),
      await stats('upstream_rq_total', 'upstream_rq_completed'),
    ],
  },
  'check-http': {
    clusters: ({ port }) => [{ load_assignment: endpoints(at(port)), ...httpCheck('check-http') }],
    play: async ({ get, check, flags }) => [
      await check({}, '/failed_active_hc'),
      await get(),
      await check({ status: 500 }, healthy),
      await get(),
      await check({}, '/failed_active_hc'),
      await check({ headers: { 'x-envoy-degraded': '1' } }, healthy),
      await check({ status: 503 }, '/degraded_active_hc'),
      await check({}, '/failed_active_hc'),
      await get('?x-envoy-immediate-health-check-fail=1'),
      (await flags()).length,
    ],
  },
  'check-timeout': {
    clusters: ({ port }) => [{ load_assignment: endpoints(at(port)), ...httpCheck('check-timeout') }],
    play: async ({ check, get }) => [
      await check({}, '/failed_active_hc'),
      await check({ silent: true }, healthy),
      await get(),
      await check({ status: 500 }, '/failed_active_hc/active_hc_timeout'),
    ],
  },
  'check-tcp': {
    clusters: ({ port, refusedPort }) => [
      {
        load_assignment: endpoints({
          lb_endpoints: [port, refusedPort].map((to) => ({ endpoint: { address: address(to) } })),
        }),
        ...checked({ tcp_health_check: {} }),
      },
    ],
    play: async ({ get, flags, stats }) => [
      await settled(flags),
      await repeat(3, get),
      await flags(),
      await stats('membership_healthy', 'membership_total'),
    ],
  },
  'check-grpc': {
    clusters: ({ grpcPort }) => [
      {
        load_assignment: endpoints(at(grpcPort)),
        ...checked({ grpc_health_check: {} }),
        typed_extension_protocol_options: {
          'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': any(
            'envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
            { explicit_http_config: { http2_protocol_options: {} } },
          ),
        },
      },
    ],
    play: async ({ check }) => [
      await check({}, '/failed_active_hc'),
      await check({ serving: 2 }, healthy),
      await check({ serving: 1 }, '/failed_active_hc'),
    ],
  },
};

const nameOf = (scene: string, i: number): string => (i === 0 ? scene : `${scene}-${i}`);

function bootstrap(ports: Ports, upstream: Upstream): object {
  const clusters = Object.entries(SCENES).flatMap(([scene, { clusters: make }]) =>
    make(upstream).map((cluster, i) => ({ name: nameOf(scene, i), connect_timeout: '1s', ...cluster })),
  );
  const routes = Object.entries(SCENES).map(([scene, { route }]) => ({
    match: { prefix: '/', headers: [{ name: 'x-scene', string_match: { exact: scene } }] },
    route: { cluster: scene, ...route },
  }));
  return {
    admin: { address: address(ports.admin) },
    static_resources: {
      clusters,
      listeners: [
        {
          name: 'in',
          address: address(ports.listeners[0]!),
          filter_chains: [
            {
              filters: [
                {
                  name: 'http',
                  typed_config: any(
                    'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
                    {
                      stat_prefix: 'in',
                      route_config: {
                        virtual_hosts: [{ name: 'all', domains: ['*'], routes }],
                        response_headers_to_add: [
                          { header: { key: 'x-said', value: '%RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%' } },
                        ],
                      },
                      http_filters: [
                        {
                          name: 'envoy.filters.http.router',
                          typed_config: any('envoy.extensions.filters.http.router.v3.Router', {}),
                        },
                      ],
                    },
                  ),
                },
              ],
            },
          ],
        },
      ],
    },
  };
}

function get(side: Side, scene: string, query = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port: side.ports.listeners[0], path: `/${query}`, agent: false };
    const outgoing = request({ ...options, headers: { 'x-scene': scene } }, (incoming) => {
      let body = '';
      incoming.on('data', (data) => (body += String(data)));
      incoming.on('end', () => {
        const { 'x-said': said = '', 'x-envoy-overloaded': overloaded = '' } = incoming.headers;
        // Which socket refused, and which of our sentences says so, is not what is compared here.
        const words = body === 'upstream' ? body : '';
        resolve(`${incoming.statusCode} ${String(said).replace(/\{.*/, '')} ${overloaded} ${words}`.trim());
      });
    });
    outgoing.on('error', reject).end();
  });
}

function stage(side: Side, scene: string, upstream: Upstream): Stage {
  const flags = async (): Promise<readonly string[]> => {
    const text = await side.admin('/clusters');
    const found = text
      .split('\n')
      .filter((line) => line.startsWith(`${scene}::127`) && line.includes('::health_flags::'));
    return found.map((line) => line.split('::health_flags::')[1] ?? '').sort();
  };
  return {
    get: (query) => get(side, scene, query),
    flags,
    async check(found, before) {
      upstream.checks.set(scene === 'check-grpc' ? 'grpc' : scene, found);
      const untilMs = Date.now() + 4000;
      let now = '';
      do {
        await new Promise((resolve) => setTimeout(resolve, 20));
        now = (await flags())[0] ?? '';
      } while (now === before && Date.now() < untilMs);
      return now;
    },
    async stats(...names) {
      const text = await side.admin('/stats');
      const value = (name: string): number =>
        Number(
          new RegExp(`^cluster\\.${scene}\\.${name.replaceAll('.', '\\.')}: (\\d+)$`, 'm').exec(text)?.[1] ??
            -1,
        );
      return Object.fromEntries(names.map((name) => [name, value(name)]));
    },
  };
}

describe.skipIf(binary === undefined)('clusters as Envoy has them', () => {
  let pair: Pair;
  const upstreams: Upstream[] = [];
  const of = new Map<number, Upstream>();
  beforeAll(async () => {
    upstreams.push(await startUpstream(), await startUpstream());
    const free = [...upstreams];
    pair = (await startPair((ports) => {
      const own = free.pop()!;
      of.set(ports.admin, own);
      return bootstrap(ports, own);
    }))!;
  }, 60_000);
  afterAll(async () => {
    for (const upstream of upstreams) upstream.close();
    await pair?.stop();
  });

  it.concurrent.each(Object.keys(SCENES))(
    '%s',
    async (name) => {
      const [envoy, weft] = await Promise.all(
        [pair.envoy, pair.weft].map((side) =>
          SCENES[name]!.play(stage(side, name, of.get(side.ports.admin)!)),
        ),
      );
      expect(weft).toEqual(envoy);
    },
    30_000,
  );
});
