import { describe, expect, it } from 'vitest';
import { filterOf, hostOf, httpService, meshOf, named, proxyOf } from '../../../testing/compiled-mesh.ts';

const services = [
  httpService('web'),
  httpService('reviews', { port: 9080 }),
  httpService('ratings', { port: 9080 }),
  `
apiVersion: v1
kind: Service
metadata: { name: db, namespace: default }
spec: { selector: { app: db }, clusterIP: 10.96.0.7, ports: [{ name: tcp, port: 3306 }, { name: http-admin, port: 9080 }] }`,
].join('\n---');

function sidecar(spec: string, name = 'default', namespace = 'default'): string {
  return `
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: ${name}, namespace: ${namespace} }
spec: ${spec}`;
}

const view = (...more: readonly string[]) =>
  proxyOf(meshOf(services + more.join('')), 'sidecar~default/web-v1');
const clusters = (...more: readonly string[]) =>
  view(...more)
    .clusters()
    .map(({ name }) => name.replace('.default.svc.cluster.local', ''))
    .filter((name) => name.startsWith('outbound'));

describe('egress listeners of a Sidecar', () => {
  it('decide port by port, and the one without a port about the others', () => {
    const spec = `
  egress:
    - { port: { number: 9080, protocol: HTTP, name: http }, hosts: ["./reviews.default.svc.cluster.local"] }
    - { hosts: ["./db.default.svc.cluster.local", "./ratings.default.svc.cluster.local"] }`;
    expect(clusters(sidecar(spec))).toEqual(['outbound|3306||db', 'outbound|9080||reviews']);
  });

  it('take out again what "~" stands before', () => {
    const hosts = (text: string) => clusters(sidecar(`{ egress: [{ hosts: [${text}] }] }`));
    expect(hosts('"./*", "~./ratings.default.svc.cluster.local", "~other/*"')).toEqual([
      'outbound|3306||db',
      'outbound|80||web',
      'outbound|9080||db',
      'outbound|9080||reviews',
    ]);
    expect(hosts('"*/*", "~/*"')).toEqual([]);
  });

  it('decide each for itself what they take out', () => {
    const spec = `
  egress:
    - { port: { number: 9080, protocol: HTTP, name: http }, hosts: ["*/*", "~*/ratings.default.svc.cluster.local"] }
    - { hosts: ["./*", "~./db.default.svc.cluster.local"] }`;
    expect(clusters(sidecar(spec))).toEqual([
      'outbound|80||web',
      'outbound|9080||db',
      'outbound|9080||reviews',
    ]);
  });

  it('know nothing of ports that none of them is for', () => {
    const spec = '{ egress: [{ port: { number: 3306, protocol: TCP, name: tcp }, hosts: ["*/*"] }] }';
    expect(clusters(sidecar(spec))).toEqual(['outbound|3306||db']);
  });

  it('are at an address of their own where they name one, for applications that call it', () => {
    const spec = `
  egress:
    - { port: { number: 9080, protocol: HTTP, name: http }, captureMode: NONE, hosts: ["./reviews.default.svc.cluster.local"] }
    - { port: { number: 3306, protocol: TCP, name: tcp }, bind: 127.0.0.2, captureMode: NONE, hosts: ["./*"] }`;
    const proxy = view(sidecar(spec));
    const http = named(proxy.listeners(), '127.0.0.1_9080');
    expect(http.bind_to_port).toBe(true);
    expect(filterOf(http.filter_chains?.[0]).rds?.route_config_name).toBe('9080');
    const tcp = named(proxy.listeners(), '127.0.0.2_3306');
    expect(filterOf(tcp.filter_chains?.[0]).cluster).toBe('outbound|3306||db.default.svc.cluster.local');
  });
});

