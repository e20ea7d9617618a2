// What a change costs the control plane before anything is sent: time and CPU of compiling for all proxies, cold and
// after one change of each kind. Run: node bench/compile.ts [services=1000] [proxies=400]
import { type Compiled, compile } from '../src/control/compile.ts';
import { putOf } from '../src/control/watch/memory/memory-source.ts';
import { makeResourceStore } from '../src/control/watch/store.ts';

const serviceCount = Number(process.argv[2] ?? 1000);
const proxyCount = Number(process.argv[3] ?? 400);
const SERVICES_PER_NAMESPACE = 20;
const ROUNDS = 5;

const store = makeResourceStore();
const names = Array.from({ length: serviceCount }, (_, i) => ({
  i,
  name: `svc${i}`,
  namespace: `ns${Math.floor(i / SERVICES_PER_NAMESPACE)}`,
}));

const service = (i: number, name: string, namespace: string) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace },
  spec: {
    clusterIP: `10.96.${i >> 8}.${i & 255}`,
    selector: { app: name },
    ports: [{ name: 'http', port: 80 }],
  },
});
const pod = (i: number, name: string, namespace: string, version: number, ready: boolean) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: `${name}-${version}`,
    namespace,
    labels: { app: name, version: `v${version}` },
    annotations: { 'weft.dev/data-plane': 'weft' },
  },
  spec: { serviceAccountName: name, containers: [{ name: 'c', image: 'c' }] },
  status: {
    podIP: `10.${243 + version}.${i >> 8}.${i & 255}`,
    conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
  },
});
const destinationRule = (name: string, namespace: string, maxConnections: number) => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'DestinationRule',
  metadata: { name, namespace },
  spec: {
    host: name,
    trafficPolicy: { connectionPool: { tcp: { maxConnections } } },
    subsets: [1, 2].map((version) => ({ name: `v${version}`, labels: { version: `v${version}` } })),
  },
});
const virtualService = (name: string, namespace: string, weight: number) => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'VirtualService',
  metadata: { name, namespace },
  spec: {
    hosts: [name],
    http: [
      {
        route: [
          { destination: { host: name, subset: 'v1' }, weight },
          { destination: { host: name, subset: 'v2' }, weight: 100 - weight },
        ],
      },
    ],
  },
});

function put(value: {
  readonly kind: string;
  readonly metadata: { readonly namespace: string; readonly name: string };
}): void {
  store.apply([putOf(`${value.kind}/${value.metadata.namespace}/${value.metadata.name}`, [value])]);
}

for (const { i, name, namespace } of names) {
  put(service(i, name, namespace));
  for (const version of [1, 2]) put(pod(i, name, namespace, version, true));
  put(destinationRule(name, namespace, 100));
  put(virtualService(name, namespace, 50));
}

const nodes = Array.from({ length: proxyCount }, (_, i) => names[i % serviceCount]).map(
  (of) => `sidecar~~${of?.name}-1.${of?.namespace}~${of?.namespace}.svc.cluster.local`,
);

let compiled: Compiled | undefined;
function compileForAll(): void {
  compiled = compile(store.resources(), {}, compiled);
  for (const id of nodes) {
    const view = compiled.forProxy({ id });
    view?.listeners();
    view?.clusters();
    view?.routes();
    view?.endpoints();
  }
}

function measure(what: string, run: () => void): void {
  const before = process.cpuUsage();
  const startMs = performance.now();
  run();
  const wallMs = performance.now() - startMs;
  const { user, system } = process.cpuUsage(before);
  console.log(
    `${what.padEnd(28)} ${wallMs.toFixed(1).padStart(8)} ms wall ${((user + system) / 1000).toFixed(1).padStart(8)} ms CPU`,
  );
}

console.log(`${serviceCount} services of two endpoints, ${proxyCount} proxies`);
measure('cold', compileForAll);
for (let round = 1; round <= ROUNDS; round++) {
  const { i, name, namespace } = names[round] ?? names[0]!;
  put(virtualService(name, namespace, 50 + round));
  measure('one VirtualService changed', compileForAll);
  put(pod(i, name, namespace, 1, false));
  measure('one endpoint gone', compileForAll);
  put(destinationRule(name, namespace, 100 + round));
  measure('one DestinationRule changed', compileForAll);
}
