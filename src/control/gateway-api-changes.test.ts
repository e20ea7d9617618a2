import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Compiled, compile } from './compile.ts';
import { putOf } from './watch/memory/memory-source.ts';
import { makeResourceStore, type ResourceStore } from './watch/store.ts';

// Random changes of small meshes with Gateways, routes and grants: what is worked out step by step equals what is
// worked out from scratch, statuses too.

const namespace = fc.constantFrom('a', 'b');
const name = fc.constantFrom('x', 'y');
const GROUP = 'gateway.networking.k8s.io';
const EXPERIMENTAL = 'gateway.networking.x-k8s.io';

function object(kind: string, namespace: string, name: string, spec: object, apiVersion = `${GROUP}/v1`) {
  return { apiVersion, kind, metadata: { name, namespace }, spec };
}

const service = fc.record({ namespace, name }).map(({ namespace, name }) => ({
  ...object('Service', namespace, name, { clusterIP: 'None', ports: [{ name: 'http', port: 80 }] }),
  apiVersion: 'v1',
}));

const pod = fc.record({ namespace, name }).map(({ namespace, name }) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { namespace, name, labels: { [`${GROUP}/gateway-name`]: name } },
  spec: { containers: [{ name: 'istio-proxy', image: 'none' }] },
}));

const gateway = fc
  .record({
    namespace,
    name,
    hostname: fc.constantFrom(undefined, '*.com', 'a.com'),
    from: fc.constantFrom('All', 'Same'),
    second: fc.constantFrom('HTTP', 'TCP'),
  })
  .map(({ namespace, name, hostname, from, second }) =>
    object('Gateway', namespace, name, {
      gatewayClassName: 'weft',
      listeners: [
        {
          name: 'one',
          port: 80,
          protocol: 'HTTP',
          ...(hostname && { hostname }),
          allowedRoutes: { namespaces: { from } },
        },
        { name: 'two', port: 81, protocol: second },
      ],
    }),
  );

const parentRef = fc.oneof(
  fc.record({ name, namespace }),
  fc.record({ name, namespace, kind: fc.constant('Service'), group: fc.constant('') }),
);
const backendRef = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      name,
      namespace,
      port: fc.constantFrom(80, 81),
      weight: fc.constantFrom(0, 1, 2),
    }),
  },
  fc.record({ name, namespace, group: fc.constant(EXPERIMENTAL), kind: fc.constant('XBackend') }),
);
const sessionPersistence = fc.constantFrom(
  undefined,
  undefined,
  { sessionName: 's' },
  { type: 'Header', header: { name: 'x-s' } },
);
/** Rules of a route with all that listeners need filters for. */
const filters = fc.option(
  fc.record({ name, namespace, port: fc.constantFrom(80, 81), kind: fc.constantFrom('HTTP', 'GRPC') }),
  { nil: undefined, freq: 3 },
);

function externalAuth({ kind, ...backendRef }: { readonly kind: string }) {
  const calls = kind === 'HTTP' ? { http: {} } : { grpc: {} };
  return { type: 'ExternalAuth', externalAuth: { protocol: kind, backendRef, ...calls } };
}

const backend = fc
  .record({ namespace, name, out: fc.boolean(), tls: fc.constantFrom(undefined, 'None', 'ServerOnly') })
  .map(({ namespace, name, out, tls }) => {
    const place = out
      ? { type: 'ExternalHostname', externalHostname: { hostname: 'a.example.com' } }
      : { type: 'EndpointSelector', endpointSelector: { matchLabels: { app: name } } };
    const spec = { ...place, port: { number: 80 }, ...(tls && { tls: { mode: tls } }) };
    return object('XBackend', namespace, name, spec, `${EXPERIMENTAL}/v1alpha1`);
  });

