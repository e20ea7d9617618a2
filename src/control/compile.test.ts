import { describe, expect, it } from 'vitest';
import { filterOf, hostOf, httpService, meshOf, named, proxyOf, storeOf } from '../testing/compiled-mesh.ts';
import { compile } from './compile.ts';

const reviews = httpService('reviews', { port: 9080, versions: ['v1', 'v2'] });
const subsets = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: reviews, namespace: default }
spec:
  host: reviews
  subsets:
    - { name: v1, labels: { version: v1 } }
    - { name: v2, labels: { version: v2 } }`;
const split = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: reviews, namespace: default }
spec:
  hosts: [reviews]
  http:
    - route:
        - { destination: { host: reviews, subset: v1 }, weight: 80 }
        - { destination: { host: reviews, subset: v2 }, weight: 20 }`;
const all = [reviews, subsets, split].join('\n---');
const host = 'reviews.default.svc.cluster.local';

describe('what a sidecar gets', () => {
  it('has the names of Istio', () => {
    const view = proxyOf(meshOf(all), 'sidecar~default/reviews-v1');
    expect(view.listeners().map(({ name }) => name)).toEqual([
      '0.0.0.0_9080',
      'dns',
      'virtualInbound',
      'virtualOutbound',
    ]);
    expect(view.clusters().map(({ name }) => name)).toEqual([
      'BlackHoleCluster',
      'InboundPassthroughCluster',
      'PassthroughCluster',
      'inbound|9080||',
      `outbound|9080|v1|${host}`,
      `outbound|9080|v2|${host}`,
      `outbound|9080||${host}`,
    ]);
    expect(view.routes().map(({ name }) => name)).toEqual(['9080']);
    expect(view.endpoints().map(({ name }) => name)).toHaveLength(3);
  });

  it('knows a service by every name that clients of its namespace have for it', () => {
    const mesh = meshOf(`${all}\n---${httpService('web', { namespace: 'shop' })}`);
    const near = hostOf(proxyOf(mesh, 'sidecar~default/reviews-v1'), '9080', host);
    const far = hostOf(proxyOf(mesh, 'sidecar~shop/web-v1'), '9080', host);
    expect(near.name).toBe(`${host}:9080`);
    expect(near.domains).toEqual([
      host,
      `${host}.`,
      'reviews.default.svc',
      'reviews.default',
      'reviews',
      expect.stringMatching(/^240\./),
    ]);
    expect(far.domains).not.toContain('reviews');
  });

  it('says of each resource which objects made it, and where they are written', () => {
    const mesh = compile(storeOf(reviews, subsets, split).resources(), { offline: true });
    const [routes] = proxyOf(mesh, 'sidecar~default/reviews-v1').routes(['9080']);
    const places = routes?.provenance.map((origin) => ({ ...mesh.locate(origin), kind: origin.kind }));
    expect(places).toContainEqual({ kind: 'VirtualService', file: 'mesh-2.yaml', line: 8 });
    expect(places).toContainEqual({ kind: 'Service', file: 'mesh-0.yaml', line: 2 });
  });

  it('is nothing for a malformed node, and something for a Pod that is not known yet', () => {
    const mesh = meshOf(all);
    expect(mesh.forProxy({ id: 'reviews' })).toBeUndefined();
    expect(proxyOf(mesh, 'sidecar~default/stranger').listeners().length).toBeGreaterThan(2);
  });
});

describe('compiling again', () => {
  const node = { id: 'sidecar~~reviews-v1.default~x' };
  const compiledTwice = (before: readonly string[], after: readonly string[]) => {
    const store = storeOf(...before);
    const first = compile(store.resources(), { offline: true });
    const view = first.forProxy(node);
    const old = {
      listeners: view?.listeners(),
      clusters: view?.clusters(),
      routes: view?.routes(),
      endpoints: view?.endpoints(),
    };
    const second = compile(storeOf(...after).resources(), { offline: true }, first).forProxy(node);
    return {
      old,
      now: {
        listeners: second?.listeners(),
        clusters: second?.clusters(),
        routes: second?.routes(),
        endpoints: second?.endpoints(),
      },
    };
  };

  it('keeps the identity of what is the same', () => {
    const { old, now } = compiledTwice([reviews, subsets, split], [reviews, subsets, split]);
    expect(now.listeners).toBe(old.listeners);
    expect(now.clusters).toBe(old.clusters);
    expect(now.routes?.[0]).toBe(old.routes?.[0]);
  });

  it('changes routes and nothing else where weights change', () => {
    const { old, now } = compiledTwice(
      [reviews, subsets, split],
      [reviews, subsets, split.replace('80', '70')],
    );
    expect(now.routes?.[0]).not.toBe(old.routes?.[0]);
    expect(now.listeners).toBe(old.listeners);
    expect(now.clusters).toBe(old.clusters);
    expect(now.endpoints?.[0]).toBe(old.endpoints?.[0]);
  });

  it('changes endpoints and nothing else where one comes', () => {
    const fewer = httpService('reviews', { port: 9080, versions: ['v1'] });
    const { old, now } = compiledTwice([fewer, subsets, split], [reviews, subsets, split]);
    expect(now.routes?.[0]).toBe(old.routes?.[0]);
    expect(now.listeners).toBe(old.listeners);
    expect(now.clusters).toBe(old.clusters);
    expect(now.endpoints).not.toEqual(old.endpoints);
  });
});

