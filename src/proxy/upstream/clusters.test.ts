import { describe, expect, it } from 'vitest';
import { manualClock } from '../../lib/manual-clock.ts';
import { seededRandom } from '../../lib/random.ts';
import { network } from '../../wire/net.ts';
import { any, type Cluster } from '../../xds/resources.ts';
import { Metrics } from '../observe/metrics.ts';
import { Clusters, type Fleet } from './clusters.ts';
import type { EndpointSet } from './endpoint-set.ts';
import { IdleLimit } from './idle-limit.ts';
import { lowerCluster } from './lower-cluster.ts';
import { lowerEndpoints } from './lower-endpoint.ts';
import type { PickContext } from './pick-context.ts';
import type { UpstreamTls } from './upstream-tls.ts';

const node = {
  id: '',
  cluster: '',
  workload: '',
  namespace: '',
  serviceAccount: '',
  labels: {},
  metadata: {},
};
const nowhere = { destination: undefined, header: () => undefined };

function testClusters(secrets = { there: true }, fleet?: Fleet) {
  const clock = manualClock(0);
  const metrics = new Metrics(node);
  const answers = new Map<string, readonly string[]>();
  const clusters = new Clusters({
    clock,
    random: seededRandom(1),
    network,
    metrics,
    fleet,
    resolveName: async (host) => {
      const addresses = answers.get(host);
      return addresses === undefined
        ? { ok: false, message: `${host} is not known` }
        : { ok: true, addresses, ttlMs: undefined };
    },
  });
  const tls = { sni: '', alpn: [], mutual: true, ready: () => secrets.there } as unknown as UpstreamTls;
  const ready: string[] = [];
  clusters.onReady = (name) => ready.push(name);
  const apply = (messages: readonly Cluster[], removed: readonly string[] = []): void => {
    const configs = messages.map((message) => {
      const lowered = lowerCluster(message, () => ({ ok: true, value: tls }));
      if (!lowered.ok) throw new Error(JSON.stringify(lowered.refusals));
      return lowered.value;
    });
    clusters.apply(configs, removed);
  };
  return { clusters, apply, ready, clock, answers, metrics };
}

function endpoints(...addresses: readonly (string | { address: string; match: string })[]): EndpointSet {
  const lb_endpoints = addresses.map((one) => ({
    endpoint: {
      address: { socket_address: { address: typeof one === 'string' ? one : one.address, port_value: 80 } },
    },
    ...(typeof one === 'string'
      ? {}
      : { metadata: { filter_metadata: { 'envoy.transport_socket_match': { tlsMode: one.match } } } }),
  }));
  const lowered = lowerEndpoints({ cluster_name: 'c', endpoints: [{ lb_endpoints }] });
  if (!lowered.ok) throw new Error('endpoints');
  return lowered.value;
}

describe('an EDS cluster', () => {
  it('serves when its endpoints and secrets are there, and not before', () => {
    const secrets = { there: false };
    const { clusters, apply, ready } = testClusters(secrets);
    apply([{ name: 'c', type: 'EDS', eds_cluster_config: { service_name: 's' }, transport_socket: {} }]);
    expect(clusters.edsNames()).toEqual(['s']);
    expect(clusters.get('c')).toBeUndefined();
    expect(clusters.warming()).toEqual(['c']);
    clusters.setEndpoints('s', endpoints('10.0.0.1'));
    expect(clusters.get('c')).toBeUndefined();
    secrets.there = true;
    clusters.secretsChanged();
    expect(clusters.get('c')?.pick(nowhere)?.address).toBe('10.0.0.1:80');
    expect(ready).toEqual(['c']);
  });

  it('serves in its old form until the new one is warm', () => {
    const { clusters, apply } = testClusters();
    apply([{ name: 'c', type: 'EDS' }]);
    clusters.setEndpoints('c', endpoints('10.0.0.1'));
    const old = clusters.get('c');
    apply([{ name: 'c', type: 'EDS', eds_cluster_config: { service_name: 'other' } }]);
    expect(clusters.get('c')).toBe(old);
    expect(clusters.warming()).toEqual([]);
    clusters.setEndpoints('other', endpoints('10.0.0.2'));
    expect(clusters.get('c')?.pick(nowhere)?.address).toBe('10.0.0.2:80');
  });

  it('keeps the endpoints that stay as they are, and makes anew what is another behind the same address', () => {
    const { clusters, apply } = testClusters();
    apply([
      {
        name: 'c',
        type: 'EDS',
        transport_socket_matches: [
          { name: 'tlsMode-istio', match: { tlsMode: 'istio' }, transport_socket: {} },
        ],
      },
    ]);
    clusters.setEndpoints('c', endpoints({ address: '10.0.0.1', match: 'istio' }, '10.0.0.2'));
    const [first, second] = clusters.get('c')!.endpoints;
    expect([first?.tls?.mutual, second?.tls]).toEqual([true, undefined]);
    clusters.setEndpoints('c', endpoints('10.0.0.1', '10.0.0.2', '10.0.0.3'));
    const after = clusters.get('c')!.endpoints;
    expect(after[0]).not.toBe(first);
    expect(after[1]).toBe(second);
    expect(after).toHaveLength(3);
  });

  it('is forgotten with its numbers when it is removed', () => {
    const { clusters, apply, metrics } = testClusters();
    apply([{ name: 'c', type: 'EDS' }]);
    clusters.setEndpoints('c', endpoints('10.0.0.1'));
    apply([], ['c']);
    expect(clusters.get('c')).toBeUndefined();
    expect(metrics.renderStats()).not.toContain('cluster.');
  });
});