const trafficPolicy = fc
  .record({ namespace, name, target: name, percent: fc.constantFrom(10, 20), sessionPersistence })
  .map(({ namespace, name, target, percent, sessionPersistence }) =>
    object(
      'XBackendTrafficPolicy',
      namespace,
      name,
      {
        targetRefs: [{ group: '', kind: 'Service', name: target }],
        retryConstraint: { budget: { percent } },
        ...(sessionPersistence && { sessionPersistence }),
      },
      `${EXPERIMENTAL}/v1alpha1`,
    ),
  );

const httpRoute = fc
  .record({
    namespace,
    name,
    parentRef,
    hostnames: fc.constantFrom([], ['a.com'], ['*.com', 'b.org']),
    path: fc.constantFrom('/', '/p', '/p/q'),
    backendRefs: fc.array(backendRef, { maxLength: 2 }),
    sessionPersistence,
    filters,
  })
  .map(({ namespace, name, parentRef, hostnames, path, backendRefs, sessionPersistence, filters }) =>
    object('HTTPRoute', namespace, name, {
      parentRefs: [parentRef],
      hostnames,
      rules: [
        {
          matches: [{ path: { value: path } }],
          backendRefs,
          ...(sessionPersistence && { sessionPersistence }),
          ...(filters && { filters: [externalAuth(filters)] }),
        },
      ],
    }),
  );

const tcpRoute = fc
  .record({ namespace, name, parentRef, backendRef })
  .map(({ namespace, name, parentRef, backendRef }) =>
    object('TCPRoute', namespace, name, { parentRefs: [parentRef], rules: [{ backendRefs: [backendRef] }] }),
  );

const grant = fc.record({ namespace, from: namespace }).map(({ namespace, from }) =>
  object('ReferenceGrant', namespace, 'grant', {
    from: [{ group: GROUP, kind: 'HTTPRoute', namespace: from }],
    to: [{ group: '', kind: 'Service' }],
  }),
);

const value = fc.oneof(
  service,
  pod,
  gateway,
  { weight: 3, arbitrary: httpRoute },
  tcpRoute,
  grant,
  backend,
  trafficPolicy,
);
type MeshObject = ReturnType<(typeof value)['generate']>['value'];

function originOf({ kind, metadata }: MeshObject): string {
  return `${kind}/${metadata.namespace}/${metadata.name}`;
}

function apply(store: ResourceStore, one: MeshObject, gone: boolean): void {
  store.apply([gone ? { type: 'delete', origin: originOf(one) } : putOf(originOf(one), [one])]);
  expect(store.statuses().filter(({ state }) => state !== 'ok')).toEqual([]);
}

function everything(mesh: Compiled): string {
  const routers = ['x.a', 'y.b'].map((name) => {
    const labels = { istio: 'ingressgateway', [`${GROUP}/gateway-name`]: name[0] };
    return mesh.forProxy({ id: `router~~${name}~x`, metadata: { LABELS: labels } });
  });
  const sidecars = ['a', 'b'].map((ns) => mesh.forProxy({ id: `sidecar~~z.${ns}~x` }));
  return JSON.stringify({
    proxies: [...routers, ...sidecars].map((view) => [view?.listeners(), view?.clusters(), view?.routes()]),
    findings: mesh.findings(),
    statuses: mesh.gatewayApiStatuses(),
  });
}

describe('Gateways and routes', () => {
  it('are the same after any changes as if they were compiled from scratch', () => {
    const change = fc.record({ value, gone: fc.boolean() });
    fc.assert(
      fc.property(
        fc.array(value, { maxLength: 16 }),
        fc.array(change, { maxLength: 10 }),
        (objects, changes) => {
          const store = makeResourceStore();
          for (const one of objects) apply(store, one, false);
          let mesh = compile(store.resources(), {});
          everything(mesh);
          for (const { value: one, gone } of changes) {
            apply(store, one, gone);
            mesh = compile(store.resources(), {}, mesh);
            expect(everything(mesh)).toBe(everything(compile(store.resources(), {})));
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});