describe('unknown destinations', () => {
  it('take the calls to their own address and no others', () => {
    const names = (spec: string) =>
      view(sidecar(spec))
        .listeners()
        .map(({ name }) => name)
        .filter((name) => /_\d+$/.test(name));
    const http = 'port: { number: 9080, protocol: HTTP, name: http }, hosts: ["./*"]';
    expect(names(`{ egress: [{ ${http} }] }`)).toEqual(['0.0.0.0_9080']);
    expect(names(`{ egress: [{ ${http}, bind: 127.0.0.2 }] }`)).toEqual(['127.0.0.2_9080']);
    expect(names(`{ egress: [{ ${http}, captureMode: NONE }] }`)).toEqual(['127.0.0.1_9080']);
    expect(
      names(`{ egress: [{ ${http}, captureMode: NONE }, { hosts: ["./web.default.svc.cluster.local"] }] }`),
    ).toEqual(['0.0.0.0_80', '127.0.0.1_9080']);
    expect(names('{ egress: [{ hosts: ["./*"], captureMode: NONE }] }')).toEqual([]);
  });

  it('take nothing at an address of others where no service has the port', () => {
    const spec =
      '{ egress: [{ port: { number: 7000, protocol: HTTP, name: http }, bind: 10.96.0.7, hosts: ["./*"] }] }';
    expect(
      view(sidecar(spec))
        .listeners()
        .map(({ name }) => name),
    ).not.toContain('10.96.0.7_7000');
  });

  it("go through the Sidecar's egress proxy", () => {
    const spec = `
  egress: [{ hosts: ["./reviews.default.svc.cluster.local"] }]
  outboundTrafficPolicy: { mode: ALLOW_ANY, egressProxy: { host: db.default.svc.cluster.local, port: { number: 3306 } } }`;
    const proxy = view(sidecar(spec));
    const cluster = 'outbound|3306||db.default.svc.cluster.local';
    expect(filterOf(named(proxy.listeners(), 'virtualOutbound').filter_chains?.at(-1)).cluster).toBe(cluster);
    expect(hostOf(proxy, '9080', '*').routes?.[0]?.route?.cluster).toBe(cluster);
    expect(proxy.clusters().map(({ name }) => name)).toContain(cluster);
  });
});

describe('rules that a Sidecar lets in', () => {
  const rules = (host: string, destination: string) => `
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: rules, namespace: shop }
spec: { hosts: ["${host}"], http: [{ route: [{ destination: ${destination} }] }] }`;
  const shop = sidecar('{ egress: [{ hosts: ["shop/*"] }] }');
  const reviews = '{ host: reviews.default.svc.cluster.local }';

  it('lead where they lead, also from names that no service has and from whole domains', () => {
    expect(clusters(shop, rules('shop.example', reviews))).toEqual(['outbound|9080||reviews']);
    expect(clusters(shop, rules('*.shop.example', reviews))).toEqual(['outbound|9080||reviews']);
  });

  it('lead to the port that they name and no other', () => {
    const admin = '{ host: db.default.svc.cluster.local, port: { number: 9080 } }';
    expect(clusters(shop, rules('shop.example', admin))).toEqual(['outbound|9080||db']);
  });

  it('lead to ports of a known service that its own listener does not have', () => {
    const spec =
      '{ egress: [{ port: { number: 3306, protocol: TCP, name: tcp }, hosts: ["./db.default.svc.cluster.local"] }, { hosts: ["shop/*"] }] }';
    const whole = '{ host: db.default.svc.cluster.local }';
    expect(clusters(sidecar(spec))).toEqual(['outbound|3306||db']);
    expect(clusters(sidecar(spec), rules('shop.example', whole))).toEqual([
      'outbound|3306||db',
      'outbound|9080||db',
    ]);
  });

  it('hold for the ports of the listener that lets them in', () => {
    const spec =
      '{ egress: [{ port: { number: 9080, protocol: HTTP, name: http }, hosts: ["./reviews.default.svc.cluster.local"] }, { hosts: ["shop/*", "./web.default.svc.cluster.local"] }] }';
    const about = (host: string) =>
      rules(`${host}.default.svc.cluster.local`, '{ host: ratings.default.svc.cluster.local }');
    const to = (host: string, port: string) =>
      hostOf(view(sidecar(spec), about(host)), port, `${host}.default.svc.cluster.local`).routes?.[0]?.route
        ?.cluster;
    expect(to('web', '80')).toBe('outbound|9080||ratings.default.svc.cluster.local');
    expect(to('reviews', '9080')).toBe('outbound|9080||reviews.default.svc.cluster.local');
  });

  it('decide first where a namespace says them to itself, then where they are said to it, then where to all', () => {
    const rule = (name: string, namespace: string, exportTo: string, status: number) => `
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${name}, namespace: ${namespace} }
spec: { hosts: [web.default.svc.cluster.local], exportTo: ["${exportTo}"], http: [{ directResponse: { status: ${status} } }] }`;
    const status = (...more: readonly string[]) =>
      hostOf(view(...more), '80', 'web.default.svc.cluster.local').routes?.[0]?.direct_response?.status;
    const all = rule('a', 'shop', '*', 201);
    const told = rule('b', 'shop', 'default', 202);
    const own = rule('c', 'default', '.', 203);
    expect(status(all)).toBe(201);
    expect(status(all, told)).toBe(202);
    expect(status(all, told, own)).toBe(203);
  });

  it('hold for a name that another rule leads to', () => {
    const entry = `
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: api, namespace: default }
spec: { hosts: [api.example], location: MESH_EXTERNAL, resolution: DNS, ports: [{ number: 80, name: http, protocol: HTTP }] }`;
    const proxy = view(
      entry,
      shop,
      rules('shop.example', '{ host: api.example }'),
      rules('api.example', reviews).replace('name: rules', 'name: more'),
    );
    expect(hostOf(proxy, '80', 'api.example').routes?.[0]?.route?.cluster).toBe(
      'outbound|9080||reviews.default.svc.cluster.local',
    );
  });
});

