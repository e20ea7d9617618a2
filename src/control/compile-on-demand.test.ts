import { describe, expect, it } from 'vitest';
import { httpService, meshOf } from '../testing/compiled-mesh.ts';
import { indexHosts, matchHost, withoutPort } from '../xds/match/virtual-host.ts';
import { ON_DEMAND } from '../xds/names.ts';
import type { RouteConfiguration, VirtualHost } from '../xds/resources.ts';
import type { Compiled, ProxyView } from './compile.ts';

const mesh = meshOf(
  [
    httpService('reviews', { port: 9080, versions: ['v1', 'v2'] }),
    httpService('web'),
    httpService('cart', { namespace: 'shop' }),
    `
apiVersion: v1
kind: Service
metadata: { name: db, namespace: default }
spec: { clusterIP: 10.96.0.7, selector: { app: db }, ports: [{ name: tcp, port: 3306 }, { name: any, port: 99 }] }`,
    `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: outside, namespace: default }
spec:
  hosts: ['*.example.com', api.example.com]
  ports: [{ number: 80, name: http, protocol: HTTP }, { number: 443, name: tls, protocol: TLS }]
  resolution: NONE`,
    `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: range, namespace: default }
spec:
  hosts: [range.example.org]
  addresses: [192.0.2.0/24]
  ports: [{ number: 5432, name: tcp, protocol: TCP }]
  resolution: NONE`,
    `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: reviews, namespace: default }
spec:
  hosts: [reviews, nobody.example.net]
  http: [{ route: [{ destination: { host: reviews } }] }]`,
    `
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: { name: own, namespace: default }
spec:
  configPatches:
    - { applyTo: CLUSTER, match: { context: ANY }, patch: { operation: ADD, value: { name: own, type: STATIC } } }
    - applyTo: VIRTUAL_HOST
      match: { context: SIDECAR_OUTBOUND, routeConfiguration: { vhost: { name: 'web.default.svc.cluster.local:80' } } }
      patch: { operation: MERGE, value: { require_tls: ALL } }`,
  ].join('\n---'),
  { dnsUpstreams: ['192.0.2.53'] },
);
const id = 'sidecar~~reviews-v1.default~default.svc.cluster.local';

describe('a sidecar on demand', () => {
  const { whole, sparse } = viewsOf(mesh, id);

  it('gets what it cannot do without, and nothing of any service', () => {
    expect(sparse.listeners().map(({ name }) => name)).toEqual(['dns', 'virtualInbound', 'virtualOutbound']);
    expect(sparse.clusters().map(({ name }) => name)).toEqual([
      'BlackHoleCluster',
      'InboundPassthroughCluster',
      'PassthroughCluster',
      'inbound|9080||',
      'own',
    ]);
    expect(sparse.routes(['80'])[0]?.object).not.toHaveProperty('virtual_hosts');
    expect(JSON.stringify(sparse.listeners())).not.toContain('web.default');
  });

  it('gets by name the very resource that a sidecar that holds everything has', () => {
    for (const { name, object } of whole.listeners())
      if (name !== 'dns')
        expect(sparse.listeners([name])).toEqual([expect.objectContaining({ name, object })]);
    for (const { name, object } of whole.clusters())
      expect(sparse.clusters([name])).toEqual([expect.objectContaining({ name, object })]);
    for (const { name, object } of whole.endpoints())
      expect(sparse.endpoints([name])).toEqual([expect.objectContaining({ name, object })]);
    expect(whole.listeners().map(({ name }) => name)).toContain('10.96.0.7_3306');
  });

  it('gets nothing by names that nothing has', () => {
    expect(sparse.listeners(['10.96.0.9_3306', '0.0.0.0_1', 'x'])).toEqual([]);
    expect(sparse.clusters(['outbound|1||web.default.svc.cluster.local', 'x'])).toEqual([]);
    expect(sparse.virtualHosts(['x', 'x/y'])).toEqual([]);
    expect(sparse.dnsTables(['web', 'x.example.org'])).toEqual([]);
  });

  it('is told for each host what the whole configuration would pick', () => {
    const hosts = ['a.b.example.com', 'nobody.example.net', 'stranger.test', 'WEB:80', 'cart', 'cart.shop:8'];
    for (const { name, object } of whole.routes().filter((one) => /^\d+$/.test(one.name)))
      for (const host of [...domainsOf(object), ...hosts]) {
        const expected = pick(object, host);
        const [given, ...more] = sparse.virtualHosts([`${name}/${host}`]);
        expect(more).toEqual([]);
        expect(given).toMatchObject({ name: `${name}/${host}`, object: { ...expected, domains: [host] } });
      }
    expect(sparse.virtualHosts(['80/'])[0]?.object).toMatchObject({ name: 'allow_any', domains: ['*'] });
    const [web] = sparse.virtualHosts(['80/web']);
    expect(web?.object.require_tls).toBe('ALL');
    expect(web?.provenance.map(({ kind }) => kind)).toContain('Service');
  });

  it('is told the addresses of one name, and what will be called there', () => {
    const [db] = sparse.dnsTables(['DB.default.svc.cluster.local']);
    expect(db?.object.virtual_domains).toMatchObject([
      { endpoint: { address_list: { address: ['10.96.0.7'] } } },
      {
        endpoint: {
          service_list: { services: [{ targets: [{ port: 3306 }] }, { targets: [{ port: 99 }] }] },
        },
      },
    ]);
  });
});

