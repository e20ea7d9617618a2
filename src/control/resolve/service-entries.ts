import type { ServiceEntry } from '../../api/istio/service-entry.ts';
import type { Workload as WorkloadSpec } from '../../api/istio/shared/workload.ts';
import type { Resource } from '../../api/resources.ts';
import { defined } from '../../lib/defined.ts';
import { type Protocol, protocolNamed, protocolOfPort } from '../../mesh/protocol.ts';
import type { ListedEndpoint, Resolution, Service, ServicePort } from '../../mesh/service.ts';
import { autoAddresses, mayAllocate } from './auto-addresses.ts';
import type { Resolved } from './finding.ts';
import { meshSettings } from './mesh-settings.ts';
import { exportedTo } from './visibility.ts';
import { ageOf, keyOf, objectOf, originOf, partsOf, type Read, step } from './world.ts';

const KIND = 'networking.istio.io/ServiceEntry';

/** The services of one ServiceEntry, one for each of its hosts. */
export const serviceEntry = step('service entry', (read, key): Resolved<readonly Service[]> => {
  const [namespace = '', name = ''] = partsOf(key);
  const resource = objectOf(read, KIND, namespace, name);
  if (resource === undefined) return { value: undefined, findings: [] };
  const value = (resource.object.spec.hosts ?? []).map((host) => serviceOf(read, resource, host));
  return { value, findings: [] };
});

const RESOLUTIONS: Readonly<Record<string, Resolution>> = {
  NONE: 'passthrough',
  STATIC: 'endpoints',
  DNS: 'dns',
  DNS_ROUND_ROBIN: 'dns-round-robin',
  DYNAMIC_DNS: 'dynamic-dns',
};

function serviceOf(read: Read, resource: Resource<ServiceEntry>, written: string): Service {
  const hostname = written.toLowerCase();
  const { spec } = resource.object;
  const { namespace, name } = resource.key;
  const settings = read.of(meshSettings, '');
  const resolution = RESOLUTIONS[spec.resolution ?? 'NONE'] ?? 'passthrough';
  const addresses = spec.addresses ?? [];
  const own =
    addresses.length > 0 || !mayAllocate(resource, written) ? undefined : read.of(autoAddresses, '');
  const address = own?.get(keyOf(namespace, name, written));
  return {
    hostname,
    namespace,
    name,
    registry: 'entry',
    addresses: address === undefined ? addresses : [address],
    ports: (spec.ports ?? []).map(portOf),
    resolution,
    external: spec.location !== 'MESH_INTERNAL',
    exportTo: exportedTo(spec.exportTo, namespace, settings.serviceExportTo),
    endpoints: (spec.endpoints ?? []).map(listedEndpoint),
    subjectAltNames: spec.subjectAltNames ?? [],
    notReadyToo: false,
    age: ageOf(resource),
    origin: originOf(resource),
    ...defined({
      selector: spec.workloadSelector?.labels,
      ownAddress: address === undefined ? undefined : true,
      entryLabels: resource.object.metadata.labels,
    }),
  };
}

type PortSpec = NonNullable<ServiceEntry['spec']['ports']>[number];

function portOf(port: PortSpec): ServicePort {
  const number = port.number ?? 0;
  return {
    name: port.name ?? '',
    number,
    protocol: protocolOf(port, number),
    targetPort: port.targetPort === undefined || port.targetPort === 0 ? number : port.targetPort,
  };
}

function protocolOf(port: PortSpec, number: number): Protocol {
  // Unlike a Service's, its name says nothing (Istio).
  return protocolNamed(port.protocol ?? '') ?? protocolOfPort({ number });
}

/** An endpoint as written; ports that it does not name are the service's target ports. */
export function listedEndpoint(spec: WorkloadSpec): ListedEndpoint {
  return {
    address: spec.address ?? '',
    ports: spec.ports ?? {},
    labels: spec.labels ?? {},
    locality: spec.locality ?? spec.labels?.['istio-locality']?.replaceAll('.', '/') ?? '',
    network: spec.network ?? '',
    weight: spec.weight ?? 0,
    serviceAccount: spec.serviceAccount ?? '',
  };
}