describe('a DNS cluster', () => {
  const dns = (type: 'STRICT_DNS' | 'LOGICAL_DNS'): Cluster => ({
    name: 'c',
    type,
    load_assignment: {
      endpoints: [
        {
          lb_endpoints: [
            { endpoint: { address: { socket_address: { address: 'app.example', port_value: 80 } } } },
          ],
        },
      ],
    },
  });
  const turn = () => new Promise((resolve) => setImmediate(resolve));

  it('has every address of its names, follows changes, and keeps the last ones when the names are not known', async () => {
    const { clusters, apply, clock, answers } = testClusters();
    answers.set('app.example', ['10.0.0.1', '10.0.0.2']);
    apply([dns('STRICT_DNS')]);
    await turn();
    const addresses = () => clusters.get('c')!.endpoints.map(({ address }) => address);
    expect(addresses()).toEqual(['10.0.0.1:80', '10.0.0.2:80']);
    expect(clusters.get('c')!.endpoints[0]?.placement.spec.hostname).toBe('app.example');
    answers.set('app.example', ['10.0.0.3']);
    clock.advance(5000);
    await turn();
    expect(addresses()).toEqual(['10.0.0.3:80']);
    answers.clear();
    clock.advance(5000);
    await turn();
    expect(addresses()).toEqual(['10.0.0.3:80']);
  });

  it('of one address uses the first', async () => {
    const { clusters, apply, answers } = testClusters();
    answers.set('app.example', ['10.0.0.2', '10.0.0.1']);
    apply([dns('LOGICAL_DNS')]);
    await turn();
    expect(clusters.get('c')!.endpoints.map(({ address }) => address)).toEqual(['10.0.0.2:80']);
  });
});

describe('an original destination cluster', () => {
  it('goes where the client wanted to go, and forgets it again', () => {
    const { clusters, apply, clock } = testClusters();
    apply([{ name: 'c', type: 'ORIGINAL_DST', lb_policy: 'CLUSTER_PROVIDED' }]);
    const cluster = clusters.get('c')!;
    const to = (address: string) =>
      cluster.pick({ destination: { address, port: 443 }, header: () => undefined });
    expect(to('10.1.1.1')?.address).toBe('10.1.1.1:443');
    expect(to('10.1.1.1')).toBe(to('10.1.1.1'));
    expect(cluster.endpoints).toHaveLength(1);
    clock.advance(6000);
    expect(cluster.endpoints).toHaveLength(0);
    expect(cluster.pick(nowhere)).toBeUndefined();
  });
});

describe("what is learnt of an upstream's patience", () => {
  it('is what it says, or what two closes agree on', () => {
    const limit = new IdleLimit();
    expect(limit.usableMs).toBe(Infinity);
    limit.closedAfter(5000);
    limit.closedAfter(120);
    expect(limit.limitMs).toBe(Infinity);
    limit.closedAfter(5100);
    expect(limit.limitMs).toBe(5100);
    expect(limit.usableMs).toBe(4100);
    limit.told('max=5, timeout=2');
    expect(limit.usableMs).toBe(1600);
  });
});

describe('an aggregate', () => {
  const part = (
    name: string,
    address: string,
    health_status: 'HEALTHY' | 'UNHEALTHY' = 'HEALTHY',
  ): Cluster => ({
    name,
    common_lb_config: { healthy_panic_threshold: {} },
    load_assignment: {
      cluster_name: name,
      endpoints: [
        {
          lb_endpoints: [
            { endpoint: { address: { socket_address: { address, port_value: 80 } } }, health_status },
          ],
        },
      ],
    },
  });
  const aggregate = (...clusters: string[]): Cluster => ({
    name: 'all',
    lb_policy: 'CLUSTER_PROVIDED',
    common_lb_config: { healthy_panic_threshold: {} },
    cluster_type: {
      name: 'envoy.clusters.aggregate',
      typed_config: any('envoy.extensions.clusters.aggregate.v3.ClusterConfig', { clusters }),
    },
  });

  it('takes the next cluster where the first has nobody', () => {
    const { clusters, apply } = testClusters();
    apply([part('one', '10.0.0.1'), part('two', '10.0.0.2'), aggregate('one', 'two')]);
    const picked = () => clusters.get('all')?.pick(nowhere)?.address;
    expect(picked()).toBe('10.0.0.1:80');
    apply([part('one', '10.0.0.1', 'UNHEALTHY')]);
    expect(picked()).toBe('10.0.0.2:80');
    apply([], ['two']);
    expect(picked()).toBeUndefined();
  });

  it('that names itself has nobody', () => {
    const { clusters, apply } = testClusters();
    apply([aggregate('all')]);
    expect(clusters.get('all')?.pick(nowhere)).toBeUndefined();
  });
});