describe('references to nothing', () => {
  it('are found at their field, and harm nothing else', () => {
    const odd = split
      .replace('subset: v2', 'subset: v9')
      .replace('host: reviews, subset: v1', 'host: nobody');
    const mesh = compile(storeOf(reviews, subsets, odd).resources(), { offline: true });
    expect(mesh.findings()).toEqual([
      expect.objectContaining({
        key: { group: 'networking.istio.io', kind: 'VirtualService', namespace: 'default', name: 'reviews' },
        field: 'spec.http[0].route[0].destination.host',
        message: expect.stringContaining('nobody.default.svc.cluster.local'),
        file: 'mesh-2.yaml',
        line: 9,
      }),
      expect.objectContaining({ field: 'spec.http[0].route[1].destination.subset', line: 10 }),
    ]);
    expect(proxyOf(mesh, 'sidecar~default/reviews-v1').routes(['9080'])).toHaveLength(1);
  });

  it('say what has no effect, and where identities of clients are not verified', () => {
    const mesh = meshOf(`
apiVersion: v1
kind: Pod
metadata: { name: a, namespace: default, annotations: { proxy.istio.io/config: '{ statNameLength: 2 }' } }
spec: { containers: [{ name: a, image: x }] }
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: g, namespace: default }
spec:
  selector: { app: a }
  servers:
    - port: { number: 443, name: https, protocol: HTTPS }
      hosts: [a.org]
      tls: { mode: MUTUAL, credentialName: a, insecureSkipVerify: true }`);
    const said = mesh.findings().map(({ key, field }) => [key.name, field]);
    expect(said).toContainEqual(['a', "metadata.annotations['proxy.istio.io/config']"]);
    expect(said).toContainEqual(['g', 'spec.servers[0].tls.insecureSkipVerify']);
  });

  it('are no findings where everything is there', () => {
    expect(meshOf(all).findings()).toEqual([]);
  });

  it('tell the younger of two rule sets for one host that it has no effect', () => {
    const of = (name: string, year: number) =>
      split.replace('name: reviews,', `name: ${name}, creationTimestamp: '${year}-01-01T00:00:00Z',`);
    const mesh = meshOf([reviews, subsets, of('reviews', 2021), of('zelda', 2020)].join('\n---'));
    expect(mesh.findings().map(({ key, field }) => [key.name, field])).toEqual([
      ['reviews', 'spec.hosts[0]'],
    ]);
  });
});

describe('summaries', () => {
  it('tell what runs and what can be called', () => {
    const mesh = meshOf(all);
    expect(mesh.workloads().map(({ name, dataPlane, services }) => [name, dataPlane, services])).toEqual([
      ['reviews-v1', 'weft', [host]],
      ['reviews-v2', 'weft', [host]],
    ]);
    expect(mesh.services()).toMatchObject([{ hostname: host, endpoints: 2, readyEndpoints: 2 }]);
  });
});

describe('the outbound side', () => {
  it('sends HTTP of a port by its routes, and the rest on', () => {
    const view = proxyOf(meshOf(all), 'sidecar~default/reviews-v1');
    const listener = named(view.listeners(), '0.0.0.0_9080');
    expect(listener.bind_to_port).toBe(false);
    expect(filterOf(listener.filter_chains?.[0]).rds?.route_config_name).toBe('9080');
    expect(filterOf(listener.default_filter_chain).cluster).toBe('PassthroughCluster');
  });
});
