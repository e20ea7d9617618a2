/**
 * Load balancing against the real Envoy: the same endpoints behind both. Where a hash decides, the same key has to go to
 * the same endpoint; where chance decides, the shares of both have to be those that the configuration means, within
 * bounds that an honest draw leaves once in 100,000 times.
 */
import { Agent, createServer, get, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { any, type Cluster } from '../../src/xds/resources.ts';
import { envoyForTests } from '../serve/envoy.ts';
import { type Pair, type Side, startPair } from './harness.ts';
import { address } from './http-bootstrap.ts';

const ENDPOINTS = 8;
const KEYS = 150;
const DRAWS = 600;
const agent = new Agent({ keepAlive: true, maxSockets: 8 });
const binary = await envoyForTests();

type Assignment = NonNullable<Cluster['load_assignment']>;
type Lb = NonNullable<Assignment['endpoints']>;

/** An endpoint by its number, with fields of LbEndpoint and of Endpoint. */
interface Spec {
  readonly n: number;
  readonly weight?: number;
  readonly health?: 'HEALTHY' | 'UNHEALTHY' | 'DEGRADED' | 'DRAINING';
  readonly hostname?: string;
  readonly lb?: object;
}
interface Place {
  readonly zone?: string;
  readonly priority?: number;
  readonly weight?: number;
  readonly of: readonly Spec[];
}
interface Balanced {
  readonly cluster: Omit<Cluster, 'name'>;
  readonly places: readonly Place[];
  readonly match?: object;
  /** One request after the other: what is under way would count. */
  readonly single?: boolean;
}

const all = (more: (n: number) => Partial<Spec> = () => ({})): readonly Place[] => [
  { of: Array.from({ length: ENDPOINTS }, (_, n) => ({ n, ...more(n) })) },
];
const policy = (
  name: string,
  kind: string,
  fields: object,
): NonNullable<Cluster['load_balancing_policy']> => ({
  policies: [
    {
      typed_extension_config: {
        name,
        typed_config: any(`envoy.extensions.load_balancing_policies.${name}.v3.${kind}`, fields),
      },
    },
  ],
});
const ringHash = { lb_policy: 'RING_HASH' } as const;
const maglev = { lb_policy: 'MAGLEV' } as const;
const hostnames = {
  type: 'STRICT_DNS' as const,
  common_lb_config: { consistent_hashing_lb_config: { use_hostname_for_hashing: true } },
};
const weighted = { common_lb_config: { locality_weighted_lb_config: {} } };
const zones: readonly Place[] = [
  { zone: 'b', weight: 3, of: [{ n: 0 }, { n: 1, weight: 4 }] },
  { zone: 'a', weight: 1, of: [{ n: 2 }, { n: 3 }, { n: 4 }] },
];

/** By hash: compared key by key. */
const HASHED: Record<string, Balanced> = {
  ring: { cluster: ringHash, places: all() },
  'ring-weights': { cluster: ringHash, places: all((n) => ({ weight: 1 + (n % 3) * 7 })) },
  'ring-murmur': {
    cluster: { ...ringHash, ring_hash_lb_config: { hash_function: 'MURMUR_HASH_2' } },
    places: all(),
  },
  'ring-small': {
    cluster: { ...ringHash, ring_hash_lb_config: { minimum_ring_size: 1, maximum_ring_size: 13 } },
    places: all((n) => ({ weight: n + 1 })),
  },
  'ring-hostname': {
    cluster: { ...ringHash, ...hostnames },
    places: all((n) => ({ hostname: `h${n}.test` })),
  },
  'ring-hash-key': { cluster: ringHash, places: all((n) => ({ lb: { hash_key: `key-of-${n}` } })) },
  'ring-localities': { cluster: { ...ringHash, ...weighted }, places: zones },
  'ring-priorities': {
    cluster: ringHash,
    places: [
      { of: [{ n: 0 }, { n: 1, health: 'UNHEALTHY' }, { n: 2 }, { n: 3, health: 'UNHEALTHY' }] },
      { priority: 1, of: [{ n: 4 }, { n: 5 }, { n: 6 }, { n: 7 }] },
    ],
  },
  'ring-panic': { cluster: ringHash, places: all((n) => ({ health: n < 6 ? 'UNHEALTHY' : 'HEALTHY' })) },
  'ring-policy': {
    cluster: { load_balancing_policy: policy('ring_hash', 'RingHash', { minimum_ring_size: 200 }) },
    places: all(),
  },
  maglev: { cluster: maglev, places: all() },
  'maglev-weights': { cluster: maglev, places: all((n) => ({ weight: 1 + (n % 3) * 7 })) },
  'maglev-small': {
    cluster: { ...maglev, maglev_lb_config: { table_size: 101 } },
    places: all((n) => ({ weight: n + 1 })),
  },
  'maglev-hostname': {
    cluster: { ...maglev, ...hostnames },
    places: all((n) => ({ hostname: `h${n}.test` })),
  },
  'maglev-localities': { cluster: { ...maglev, ...weighted }, places: zones },
  'maglev-policy': {
    cluster: { load_balancing_policy: policy('maglev', 'Maglev', { table_size: 211 }) },
    places: all((n) => ({ health: n === 2 ? 'DRAINING' : 'HEALTHY' })),
  },
};

/** By chance: `shares` by endpoint. */
const DRAWN: Record<string, Balanced & { readonly shares: Record<number, number> }> = {
  'round-robin': { cluster: {}, places: zones, shares: { 0: 1 / 8, 1: 4 / 8, 2: 1 / 8, 3: 1 / 8, 4: 1 / 8 } },
  'least-request': {
    cluster: { lb_policy: 'LEAST_REQUEST' },
    single: true,
    places: zones,
    shares: { 0: 1 / 8, 1: 4 / 8, 2: 1 / 8, 3: 1 / 8, 4: 1 / 8 },
  },
  random: {
    cluster: { lb_policy: 'RANDOM' },
    places: zones,
    shares: { 0: 0.2, 1: 0.2, 2: 0.2, 3: 0.2, 4: 0.2 },
  },
  localities: {
    cluster: weighted,
    places: zones,
    shares: { 0: 0.15, 1: 0.6, 2: 1 / 12, 3: 1 / 12, 4: 1 / 12 },
  },
  'localities-in-part': {
    cluster: weighted,
    places: [
      { zone: 'a', weight: 1, of: [{ n: 0 }, { n: 1, health: 'UNHEALTHY' }, { n: 2, health: 'UNHEALTHY' }] },
      { zone: 'b', weight: 1, of: [{ n: 3 }, { n: 4 }, { n: 5 }] },
    ],
    shares: Object.fromEntries([
      [0, 1.4 / 3 / (1 + 1.4 / 3)],
      ...[3, 4, 5].map((n) => [n, 1 / 3 / (1 + 1.4 / 3)]),
    ]),
  },
  'policy-localities': {
    cluster: {
      load_balancing_policy: policy('round_robin', 'RoundRobin', {
        locality_lb_config: { locality_weighted_lb_config: {} },
      }),
    },
    places: zones,
    shares: { 0: 0.15, 1: 0.6, 2: 1 / 12, 3: 1 / 12, 4: 1 / 12 },
  },
  priorities: {
    cluster: {},
    places: [
      { of: [{ n: 0 }, { n: 1 }, { n: 2, health: 'UNHEALTHY' }, { n: 3, health: 'UNHEALTHY' }] },
      { priority: 1, of: [{ n: 4 }, { n: 5 }] },
    ],
    shares: { 0: 0.35, 1: 0.35, 4: 0.15, 5: 0.15 },
  },
  degraded: {
    cluster: {},
    places: all((n) => ({ health: n < 2 ? 'HEALTHY' : n < 6 ? 'DEGRADED' : 'UNHEALTHY' })),
    shares: { 0: 0.175, 1: 0.175, 2: 0.1625, 3: 0.1625, 4: 0.1625, 5: 0.1625 },
  },
  panic: {
    cluster: {},
    places: [
      {
        of: [
          { n: 0, health: 'UNHEALTHY' },
          { n: 1, health: 'UNHEALTHY' },
        ],
      },
      {
        priority: 1,
        of: [
          { n: 2, health: 'UNHEALTHY' },
          { n: 3, health: 'UNHEALTHY' },
          { n: 4, health: 'UNHEALTHY' },
        ],
      },
    ],
    shares: { 0: 0.2, 1: 0.2, 2: 0.2, 3: 0.2, 4: 0.2 },
  },
  subset: {
    cluster: { lb_subset_config: { subset_selectors: [{ keys: ['v'] }] } },
    places: all((n) => ({ lb: { v: n < 5 ? 'one' : 'two' }, weight: n === 5 ? 3 : 1 })),
    match: { v: 'two' },
    shares: { 5: 0.6, 6: 0.2, 7: 0.2 },
  },
  'subset-default': {
    cluster: {
      lb_subset_config: {
        subset_selectors: [{ keys: ['v'] }],
        fallback_policy: 'DEFAULT_SUBSET',
        default_subset: { v: 'one' },
      },
    },
    places: all((n) => ({ lb: { v: n < 2 ? 'one' : 'two' } })),
    match: { v: 'three' },
    shares: { 0: 0.5, 1: 0.5 },
  },
};

let ports: number[] = [];
const servers: Server[] = [];

function loadAssignment(name: string, places: readonly Place[]): Assignment {
  const endpoints: Lb = places.map(({ zone, priority = 0, weight, of }) => ({
    locality: { region: 'r', ...(zone === undefined ? {} : { zone }) },
    priority,
    ...(weight === undefined ? {} : { load_balancing_weight: weight }),
    lb_endpoints: of.map(({ n, weight: own = 1, health = 'HEALTHY', hostname = '', lb }) => ({
      endpoint: { hostname, address: address(ports[n] as number) },
      load_balancing_weight: own,
      health_status: health,
      ...(lb === undefined ? {} : { metadata: { filter_metadata: { 'envoy.lb': lb } } }),
    })),
  })) as Lb;
  return { cluster_name: name, endpoints };
}

function bootstrap(listener: number, admin: number): object {
  const named = Object.entries({ ...HASHED, ...DRAWN });
  const routes = named.map(([name, { match }]) => ({
    match: { path_separated_prefix: `/${name}` },
    route: {
      cluster: name,
      ...(match === undefined ? {} : { metadata_match: { filter_metadata: { 'envoy.lb': match } } }),
      hash_policy: [{ header: { header_name: 'x-key' } }, { query_parameter: { name: 'q' } }],
    },
  }));
  const manager = any('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', {
    stat_prefix: 'test',
    route_config: { name: 'r', virtual_hosts: [{ name: 'all', domains: ['*'], routes }] },
    http_filters: [
      {
        name: 'envoy.filters.http.router',
        typed_config: any('envoy.extensions.filters.http.router.v3.Router', {}),
      },
    ],
  });
  return {
    node: { id: 'balancing', cluster: 'test' },
    admin: { address: address(admin) },
    static_resources: {
      listeners: [
        {
          name: 'l',
          address: address(listener),
          filter_chains: [{ filters: [{ name: 'http', typed_config: manager }] }],
        },
      ],
      clusters: named.map(([name, { cluster, places }]) => ({
        ...cluster,
        name,
        connect_timeout: '2s',
        load_assignment: loadAssignment(name, places),
      })),
    },
  };
}

/** The number of the endpoint that answered, -1 for an error of the proxy. */
function ask(side: Side, path: string, key: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const port = side.ports.listeners[0] as number;
    get({ host: '127.0.0.1', port, path, agent, headers: { 'x-key': key } }, (response) => {
      let body = '';
      response.on('data', (chunk) => (body += chunk));
      response.on('end', () => resolve(response.statusCode === 200 ? Number(body) : -1));
    }).on('error', reject);
  });
}

