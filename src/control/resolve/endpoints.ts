import type { EndpointSlice } from '../../api/kubernetes/endpoints.ts';
import { defined } from '../../lib/defined.ts';
import type { Endpoint } from '../../mesh/endpoint.ts';
import { isWildcard } from '../../mesh/hostname.ts';
import type { ListedEndpoint, Service, ServicePort } from '../../mesh/service.ts';
import type { Workload } from '../../mesh/workload.ts';
import { unenforcedAt } from './authorization/unenforced.ts';
import { networkOf } from './networks.ts';
import { serviceByKey } from './services.ts';
import { hostKey, sharedEndpoints, sharersOf } from './shared-hosts.ts';
import { selectedWorkloads, selectionKey, workloadsAt } from './workloads.ts';
import { keyOf, listOf, partsOf, type Read, step } from './world.ts';

// Where calls to a service can be sent. For a Service with a selector: the workloads that it selects. Its
// EndpointSlices count where it has no selector, and for addresses of Pods that are not known.

/** All endpoints of a service by its key (services.ts), ready or not, in order of address. */
export const endpoints = step('endpoints', (read, key): readonly Endpoint[] => {
  const service = read.of(serviceByKey, key);
  if (service === undefined) return [];
  return allEndpoints(read, service)
    .map((endpoint) => inNetwork(read, endpoint))
    .sort((a, b) => compareText(a.address, b.address) || compareText(portText(a), portText(b)));
});

/** The service's own endpoints, and those of other entries of its host that are resolved as it is. */
function allEndpoints(read: Read, service: Service): readonly Endpoint[] {
  const sharers = service.registry === 'entry' ? read.of(sharersOf, hostKey(service)) : [];
  if (sharers.length === 0) return ownEndpoints(read, service);
  const shares = sharers
    .filter(({ resolution }) => resolution === service.resolution)
    .map((sharer) => ({ ports: sharer.ports, endpoints: ownEndpoints(read, sharer) }));
  return sharedEndpoints(service, shares);
}

function ownEndpoints(read: Read, service: Service): readonly Endpoint[] {
  const selected =
    service.selector === undefined
      ? []
      : read
          .of(selectedWorkloads, selectionKey(service.namespace, service.selector))
          .filter((workload) => !isClosed(read, workload))
          .flatMap((workload) => workloadEndpoints(service, workload));
  const listed = listedEndpoints(service)
    .filter(({ address }) => !isClosed(read, read.of(workloadsAt, address)[0]))
    .map((endpoint) => listedEndpoint(read, service, endpoint));
  const sliced = service.registry === 'kubernetes' ? slicedEndpoints(read, service, selected) : [];
  return [...selected, ...listed, ...sliced];
}

/** Nothing is sent to a workload whose policies nobody can enforce. */
function isClosed(read: Read, workload: Workload | undefined): boolean {
  return workload !== undefined && unenforcedAt(read, workload).length > 0;
}

