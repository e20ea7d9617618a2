import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Compiled, compile } from './compile.ts';
import type { Emitted } from './emit/emitted.ts';
import { putOf } from './watch/memory/memory-source.ts';
import { makeResourceStore, type ResourceStore } from './watch/store.ts';

// Random changes of objects of every kind that matters to proxies, invalid ones among them: what is worked out step by step
// equals what is worked out from scratch, byte for byte.

const NAMESPACES = ['a', 'b', 'istio-system'] as const;
const namespace = fc.constantFrom(...NAMESPACES);
const workNamespace = fc.constantFrom('a', 'b');
const service = fc.constantFrom('x', 'y');
const host = fc
  .record({ service, namespace: workNamespace })
  .map((of) => `${of.service}.${of.namespace}.svc.cluster.local`);
const version = fc.constantFrom('v1', 'v2');
const selector = fc.option(
  version.map((version) => ({ version })),
  { nil: undefined },
);
const subset = fc.constantFrom(undefined, 'v1', 'v2');

interface MeshObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

function object(apiVersion: string, kind: string, namespace: string, name: string, rest: object): MeshObject {
  return { apiVersion, kind, metadata: { name, ...(namespace && { namespace }) }, ...rest };
}

const ISTIO = 'networking.istio.io/v1';
const SECURITY = 'security.istio.io/v1';
const GATEWAY_API = 'gateway.networking.k8s.io/v1';