/** `atOnce` at a time. */
async function askAll(
  side: Side,
  count: number,
  one: (i: number) => [path: string, key: string],
  atOnce = 10,
): Promise<number[]> {
  const answers: number[] = [];
  for (let i = 0; i < count; i += atOnce)
    answers.push(...(await Promise.all(Array.from({ length: atOnce }, (_, j) => ask(side, ...one(i + j))))));
  return answers;
}

describe.skipIf(binary === undefined)('weft balances as Envoy does', () => {
  let pair: Pair;

  beforeAll(async () => {
    for (let n = 0; n < ENDPOINTS; n++) {
      const server = createServer((_, response) => response.end(String(n)));
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      servers.push(server);
    }
    ports = servers.map((server) => (server.address() as AddressInfo).port);
    pair = (await startPair((its) => bootstrap(its.listeners[0] as number, its.admin))) as Pair;
  }, 40_000);

  afterAll(async () => {
    agent.destroy();
    await pair?.stop();
    for (const server of servers) server.close();
  });

  it.each(Object.keys(HASHED))('%s: the same endpoint for every key', async (name) => {
    const keys = (i: number): [string, string] => [`/${name}${i % 3 === 0 ? `?q=${i}` : ''}`, `user-${i}`];
    const [envoy, weft] = [await askAll(pair.envoy, KEYS, keys), await askAll(pair.weft, KEYS, keys)];
    expect(weft).toEqual(envoy);
    expect(new Set(envoy).size).toBeGreaterThan(1);
  });

  it.each(Object.keys(DRAWN))('%s: the shares that are meant', async (name) => {
    for (const side of [pair.envoy, pair.weft]) {
      const answers = await askAll(side, DRAWS, () => [`/${name}`, ''], DRAWN[name]!.single ? 1 : 10);
      for (let n = -1; n < ENDPOINTS; n++) {
        const share = DRAWN[name]!.shares[n] ?? 0;
        const count = answers.filter((answer) => answer === n).length;
        const bound = 4.5 * Math.sqrt(DRAWS * share * (1 - share)) + 1;
        const told = `${side.name}: endpoint ${n} ${count} of ${DRAWS}`;
        expect(Math.abs(count - DRAWS * share), told).toBeLessThanOrEqual(share === 0 ? 0 : bound);
      }
    }
  });
});
