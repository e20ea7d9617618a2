import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Compiled, compile } from './compile.ts';
import { putOf } from './watch/memory/memory-source.ts';
import { makeResourceStore, type ResourceStore } from './watch/store.ts';

// Random small meshes and random changes of them: the order in which objects come says nothing, and what is worked out
// step by step equals what is worked out from scratch.

const NAMESPACES = ['a', 'b'] as const;
const namespace = fc.constantFrom(...NAMESPACES);
const serviceName = fc.constantFrom('x', 'y', 'z');
const exportTo = fc.constantFrom(undefined, ['.'], ['*'], ['b']);

const service = fc
  .record({
    namespace,
    name: serviceName,
    port: fc.constantFrom('http', 'tcp', 'odd', 'tls'),
    headless: fc.boolean(),
  })
  .map(({ namespace, name, port, headless }) => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace },
    spec: {
      clusterIP: headless ? 'None' : `10.96.${namespace.charCodeAt(0)}.${name.charCodeAt(0)}`,
      selector: { app: name },
      ports: [{ name: port, port: 80 + port.length }],
    },
  }));

const pod = fc
  .record({
    namespace,
    app: serviceName,
    version: fc.constantFrom('v1', 'v2'),
    ready: fc.boolean(),
    proxy: fc.boolean(),
  })
  .map(({ namespace, app, version, ready, proxy }) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `${app}-${version}`,
      namespace,
      labels: { app, version },
      annotations: proxy ? { 'weft.dev/data-plane': 'weft' } : {},
    },
    spec: { serviceAccountName: app, containers: [{ name: 'c', image: 'c' }] },
    status: {
      podIP: `10.244.${namespace.charCodeAt(0)}.${app.charCodeAt(0) + Number(version[1])}`,
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
    },
  }));

const destinationRule = fc
  .record({ namespace, host: serviceName, random: fc.boolean(), exportTo })
  .map(({ namespace, host, random, exportTo }) => ({
    apiVersion: 'networking.istio.io/v1',
    kind: 'DestinationRule',
    metadata: { name: host, namespace },
    spec: {
      host: `${host}.a.svc.cluster.local`,
      ...(exportTo && { exportTo }),
      ...(random && { trafficPolicy: { loadBalancer: { simple: 'RANDOM' } } }),
      subsets: [{ name: 'v1', labels: { version: 'v1' } }],
    },
  }));

const virtualService = fc
  .record({
    namespace,
    host: serviceName,
    to: serviceName,
    prefix: fc.constantFrom('/', '/p'),
    source: fc.boolean(),
    exportTo,
  })
  .map(({ namespace, host, to, prefix, source, exportTo }) => ({
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: {
      name: `${host}-rules`,
      namespace,
      creationTimestamp: `20${10 + host.charCodeAt(0) - 100}-01-01T00:00:00Z`,
    },
    spec: {
      hosts: [`${host}.a.svc.cluster.local`],
      ...(exportTo && { exportTo }),
      http: [
        {
          match: [{ uri: { prefix }, ...(source && { sourceLabels: { version: 'v1' } }) }],
          route: [{ destination: { host: to, subset: 'v1' } }],
        },
        { route: [{ destination: { host: to } }] },
      ],
    },
  }));

const sidecar = fc.record({ namespace, host: serviceName }).map(({ namespace, host }) => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'Sidecar',
  metadata: { name: 'default', namespace },
  spec: { egress: [{ hosts: [`*/${host}.a.svc.cluster.local`, './*'] }] },
}));

const peerAuthentication = fc
  .record({ namespace, mode: fc.constantFrom('STRICT', 'PERMISSIVE', 'DISABLE') })
  .map(({ namespace, mode }) => ({
    apiVersion: 'security.istio.io/v1',
    kind: 'PeerAuthentication',
    metadata: { name: 'default', namespace },
    spec: { mtls: { mode } },
  }));

const object = fc.oneof(
  { weight: 3, arbitrary: service },
  { weight: 4, arbitrary: pod },
  { weight: 2, arbitrary: destinationRule },
  { weight: 2, arbitrary: virtualService },
  { weight: 1, arbitrary: sidecar },
  { weight: 1, arbitrary: peerAuthentication },
);
type MeshObject = ReturnType<(typeof object)['generate']>['value'];

function originOf({ kind, metadata }: MeshObject): string {
  return `${kind}/${metadata.namespace}/${metadata.name}`;
}

function put(store: ResourceStore, value: MeshObject): void {
  store.apply([putOf(originOf(value), [value])]);
}

function everything(mesh: Compiled): string {
  const nodes = NAMESPACES.flatMap((namespace) =>
    ['x-v1', 'x-v2', 'y-v1'].map((name) => `sidecar~~${name}.${namespace}~${namespace}.svc.cluster.local`),
  );
  const proxies = nodes.map((id) => {
    const view = mesh.forProxy({ id });
    return [view?.listeners(), view?.clusters(), view?.routes(), view?.endpoints()];
  });
  return JSON.stringify({
    proxies,
    findings: mesh.findings(),
    workloads: mesh.workloads(),
    services: mesh.services(),
  });
}

function storeWith(objects: readonly MeshObject[]): ResourceStore {
  const store = makeResourceStore();
  for (const value of objects) put(store, value);
  expect(store.statuses().filter(({ state }) => state !== 'ok')).toEqual([]);
  return store;
}

const distinctObjects = fc.uniqueArray(object, { selector: originOf, minLength: 4, maxLength: 24 });

describe('a compiled mesh', () => {
  it('is the same bytes whatever the order in which its objects came', () => {
    fc.assert(
      fc.property(
        distinctObjects,
        fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
        (objects, random) => {
          const shuffled = objects
            .map((value) => ({ value, at: random.next().value ?? 0 }))
            .sort((a, b) => a.at - b.at)
            .map(({ value }) => value);
          const first = everything(compile(storeWith(objects).resources(), {}));
          expect(everything(compile(storeWith(shuffled).resources(), {}))).toBe(first);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('is the same after any changes as if it were compiled from scratch', () => {
    const change = fc.oneof(
      { weight: 4, arbitrary: object.map((value) => ({ value, gone: false })) },
      object.map((value) => ({ value, gone: true })),
    );
    fc.assert(
      fc.property(distinctObjects, fc.array(change, { minLength: 1, maxLength: 12 }), (objects, changes) => {
        const store = storeWith(objects);
        let mesh = compile(store.resources(), {});
        everything(mesh);
        for (const { value, gone } of changes) {
          if (gone) store.apply([{ type: 'delete', origin: originOf(value) }]);
          else put(store, value);
          mesh = compile(store.resources(), {}, mesh);
          expect(everything(mesh)).toBe(everything(compile(store.resources(), {})));
        }
      }),
      { numRuns: 60 },
    );
  });
});