const kinds: readonly fc.Arbitrary<MeshObject>[] = [
  fc
    .record({
      namespace: workNamespace,
      service,
      port: fc.constantFrom('http', 'tcp', 'tls', 'odd', 'grpc'),
      address: fc.constantFrom('None', 'own'),
      near: fc.boolean(),
    })
    .map(({ namespace, service, port, address, near }) =>
      object('v1', 'Service', namespace, service, {
        spec: {
          clusterIP:
            address === 'None' ? 'None' : `10.96.${namespace.charCodeAt(0)}.${service.charCodeAt(0)}`,
          selector: { app: service },
          ports: [{ name: port, port: 80 + port.length }],
          ...(near && { trafficDistribution: 'PreferClose' }),
        },
      }),
    ),
  fc
    .record({
      namespace: workNamespace,
      service,
      version,
      ready: fc.boolean(),
      proxy: fc.boolean(),
      node: fc.constantFrom('n1', 'n2'),
    })
    .map(({ namespace, service, version, ready, proxy, node }) => ({
      ...object('v1', 'Pod', namespace, `${service}-${version}`, {
        spec: { serviceAccountName: service, nodeName: node, containers: [{ name: 'c', image: 'c' }] },
        status: {
          podIP: `10.244.${namespace.charCodeAt(0)}.${service.charCodeAt(0) + Number(version[1])}`,
          conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
        },
      }),
      metadata: {
        name: `${service}-${version}`,
        namespace,
        labels: { app: service, version },
        annotations: proxy ? { 'weft.dev/data-plane': 'weft' } : {},
      },
    })),
  fc
    .record({ namespace: workNamespace, service, ready: fc.boolean() })
    .map(({ namespace, service, ready }) => ({
      ...object('discovery.k8s.io/v1', 'EndpointSlice', namespace, `${service}-slice`, {
        addressType: 'IPv4',
        ports: [{ name: 'http', port: 8080 }],
        endpoints: [{ addresses: ['10.9.0.1'], conditions: { ready } }],
      }),
      metadata: { name: `${service}-slice`, namespace, labels: { 'kubernetes.io/service-name': service } },
    })),
  fc.constantFrom('n1', 'n2').chain((name) =>
    fc.constantFrom('z1', 'z2').map((zone) => ({
      ...object('v1', 'Node', '', name, {}),
      metadata: {
        name,
        labels: { 'topology.kubernetes.io/region': 'r', 'topology.kubernetes.io/zone': zone },
      },
    })),
  ),
  fc
    .record({ namespace: workNamespace, label: fc.constantFrom(undefined, 'team') })
    .map(({ namespace, label }) => ({
      ...object('v1', 'Namespace', '', namespace, {}),
      metadata: { name: namespace, labels: label === undefined ? {} : { [label]: 'red' } },
    })),
  fc
    .record({
      mode: fc.constantFrom('ALLOW_ANY', 'REGISTRY_ONLY'),
      autoMtls: fc.boolean(),
      timeout: fc.constantFrom('1s', '2s'),
    })
    .map(({ mode, autoMtls, timeout }) =>
      object('v1', 'ConfigMap', 'istio-system', 'istio', {
        data: {
          mesh: `outboundTrafficPolicy: { mode: ${mode} }\nenableAutoMtls: ${autoMtls}\nconnectTimeout: ${timeout}\n`,
        },
      }),
    ),
  fc
    .record({
      namespace,
      host,
      to: host,
      subset,
      sourceVersion: selector,
      gateway: fc.boolean(),
      prefix: fc.constantFrom('/', '/p'),
    })
    .map(({ namespace, host, to, subset, sourceVersion, gateway, prefix }) =>
      object(ISTIO, 'VirtualService', namespace, `rules-${host[0]}`, {
        spec: {
          hosts: gateway ? ['a.com', host] : [host],
          ...(gateway && { gateways: ['a/door', 'mesh'] }),
          http: [
            {
              match: [{ uri: { prefix }, ...(sourceVersion && { sourceLabels: sourceVersion }) }],
              route: [{ destination: { host: to, ...(subset && { subset }) } }],
            },
            { route: [{ destination: { host } }] },
          ],
        },
      }),
    ),
  fc
    .record({
      namespace,
      host,
      selector,
      random: fc.boolean(),
      outlier: fc.boolean(),
      exportTo: fc.constantFrom(undefined, ['.'], ['*']),
    })
    .map(({ namespace, host, selector, random, outlier, exportTo }) =>
      object(ISTIO, 'DestinationRule', namespace, `${host[0]}${selector ? '-selected' : ''}`, {
        spec: {
          host,
          ...(selector && { workloadSelector: { matchLabels: selector } }),
          ...(exportTo && !selector && { exportTo }),
          trafficPolicy: {
            connectionPool: { tcp: { maxConnections: 9 } },
            ...(random && { loadBalancer: { simple: 'RANDOM' } }),
            ...(outlier && { outlierDetection: { consecutive5xxErrors: 3 } }),
          },
          subsets: [{ name: 'v1', labels: { version: 'v1' } }],
        },
      }),
    ),
  fc
    .record({ namespace, selector, host, mode: fc.constantFrom(undefined, 'REGISTRY_ONLY') })
    .map(({ namespace, selector, host, mode }) =>
      object(ISTIO, 'Sidecar', namespace, selector ? 'selected' : 'default', {
        spec: {
          ...(selector && { workloadSelector: { labels: selector } }),
          egress: [{ hosts: [`*/${host}`, './*'] }],
          ...(mode && { outboundTrafficPolicy: { mode } }),
        },
      }),
    ),
  fc
    .record({ port: fc.constantFrom(80, 81), hosts: fc.constantFrom(['*'], ['a.com']) })
    .map(({ port, hosts }) =>
      object(ISTIO, 'Gateway', 'a', 'door', {
        spec: {
          selector: { istio: 'ingressgateway' },
          servers: [{ port: { number: port, name: 'http', protocol: 'HTTP' }, hosts }],
        },
      }),
    ),
  fc
    .record({
      namespace: workNamespace,
      resolution: fc.constantFrom('DNS', 'STATIC'),
      protocol: fc.constantFrom('HTTP', 'TCP'),
    })
    .map(({ namespace, resolution, protocol }) =>
      object(ISTIO, 'ServiceEntry', namespace, 'outside', {
        spec: {
          hosts: ['out.example'],
          resolution,
          location: 'MESH_EXTERNAL',
          ports: [{ number: 443, name: 'p', protocol }],
          ...(resolution === 'STATIC' && { endpoints: [{ address: '1.2.3.4' }] }),
        },
      }),
    ),
  fc.record({ namespace: workNamespace, service, version }).map(({ namespace, service, version }) =>
    object(ISTIO, 'WorkloadEntry', namespace, `${service}-vm`, {
      spec: { address: '10.7.0.1', labels: { app: service, version }, serviceAccount: service },
    }),
  ),
  fc
    .record({ namespace, selector, mode: fc.constantFrom('STRICT', 'PERMISSIVE', 'DISABLE') })
    .map(({ namespace, selector, mode }) =>
      object(SECURITY, 'PeerAuthentication', namespace, selector ? 'selected' : 'default', {
        spec: { ...(selector && { selector: { matchLabels: selector } }), mtls: { mode } },
      }),
    ),
  fc
    .record({
      namespace,
      selector,
      action: fc.constantFrom('ALLOW', 'DENY'),
      path: fc.constantFrom('/a', '/b'),
    })
    .map(({ namespace, selector, action, path }) =>
      object(SECURITY, 'AuthorizationPolicy', namespace, selector ? 'selected' : 'all', {
        spec: {
          ...(selector && { selector: { matchLabels: selector } }),
          action,
          rules: [{ to: [{ operation: { paths: [path] } }] }],
        },
      }),
    ),
  fc.record({ namespace, issuer: fc.constantFrom('one', 'two') }).map(({ namespace, issuer }) =>
    object(SECURITY, 'RequestAuthentication', namespace, 'tokens', {
      spec: { jwtRules: [{ issuer, jwks: '{"keys":[]}' }] },
    }),
  ),
  fc
    .record({
      namespace,
      selector,
      context: fc.constantFrom('ANY', 'SIDECAR_INBOUND', 'SIDECAR_OUTBOUND', 'GATEWAY'),
      port: fc.constantFrom(1, 2),
    })
    .map(({ namespace, selector, context, port }) =>
      object('networking.istio.io/v1alpha3', 'EnvoyFilter', namespace, selector ? 'selected' : 'all', {
        spec: {
          ...(selector && { workloadSelector: { labels: selector } }),
          configPatches: [
            {
              applyTo: 'CLUSTER',
              match: { context },
              patch: { operation: 'MERGE', value: { alt_stat_name: `p${port}` } },
            },
            {
              applyTo: 'CLUSTER',
              match: { context },
              patch: {
                operation: 'ADD',
                value: { name: 'extra', type: 'STATIC', connect_timeout: `${port}s` },
              },
            },
            {
              applyTo: 'LISTENER',
              match: { context },
              patch: { operation: 'MERGE', value: { stat_prefix: `p${port}` } },
            },
            {
              applyTo: 'ROUTE_CONFIGURATION',
              match: { context },
              patch: { operation: 'MERGE', value: { most_specific_header_mutations_wins: true } },
            },
          ],
        },
      }),
    ),
  fc
    .record({ namespace: workNamespace, hostname: fc.constantFrom('a.com', 'b.com') })
    .map(({ namespace, hostname }) =>
      object(GATEWAY_API, 'Gateway', namespace, 'gw', {
        spec: {
          gatewayClassName: 'weft',
          listeners: [
            {
              name: 'l',
              port: 80,
              protocol: 'HTTP',
              hostname,
              allowedRoutes: { namespaces: { from: 'All' } },
            },
          ],
        },
      }),
    ),
  fc
    .record({ namespace: workNamespace, to: service, parent: fc.constantFrom('gateway', 'service') })
    .map(({ namespace, to, parent }) =>
      object(GATEWAY_API, 'HTTPRoute', namespace, 'route', {
        spec: {
          parentRefs: [
            parent === 'gateway'
              ? { name: 'gw', namespace: 'a' }
              : { kind: 'Service', group: '', name: to, port: 84 },
          ],
          rules: [{ backendRefs: [{ name: to, port: 84 }] }],
        },
      }),
    ),
];

