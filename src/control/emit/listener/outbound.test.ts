import { describe, expect, it } from 'vitest';
import { filterOf, hostOf, httpService, meshOf, named, proxyOf } from '../../../testing/compiled-mesh.ts';
import type { DnsFilterConfig } from '../../../xds/resources.ts';

function service(name: string, spec: string, namespace = 'default'): string {
  return `
---
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: ${namespace} }
spec: ${spec}`;
}

function pod(name: string, ip: string, more = ''): string {
  return `
---
apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: default, labels: { app: ${name.split('-')[0]} }, annotations: { weft.dev/data-plane: weft${more} } }
spec: { hostname: ${name}, subdomain: ${name.split('-')[0]}, containers: [{ name: c, image: c }] }
status: { podIP: ${ip}, conditions: [{ type: Ready, status: 'True' }] }`;
}

const web = httpService('web');
const viewOf = (mesh: string) => proxyOf(meshOf(web + mesh), 'sidecar~default/web-v1');

describe('outbound listeners', () => {
  it('are on the address of a service whose bytes do not tell it apart', () => {
    const view = viewOf(
      service('db', '{ clusterIP: 10.96.0.7, selector: { app: db }, ports: [{ name: tcp, port: 3306 }] }'),
    );
    const listener = named(view.listeners(), '10.96.0.7_3306');
    expect(filterOf(listener.filter_chains?.[0]).cluster).toBe('outbound|3306||db.default.svc.cluster.local');
    // The server may be the one to speak first: nobody waits for bytes of the client.
    expect(listener.listener_filters).toBeUndefined();
  });

  it('look into connections of unknown protocol', () => {
    const view = viewOf(
      service('odd', '{ clusterIP: 10.96.0.8, selector: { app: odd }, ports: [{ name: odd, port: 7000 }] }'),
    );
    const listener = named(view.listeners(), '10.96.0.8_7000');
    expect(listener.filter_chains?.[0]?.filter_chain_match?.application_protocols).toEqual([
      'http/1.0',
      'http/1.1',
      'h2c',
    ]);
    expect(filterOf(listener.filter_chains?.[0]).rds?.route_config_name).toBe(
      'odd.default.svc.cluster.local:7000',
    );
    expect(filterOf(listener.default_filter_chain).cluster).toBe(
      'outbound|7000||odd.default.svc.cluster.local',
    );
    expect(hostOf(view, 'odd.default.svc.cluster.local:7000', '*').name).toBe(
      'odd.default.svc.cluster.local:7000',
    );
  });

  it('are on the single addresses of a service, and its ranges are told apart behind the port', () => {
    const view = viewOf(`
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: old, namespace: default }
spec:
  hosts: [old.internal]
  addresses: [198.51.100.8/29, 198.51.100.77]
  ports: [{ number: 3306, name: tcp, protocol: TCP }]
  resolution: NONE`);
    const cluster = 'outbound|3306||old.internal';
    expect(filterOf(named(view.listeners(), '198.51.100.77_3306').filter_chains?.[0]).cluster).toBe(cluster);
    const wildcard = named(view.listeners(), '0.0.0.0_3306');
    expect(wildcard.filter_chains?.[0]?.filter_chain_match?.prefix_ranges).toContainEqual({
      address_prefix: '198.51.100.8',
      prefix_len: 29,
    });
    expect(filterOf(wildcard.filter_chains?.[0]).cluster).toBe(cluster);
    expect(filterOf(wildcard.default_filter_chain).cluster).toBe('PassthroughCluster');
  });

  it('are on the single addresses of a service, and its ranges are told apart behind the port', () => {
    const view = viewOf(`
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: old, namespace: default }
spec:
  hosts: [old.internal]
  addresses: [198.51.100.8/29, 198.51.100.77]
  ports: [{ number: 3306, name: tcp, protocol: TCP }]
  resolution: NONE`);
    const cluster = 'outbound|3306||old.internal';
    expect(filterOf(named(view.listeners(), '198.51.100.77_3306').filter_chains?.[0]).cluster).toBe(cluster);
    const wildcard = named(view.listeners(), '0.0.0.0_3306');
    expect(wildcard.filter_chains?.[0]?.filter_chain_match?.prefix_ranges).toContainEqual({
      address_prefix: '198.51.100.8',
      prefix_len: 29,
    });
    expect(filterOf(wildcard.filter_chains?.[0]).cluster).toBe(cluster);
    expect(filterOf(wildcard.default_filter_chain).cluster).toBe('PassthroughCluster');
  });

  it('take calls to addresses that clients resolved themselves, where their bytes tell what is meant', () => {
    const view = viewOf(`
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: api, namespace: default }
spec:
  hosts: [api.example.com]
  ports: [{ number: 443, name: tls, protocol: TLS }, { number: 5000, name: tcp, protocol: TCP }]
  resolution: DNS`);
    const [byName] = named(view.listeners(), '0.0.0.0_443').filter_chains ?? [];
    expect(byName?.filter_chain_match).toEqual({ server_names: ['api.example.com'] });
    expect(filterOf(byName).cluster).toBe('outbound|443||api.example.com');
    const names = view.listeners().map(({ name }) => name);
    expect(names).toContainEqual(expect.stringMatching(/^240\..*_443$/));
    expect(names).toContainEqual(expect.stringMatching(/^240\..*_5000$/));
    expect(names).not.toContain('0.0.0.0_5000');
  });

  it("are on the addresses of a headless service's endpoints", () => {
    const headless = service(
      'store',
      '{ clusterIP: None, selector: { app: store }, ports: [{ name: tcp, port: 9000 }] }',
    );
    const names = (mesh: string) =>
      viewOf(mesh)
        .listeners()
        .map(({ name }) => name);
    expect(names(headless + pod('store-0', '10.244.0.9') + pod('store-1', '10.244.0.10'))).toEqual(
      expect.arrayContaining(['10.244.0.10_9000', '10.244.0.9_9000']),
    );
    // Without endpoints nobody can be called, and a wildcard would take the calls of others.
    expect(names(headless).filter((name) => name.endsWith('_9000'))).toEqual([]);
  });

  it("are on both ports by which a headless service's endpoints are called, whatever they speak", () => {
    const view = viewOf(
      service(
        'store',
        '{ clusterIP: None, selector: { app: store }, ports: [{ name: odd, port: 9000, targetPort: 9001 }] }',
      ) + pod('store-0', '10.244.0.9'),
    );
    for (const port of [9000, 9001]) {
      const listener = named(view.listeners(), `10.244.0.9_${port}`);
      expect(filterOf(listener.filter_chains?.[0]).rds?.route_config_name).toBe(
        'store.default.svc.cluster.local:9000',
      );
    }
  });

  it('tell ranges of addresses within the wildcard, beside listeners on single ones', () => {
    const view = viewOf(`
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: outside, namespace: default }
spec:
  hosts: [a.com]
  addresses: [240.1.0.1, 240.2.0.0/16]
  ports: [{ number: 5432, name: tcp, protocol: TCP }, { number: 443, name: tls, protocol: TLS }]`);
    const cluster = 'outbound|5432||a.com';
    expect(filterOf(named(view.listeners(), '240.1.0.1_5432').filter_chains?.[0]).cluster).toBe(cluster);
    const { filter_chains: [chain] = [], default_filter_chain } = named(view.listeners(), '0.0.0.0_5432');
    expect(chain?.filter_chain_match).toEqual({
      prefix_ranges: [{ address_prefix: '240.2.0.0', prefix_len: 16 }],
    });
    expect(filterOf(chain).cluster).toBe(cluster);
    expect(filterOf(default_filter_chain).cluster).toBe('PassthroughCluster');
    expect(named(view.listeners(), '0.0.0.0_443').filter_chains?.[0]?.filter_chain_match).toEqual({
      prefix_ranges: [{ address_prefix: '240.2.0.0', prefix_len: 16 }],
      server_names: ['a.com'],
    });
  });

  it('belong to the oldest of several services with one address', () => {
    const entry = (name: string, created: string) => `
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name}, namespace: default, creationTimestamp: '${created}' }
spec: { hosts: [${name}.com], addresses: [240.1.0.1], ports: [{ number: 5432, name: tcp, protocol: TCP }] }`;
    const view = viewOf(entry('a', '2024-01-02T00:00:00Z') + entry('b', '2024-01-01T00:00:00Z'));
    expect(filterOf(named(view.listeners(), '240.1.0.1_5432').filter_chains?.[0]).cluster).toBe(
      'outbound|5432||b.com',
    );
  });

  it('pass on what no TLS rule means, and stop at a TCP rule that means everything', () => {
    const secure = service(
      'db',
      '{ clusterIP: 10.96.0.7, selector: { app: db }, ports: [{ name: tls, port: 5432 }, { name: tcp, port: 3306 }] }',
    );
    const view = viewOf(`${secure}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: db, namespace: default }
spec:
  hosts: [db.default.svc.cluster.local]
  tls: [{ match: [{ sniHosts: [db.default.svc.cluster.local] }], route: [{ destination: { host: db } }] }]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: db2, namespace: default }
spec:
  hosts: [db.default.svc.cluster.local]
  tcp:
    - route: [{ destination: { host: web } }]
    - match: [{ destinationSubnets: [10.96.0.0/16] }]
      route: [{ destination: { host: db } }]`);
    const tls = named(view.listeners(), '10.96.0.7_5432');
    expect(tls.filter_chains?.map(({ filter_chain_match }) => filter_chain_match)).toEqual([
      { server_names: ['db.default.svc.cluster.local'] },
    ]);
    expect(filterOf(tls.default_filter_chain).cluster).toBe('PassthroughCluster');
    const tcp = named(view.listeners(), '10.96.0.7_3306').filter_chains ?? [];
    expect(tcp.map((chain) => filterOf(chain).cluster)).toEqual([
      'outbound|80||web.default.svc.cluster.local',
    ]);
  });

  it('tell TLS services without address by server name', () => {
    const view = viewOf(`
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: outside, namespace: default }
spec: { hosts: [a.com, '*.b.com'], ports: [{ number: 443, name: tls, protocol: TLS }] }`);
    const chains = named(view.listeners(), '0.0.0.0_443').filter_chains ?? [];
    expect(chains.map((chain) => [chain.filter_chain_match?.server_names, filterOf(chain).cluster])).toEqual([
      [['*.b.com'], 'outbound|443||*.b.com'],
      [['a.com'], 'outbound|443||a.com'],
    ]);
  });

  it('send bytes as TCP rules say', () => {
    const view =
      viewOf(`${service('db', '{ clusterIP: 10.96.0.7, selector: { app: db }, ports: [{ name: tcp, port: 3306 }] }')}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: db, namespace: default }
spec:
  hosts: [db.default.svc.cluster.local]
  tcp:
    - match: [{ sourceLabels: { app: nobody } }]
      route: [{ destination: { host: web } }]
    - route: [{ destination: { host: db }, weight: 90 }, { destination: { host: web }, weight: 10 }]`);
    const [chain] = named(view.listeners(), '10.96.0.7_3306').filter_chains ?? [];
    expect(filterOf(chain).weighted_clusters).toMatchObject({
      clusters: [
        { name: 'outbound|3306||db.default.svc.cluster.local', weight: 90 },
        { name: 'outbound|80||web.default.svc.cluster.local', weight: 10 },
      ],
    });
  });

  it('lead nowhere with what nobody knows where only known services are allowed', () => {
    const mesh = `
---
apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data: { mesh: 'outboundTrafficPolicy: { mode: REGISTRY_ONLY }' }`;
    const chain = (view: ReturnType<typeof viewOf>) =>
      named(view.listeners(), 'virtualOutbound').filter_chains?.at(-1);
    expect(filterOf(chain(viewOf(''))).cluster).toBe('PassthroughCluster');
    expect(filterOf(chain(viewOf(mesh))).cluster).toBe('BlackHoleCluster');
    expect(hostOf(viewOf(''), '80', '*').name).toBe('allow_any');
    expect(hostOf(viewOf(mesh), '80', '*').name).toBe('block_all');
  });
});