describe('zone aware routing', () => {
  const placed = (name: string, zones: Record<string, number>): Cluster => ({
    name,
    load_assignment: {
      cluster_name: name,
      endpoints: Object.entries(zones).map(([zone, count], z) => ({
        locality: { zone },
        lb_endpoints: Array.from({ length: count }, (_, i) => ({
          endpoint: { address: { socket_address: { address: `10.0.${z}.${i}`, port_value: 80 } } },
        })),
      })),
    },
  });

  it('keeps to the zone of the proxy, as far as its fleet is spread', () => {
    const fleet = { clusterName: 'fleet', own: { region: '', zone: 'a', subZone: '' } };
    const { clusters, apply, metrics } = testClusters(undefined, fleet);
    apply([placed('app', { a: 4, b: 4 }), placed('fleet', { a: 1, b: 1 })]);
    const zones = () =>
      new Set(Array.from({ length: 40 }, () => clusters.get('app')?.pick(nowhere)?.placement.locality.zone));
    expect([...zones()]).toEqual(['a']);
    expect(metrics.cluster('app').lb_zone_routing_all_directly).toBe(40);
    // Half of the fleet's traffic starts in `a`, three quarters would be more than its part.
    apply([placed('fleet', { a: 3, b: 1 })]);
    expect(zones().size).toBe(2);
  });
});

describe('a LOGICAL_DNS cluster', () => {
  it('is one endpoint, whatever its address is', async () => {
    const { clusters, apply, answers, clock } = testClusters();
    answers.set('app.test', ['10.0.0.1', '10.0.0.2']);
    const socket_address = { address: 'app.test', port_value: 80 };
    const endpoints = [{ lb_endpoints: [{ endpoint: { address: { socket_address } } }] }];
    apply([{ name: 'c', type: 'LOGICAL_DNS', load_assignment: { cluster_name: 'c', endpoints } }]);
    await settled();
    const before = clusters.get('c')?.pick(nowhere);
    expect(before?.address).toBe('10.0.0.1:80');
    answers.set('app.test', ['10.0.0.2', '10.0.0.1']);
    clock.advance(5000);
    await settled();
    expect(clusters.get('c')?.pick(nowhere)).toBe(before);
    expect(before?.address).toBe('10.0.0.2:80');
  });

  it('asks again soon after a failure where that is configured', async () => {
    const { clusters, apply, answers, clock } = testClusters();
    const socket_address = { address: 'late.test', port_value: 80 };
    const endpoints = [{ lb_endpoints: [{ endpoint: { address: { socket_address } } }] }];
    apply([
      {
        name: 'c',
        type: 'STRICT_DNS',
        dns_refresh_rate: '60s',
        dns_failure_refresh_rate: { base_interval: '1s', max_interval: '2s' },
        load_assignment: { cluster_name: 'c', endpoints },
      },
    ]);
    await settled();
    expect(clusters.get('c')?.pick(nowhere)).toBeUndefined();
    answers.set('late.test', ['10.0.0.9']);
    clock.advance(2000);
    await settled();
    expect(clusters.get('c')?.pick(nowhere)?.address).toBe('10.0.0.9:80');
  });
});

describe('an ORIGINAL_DST cluster', () => {
  it('goes by metadata, then by the header, then by where the client wanted to go', () => {
    const { clusters, apply } = testClusters();
    const metadata_key = { key: 'where', path: [{ key: 'to' }] };
    apply([
      { name: 'c', type: 'ORIGINAL_DST', original_dst_lb_config: { metadata_key, use_http_header: true } },
    ]);
    const destination = { address: '10.0.0.3', port: 3 };
    const picked = (context: Partial<PickContext>) =>
      clusters.get('c')?.pick({ destination, header: () => undefined, ...context })?.address;
    expect(picked({})).toBe('10.0.0.3:3');
    expect(picked({ header: () => '10.0.0.2:2' })).toBe('10.0.0.2:2');
    expect(picked({ header: () => '10.0.0.2:2', metadata: () => ({ to: '10.0.0.1:1' }) })).toBe('10.0.0.1:1');
  });
});

/** What is promised already has happened. */
async function settled(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}