describe('hosts on demand where nobody changes routes', () => {
  const headless = (name: string, namespace: string) => `
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: ${namespace} }
spec: { clusterIP: None, selector: { app: ${name} }, ports: [{ name: http, port: 80 }] }`;
  const entry = (name: string, namespace: string, hosts: string) => `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name}, namespace: ${namespace} }
spec:
  hosts: ${hosts}
  ports: [{ number: 80, name: http, protocol: HTTP }]
  resolution: NONE`;
  const plain = meshOf(
    [
      httpService('web', { port: 80 }),
      httpService('web', { port: 80, namespace: 'shop' }),
      httpService('cart', { port: 80, namespace: 'shop' }),
      headless('db', 'default'),
      headless('db', 'shop'),
      entry('short', 'other', "['cart', 'web.shop', '*.db', '*.example.com']"),
      entry('long', 'shop', "['*.b.example.com', 'b.example.com', '*.shop']"),
      entry('all', 'default', "['*.com']"),
    ].join('\n---'),
    {},
  );

  it.each(['default', 'shop', 'other'])('is told in namespace %s what the whole would pick', (namespace) => {
    const { whole, sparse } = viewsOf(plain, `sidecar~~x-1.${namespace}~${namespace}.svc.cluster.local`);
    const [routes] = whole.routes(['80']);
    const domains = ['default', 'shop', 'other'].flatMap((one) => {
      const view = viewsOf(plain, `sidecar~~x-1.${one}~${one}.svc.cluster.local`).whole;
      return view.routes(['80']).flatMap(({ object }) => domainsOf(object));
    });
    const wild = domains.flatMap((domain) => [domain.replace('*', 'x'), domain.replace('*', 'y.b')]);
    const hosts = [
      ...new Set([...domains, ...wild, 'WEB:80', 'cart.', 'a.com', 'x.b.example.com', 'nobody']),
    ];
    expect(hosts.length).toBeGreaterThan(60);
    for (const host of hosts.filter((one) => !one.includes('*'))) {
      const [given] = sparse.virtualHosts([`80/${host}`]);
      expect(given?.object).toEqual({ ...pick(routes!.object, host), domains: [host] });
    }
    const { virtual_hosts: _hosts, ...head } = routes!.object;
    expect(sparse.routes(['80'])[0]?.object).toMatchObject(head);
  });
});

function viewsOf(
  compiled: Compiled,
  node: string,
): { readonly whole: ProxyView; readonly sparse: ProxyView } {
  const whole = compiled.forProxy({ id: node });
  const sparse = compiled.forProxy({ id: node, metadata: { [ON_DEMAND]: 'true' } });
  if (whole === undefined || sparse === undefined) throw new Error(`no proxy ${node}`);
  return { whole, sparse };
}

function domainsOf({ virtual_hosts = [] }: RouteConfiguration): readonly string[] {
  return virtual_hosts.flatMap(({ domains = [] }) => domains).filter((domain) => domain !== '*');
}

function pick({ virtual_hosts = [] }: RouteConfiguration, host: string): VirtualHost | undefined {
  const hosts = virtual_hosts.map((value) => ({ domains: value.domains ?? [], value, field: '' }));
  return matchHost(
    indexHosts(hosts, () => {}),
    withoutPort(host),
  );
}