describe('what a Sidecar lets in', () => {
  it('is all that its proxies know', () => {
    const other = `\n---${httpService('api', { namespace: 'shop', port: 8000 })}`;
    const sidecar = (hosts: string) => `
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: default, namespace: default }
spec: { egress: [{ hosts: ${hosts} }] }`;
    const clusters = (mesh: string) =>
      viewOf(mesh)
        .clusters()
        .map(({ name }) => name);
    expect(clusters(other)).toContain('outbound|8000||api.shop.svc.cluster.local');
    expect(clusters(other + sidecar("['./*']"))).not.toContain('outbound|8000||api.shop.svc.cluster.local');
    expect(clusters(other + sidecar("['./*', shop/api.shop.svc.cluster.local]"))).toContain(
      'outbound|8000||api.shop.svc.cluster.local',
    );
  });
});

describe('names', () => {
  const domainsOf = (mesh: string) => {
    const listener = named(viewOf(mesh).listeners(), 'dns');
    const config = listener.listener_filters?.[0]?.typed_config as DnsFilterConfig;
    return Object.fromEntries(
      (config.server_config?.inline_dns_table?.virtual_domains ?? []).map(({ name, endpoint }) => [
        name,
        endpoint?.address_list?.address,
      ]),
    );
  };

  it('are answered with cluster IPs, of headless services with their endpoints', () => {
    const domains = domainsOf(
      service('db', '{ clusterIP: 10.96.0.7, selector: { app: db }, ports: [{ name: tcp, port: 3306 }] }') +
        service(
          'store',
          '{ clusterIP: None, selector: { app: store }, ports: [{ name: tcp, port: 9000 }] }',
        ) +
        pod('store-0', '10.244.0.9') +
        pod('store-1', '10.244.0.10'),
    );
    expect(domains).toMatchObject({
      'db.default.svc.cluster.local': ['10.96.0.7'],
      'store.default.svc.cluster.local': ['10.244.0.10', '10.244.0.9'],
      'store-0.store.default.svc.cluster.local': ['10.244.0.9'],
    });
  });

  it('of the world outside have addresses of their own, so that bytes to them can be told apart', () => {
    const entry = (name: string) => `
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name}, namespace: default }
spec: { hosts: [${name}.example.com], ports: [{ number: 3306, name: tcp, protocol: TCP }], resolution: DNS }`;
    const mesh = entry('one') + entry('two');
    const { 'one.example.com': [one] = [], 'two.example.com': [two] = [] } = domainsOf(mesh);
    expect(one).toMatch(/^240\.240\./);
    expect(two).toMatch(/^240\.240\./);
    expect(one).not.toBe(two);
    expect(filterOf(named(viewOf(mesh).listeners(), `${one}_3306`).filter_chains?.[0]).cluster).toBe(
      'outbound|3306||one.example.com',
    );
  });
});