/** What somebody saved halfway: no valid object, whatever its kind. */
const value = fc
  .record({ object: fc.oneof(...kinds), broken: fc.integer({ min: 0, max: 9 }).map((n) => n === 0) })
  .map(({ object, broken }) => (broken ? { ...object, spec: 'half', data: 1, addressType: 5 } : object));

function originOf({ kind, apiVersion, metadata }: MeshObject): string {
  return `${apiVersion}/${kind}/${metadata.namespace}/${metadata.name}`;
}

function apply(store: ResourceStore, one: MeshObject, gone: boolean): void {
  store.apply([gone ? { type: 'delete', origin: originOf(one) } : putOf(originOf(one), [one])]);
}

const NODES = [
  ...['a', 'b'].flatMap((ns) =>
    ['x-v1', 'x-v2', 'y-v1'].map((name) => ({ id: `sidecar~~${name}.${ns}~${ns}` })),
  ),
  { id: 'router~~door.a~a', metadata: { LABELS: { istio: 'ingressgateway' } } },
  { id: 'router~~gw.a~a', metadata: { LABELS: { 'gateway.networking.k8s.io/gateway-name': 'gw' } } },
];

/** What every proxy gets, by place. */
function everything(mesh: Compiled): Map<string, Emitted> {
  const all = new Map<string, Emitted>();
  for (const node of NODES) {
    const view = mesh.forProxy(node);
    if (view === undefined) continue;
    const { shared, own } = view.clusterParts();
    expect([...shared, ...own].map(({ name }) => name).sort()).toEqual(
      view.clusters().map(({ name }) => name),
    );
    for (const one of [...view.listeners(), ...view.clusters(), ...view.routes(), ...view.endpoints()])
      all.set(`${node.id} ${one.typeUrl} ${one.name}`, one);
  }
  return all;
}

function text(mesh: Compiled, all: ReadonlyMap<string, Emitted>): string {
  return JSON.stringify({
    all: [...all],
    findings: mesh.findings(),
    statuses: mesh.gatewayApiStatuses(),
    workloads: mesh.workloads(),
    services: mesh.services(),
  });
}

describe('objects of every kind', () => {
  it('are the same after any changes as if they were compiled from scratch', () => {
    const change = fc.record({ value, gone: fc.integer({ min: 0, max: 4 }).map((n) => n === 0) });
    fc.assert(
      fc.property(
        fc.array(value, { minLength: 6, maxLength: 30 }),
        fc.array(change, { minLength: 1, maxLength: 10 }),
        (objects, changes) => {
          const store = makeResourceStore();
          for (const one of objects) apply(store, one, false);
          let mesh = compile(store.resources(), {});
          everything(mesh);
          for (const { value: one, gone } of changes) {
            apply(store, one, gone);
            mesh = compile(store.resources(), {}, mesh);
            const fresh = compile(store.resources(), {});
            expect(text(mesh, everything(mesh))).toBe(text(fresh, everything(fresh)));
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});
