import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

// A mesh as files: a folder of what users write, one file for each service, and a folder of what the platform adds, one
// file for each Pod. JSON, which is YAML.

/** How large the mesh is. */
export interface MeshSize {
  readonly services: number;
  /** Every so many services have a DestinationRule with two subsets and a VirtualService that divides between them. */
  readonly ruleEvery: number;
}

/** One service of the mesh. */
export interface BenchService {
  readonly index: number;
  readonly name: string;
  readonly namespace: string;
  readonly host: string;
}

export const SERVICES_PER_NAMESPACE = 20;
export const VERSIONS = [1, 2] as const;
/** The port of every service: all virtual hosts are in one route configuration, the dearest case. */
export const SERVICE_PORT = 80;

/** What changes of a service from round to round. */
interface ServiceState {
  readonly weight: number;
  readonly maxConnections: number;
}

/** The mesh on disk. */
export class MeshFiles {
  readonly written: string;
  readonly platform: string;
  readonly services: readonly BenchService[];
  readonly #ruleEvery: number;
  readonly #states = new Map<number, ServiceState>();

  constructor(folder: string, { services, ruleEvery }: MeshSize) {
    this.written = join(folder, 'mesh');
    this.platform = join(folder, 'platform');
    this.#ruleEvery = ruleEvery;
    this.services = Array.from({ length: services }, (_, index) => serviceAt(index));
    for (const service of this.services) {
      mkdirSync(join(this.written, service.namespace), { recursive: true });
      mkdirSync(join(this.platform, service.namespace), { recursive: true });
      this.#writeService(service);
      for (const version of VERSIONS) this.setReady(service, version, true);
    }
  }

  /** Services that have rules. */
  ruled(): readonly BenchService[] {
    return this.services.filter(({ index }) => index % this.#ruleEvery === 0);
  }

  setWeight(service: BenchService, weight: number): void {
    this.#states.set(service.index, { ...this.#stateOf(service), weight });
    this.#writeService(service);
  }

  setMaxConnections(service: BenchService, maxConnections: number): void {
    this.#states.set(service.index, { ...this.#stateOf(service), maxConnections });
    this.#writeService(service);
  }

  setReady(service: BenchService, version: number, ready: boolean): void {
    const { name, namespace } = service;
    put(join(this.platform, namespace, `${name}-v${version}.json`), [pod(service, version, ready)]);
  }

  /** The namespace's proxies know only their own namespace's services, or all again. */
  setSidecar(namespace: string, present: boolean): void {
    const file = join(this.written, namespace, 'sidecar.json');
    if (present) put(file, [sidecar(namespace)]);
    else rmSync(file);
  }

  #stateOf({ index }: BenchService): ServiceState {
    return this.#states.get(index) ?? { weight: 50, maxConnections: 100 };
  }

  #writeService(service: BenchService): void {
    const state = this.#stateOf(service);
    const rules = service.index % this.#ruleEvery === 0;
    put(join(this.written, service.namespace, `${service.name}.json`), [
      kubernetesService(service),
      ...(rules ? [destinationRule(service, state), virtualService(service, state)] : []),
    ]);
  }
}

/** A file changes as a whole, as when an editor saves it. */
function put(file: string, objects: readonly object[]): void {
  const whole = objects.map((object) => JSON.stringify(object, null, 1)).join('\n---\n');
  writeFileSync(`${file}.new`, whole);
  renameSync(`${file}.new`, file);
}

function serviceAt(index: number): BenchService {
  const name = `svc${index}`;
  const namespace = `ns${Math.floor(index / SERVICES_PER_NAMESPACE)}`;
  return { index, name, namespace, host: `${name}.${namespace}.svc.cluster.local` };
}

function kubernetesService({ index, name, namespace }: BenchService): object {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace },
    spec: {
      clusterIP: `10.96.${index >> 8}.${index & 255}`,
      selector: { app: name },
      ports: [{ name: 'http', port: SERVICE_PORT, targetPort: 8080 }],
    },
  };
}

function pod({ index, name, namespace }: BenchService, version: number, ready: boolean): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `${name}-v${version}`,
      namespace,
      labels: { app: name, version: `v${version}` },
      annotations: { 'weft.dev/data-plane': 'envoy' },
    },
    spec: { serviceAccountName: name, containers: [{ name: 'c', image: 'c' }] },
    status: {
      podIP: addressOf(index, version),
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
    },
  };
}

/** The address of a service's Pod. */
export function addressOf(index: number, version: number): string {
  return `10.${243 + version}.${index >> 8}.${index & 255}`;
}

function destinationRule({ name, namespace }: BenchService, { maxConnections }: ServiceState): object {
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'DestinationRule',
    metadata: { name, namespace },
    spec: {
      host: name,
      trafficPolicy: { connectionPool: { tcp: { maxConnections } } },
      subsets: VERSIONS.map((version) => ({ name: `v${version}`, labels: { version: `v${version}` } })),
    },
  };
}

function virtualService({ name, namespace }: BenchService, { weight }: ServiceState): object {
  return {
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
  };
}

function sidecar(namespace: string): object {
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'Sidecar',
    metadata: { name: 'default', namespace },
    spec: { egress: [{ hosts: ['./*'] }] },
  };
}