function inNetwork(read: Read, endpoint: Endpoint): Endpoint {
  const network = networkOf(read, endpoint.address, endpoint.network);
  return network === endpoint.network ? endpoint : { ...endpoint, network };
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function portText(endpoint: Endpoint): string {
  return [...endpoint.ports].join(';');
}

/** A workload at each of its addresses. On a shared host it is called at its proxy's port, or, without one, at its own. */
function workloadEndpoints(service: Service, workload: Workload): Endpoint[] {
  const mtls = workload.dataPlane !== 'none' && !workload.gateway;
  const ports = new Map<number, number>();
  for (const port of service.ports) {
    const number = workloadPort(port, workload);
    if (number !== undefined) ports.set(port.number, calledPort(number, workload, mtls));
  }
  return workload.ips.slice(0, 1).map((address) => ({
    address,
    ports,
    labels: workload.labels,
    locality: workload.locality,
    network: workload.network,
    node: workload.node,
    weight: workload.weight,
    ready: workload.ready || service.notReadyToo,
    mtls,
    namespace: workload.namespace,
    serviceAccount: workload.serviceAccount,
    workload: workload.owner,
    canonicalName: workload.canonicalName,
    canonicalRevision: workload.canonicalRevision,
    hostname: workload.subdomain === service.name ? workload.hostname || workload.name : '',
  }));
}

function calledPort(number: number, { explicit }: Workload, mtls: boolean): number {
  if (explicit === undefined) return number;
  return (mtls ? explicit.inboundPort : undefined) ?? explicit.ports.get(number) ?? number;
}

/** The workload's own port behind a port of the service; undefined where the name means nothing there. */
export function workloadPort(port: ServicePort, workload: Workload): number | undefined {
  if (workload.kind === 'entry') {
    const named = workload.namedPorts[port.name];
    if (named !== undefined) return named;
  }
  return typeof port.targetPort === 'number' ? port.targetPort : workload.namedPorts[port.targetPort];
}

/** Endpoints as written; a name that is to be resolved is its own endpoint where none is. */
function listedEndpoints(service: Service): readonly ListedEndpoint[] {
  const resolved = service.resolution === 'dns' || service.resolution === 'dns-round-robin';
  if (
    !resolved ||
    service.endpoints.length > 0 ||
    service.selector !== undefined ||
    isWildcard(service.hostname)
  )
    return service.endpoints;
  return [{ address: '', ports: {}, labels: {}, locality: '', network: '', weight: 0, serviceAccount: '' }];
}

/** An endpoint written into a ServiceEntry; where it is the address of a Pod, it is that Pod. */
function listedEndpoint(read: Read, service: Service, listed: ListedEndpoint): Endpoint {
  const address = listed.address === '' ? service.hostname : listed.address;
  const ports = service.ports.map(
    (port) => [port.number, listed.ports[port.name] ?? numericTarget(port)] as const,
  );
  const [pod] = read.of(workloadsAt, address);
  return {
    address,
    ports: new Map(ports),
    labels: listed.labels,
    locality: listed.locality || (pod?.locality ?? ''),
    network: listed.network,
    node: '',
    weight: listed.weight,
    ready: true,
    mtls:
      listed.labels['security.istio.io/tlsMode'] === 'istio' ||
      (pod !== undefined && pod.dataPlane !== 'none'),
    namespace: service.namespace,
    serviceAccount: listed.serviceAccount || (pod?.serviceAccount ?? ''),
    workload: pod?.owner ?? '',
    canonicalName: pod?.canonicalName ?? '',
    canonicalRevision: pod?.canonicalRevision ?? '',
    hostname: '',
  };
}

function numericTarget(port: ServicePort): number {
  return typeof port.targetPort === 'number' ? port.targetPort : port.number;
}

/** EndpointSlices by the Service that they belong to, `NAMESPACE/NAME`. */
const slicesByService = step(
  'endpoint slices by service',
  (read): ReadonlyMap<string, readonly EndpointSlice[]> => {
    const byService = new Map<string, EndpointSlice[]>();
    for (const { object, key } of listOf(read, 'discovery.k8s.io/EndpointSlice')) {
      const name = object.metadata.labels?.['kubernetes.io/service-name'];
      if (name === undefined || object.addressType === 'FQDN') continue;
      const service = `${key.namespace}/${name}`;
      byService.set(service, [...(byService.get(service) ?? []), object]);
    }
    return byService;
  },
);

const slicesOfService = step('endpoint slices of a service', (read, key): readonly EndpointSlice[] => {
  const [namespace = '', name = ''] = partsOf(key);
  return read.of(slicesByService, '').get(`${namespace}/${name}`) ?? [];
});

function slicedEndpoints(read: Read, service: Service, selected: readonly Endpoint[]): Endpoint[] {
  const known = new Set(selected.map(({ address }) => address));
  const found = new Map<string, Endpoint>();
  for (const slice of read.of(slicesOfService, keyOf(service.namespace, service.name)))
    for (const entry of slice.endpoints)
      for (const address of entry.addresses) {
        if (known.has(address)) continue;
        const [pod] = read.of(workloadsAt, address);
        if (isClosed(read, pod)) continue;
        const ports = new Map([...(found.get(address)?.ports ?? []), ...slicePorts(service, slice)]);
        found.set(address, {
          ...sliceEndpoint(service, address, pod),
          ports,
          ...readyOf(service, entry),
          ...placeOf(entry),
        });
      }
  return [...found.values()];
}

type SliceEntry = EndpointSlice['endpoints'][number];

function slicePorts(service: Service, slice: EndpointSlice): [number, number][] {
  return service.ports.flatMap((port): [number, number][] => {
    const number = (slice.ports ?? []).find(({ name = '' }) => name === port.name)?.port;
    return number === undefined ? [] : [[port.number, number]];
  });
}

function readyOf(service: Service, entry: SliceEntry): Pick<Endpoint, 'ready'> {
  return { ready: service.notReadyToo || entry.conditions?.ready !== false };
}

function placeOf(entry: SliceEntry): Partial<Pick<Endpoint, 'node' | 'hostname'>> {
  return defined({ node: entry.nodeName, hostname: entry.hostname });
}

function sliceEndpoint(service: Service, address: string, pod: Workload | undefined): Endpoint {
  return {
    address,
    ports: new Map(),
    labels: pod?.labels ?? {},
    locality: pod?.locality ?? '',
    network: pod?.network ?? '',
    node: '',
    weight: 0,
    ready: true,
    mtls: pod !== undefined && pod.dataPlane !== 'none' && !pod.gateway,
    namespace: pod?.namespace ?? service.namespace,
    serviceAccount: pod?.serviceAccount ?? '',
    workload: pod?.owner ?? '',
    canonicalName: pod?.canonicalName ?? '',
    canonicalRevision: pod?.canonicalRevision ?? '',
    hostname: '',
  };
}