describe('of several Sidecars', () => {
  const only = (host: string) => `{ egress: [{ hosts: ["./${host}.default.svc.cluster.local"] }] }`;
  const selecting = (host: string) =>
    `{ workloadSelector: { labels: { app: web } }, egress: [{ hosts: ["./${host}.default.svc.cluster.local"] }] }`;

  it("the one that selects the workload holds, then its namespace's, then the root namespace's", () => {
    const root = sidecar(
      '{ egress: [{ hosts: ["*/web.default.svc.cluster.local"] }] }',
      'all',
      'istio-system',
    );
    const own = sidecar(only('reviews'));
    const one = sidecar(selecting('ratings'), 'one');
    expect(clusters(root, own, one)).toEqual(['outbound|9080||ratings']);
    expect(clusters(root, own)).toEqual(['outbound|9080||reviews']);
    expect(clusters(root)).toEqual(['outbound|80||web']);
  });
});

describe('TCP services without addresses on one port', () => {
  const entry = (name: string, resolution: string) => `
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name}, namespace: default, labels: { networking.istio.io/enable-autoallocate-ip: "false" } }
spec: { hosts: [${name}.example.com], ports: [{ number: 6000, name: tcp, protocol: TCP }], resolution: ${resolution} }`;
  const fallback = (...more: readonly string[]) =>
    filterOf(named(view(...more).listeners(), '0.0.0.0_6000').default_filter_chain).cluster;

  it('never answer for each other', () => {
    expect(fallback(entry('a', 'DNS'))).toBe('outbound|6000||a.example.com');
    expect(fallback(entry('a', 'DNS'), entry('b', 'DNS'))).toBe('PassthroughCluster');
    expect(fallback(entry('a', 'NONE'), entry('b', 'NONE'))).toBe('PassthroughCluster');
  });

  it('are told apart by addresses that the proxy gives them', () => {
    const given = (name: string) => entry(name, 'DNS').replace('"false"', '"true"');
    const names = view(given('a'), given('b'))
      .listeners()
      .map(({ name }) => name);
    expect(names.filter((name) => name.endsWith('_6000') && name.startsWith('240.240.')).length).toBe(2);
  });
});