describe('a workload on a shared host', () => {
  const shared = `${service('app', '{ selector: { app: app }, ports: [{ name: http, port: 80, targetPort: 8080 }] }')}${pod('app-0', '127.0.0.1', ", weft.dev/ports: '8080:40001', weft.dev/inbound-port: '40002', weft.dev/proxy-port: '40003'")}${pod('bare-0', '127.0.0.1', ", weft.dev/ports: '8080:40009'").replace('data-plane: weft', 'data-plane: none')}${service('bare', '{ selector: { app: bare }, ports: [{ name: http, port: 80, targetPort: 8080 }] }')}`;
  const view = () => proxyOf(meshOf(web + shared), 'sidecar~default/app-0');

  it('is called at its proxy, calls by a forward proxy, and is handed its requests at its own port', () => {
    expect(
      view()
        .listeners()
        .map(({ name, object }) => [name, object.address?.socket_address?.port_value]),
    ).toEqual([
      ['http_proxy', 40003],
      ['virtualInbound', 40002],
    ]);
    expect(hostOf(view(), 'http_proxy', 'app:80').domains).toContain('app.default.svc.cluster.local');
    expect(
      named(view().clusters(), 'inbound|8080||').load_assignment?.endpoints?.[0]?.lb_endpoints?.[0]?.endpoint
        ?.address,
    ).toEqual({
      socket_address: { address: '127.0.0.1', port_value: 40001 },
    });
  });

  it('is an endpoint at the right port, with a proxy and without', () => {
    const port = (name: string) =>
      named(view().endpoints(), `outbound|80||${name}.default.svc.cluster.local`).endpoints?.[0]
        ?.lb_endpoints?.[0]?.endpoint?.address?.socket_address?.port_value;
    expect(port('app')).toBe(40002);
    expect(port('bare')).toBe(40009);
  });
});
