import type { ServicePort as PortSpec, Service as ServiceObject } from '../../api/kubernetes/service.ts';
import type { Resource } from '../../api/resources.ts';
import { defined } from '../../lib/defined.ts';
import { kubernetesHost } from '../../mesh/hostname.ts';
import { protocolOfPort } from '../../mesh/protocol.ts';
import type { Resolution, Service, ServicePort } from '../../mesh/service.ts';
import { autoAddresses } from './auto-addresses.ts';
import type { Resolved } from './finding.ts';
import { meshSettings } from './mesh-settings.ts';
import { exportedTo } from './visibility.ts';
import { ageOf, keyOf, objectOf, originOf, partsOf, type Read, step } from './world.ts';

const KIND = '/Service';

/** The service of one Kubernetes Service, by namespace and name. */
export const kubernetesService = step('kubernetes service', (read, key): Resolved<Service> => {
  const [namespace = '', name = ''] = partsOf(key);
  const resource = objectOf(read, KIND, namespace, name);
  if (resource === undefined) return { value: undefined, findings: [] };
  return { value: serviceOf(read, resource), findings: [] };
});

function serviceOf(read: Read, resource: Resource<ServiceObject>): Service {
  const { spec = {}, metadata } = resource.object;
  const { namespace, name } = resource.key;
  const settings = read.of(meshSettings, '');
  return {
    hostname: kubernetesHost(name, namespace, settings.clusterDomain),
    namespace,
    name,
    registry: 'kubernetes',
    addresses: addressesOf(read, resource),
    ports: (spec.ports ?? []).map(portOf),
    resolution: resolutionOf(spec),
    external: false,
    exportTo: exportAnnotation(
      metadata.annotations?.['networking.istio.io/exportTo'],
      namespace,
      settings.serviceExportTo,
    ),
    endpoints: [],
    subjectAltNames: accountsAnnotation(
      metadata.annotations?.['alpha.istio.io/kubernetes-serviceaccounts'],
      namespace,
      settings.trustDomain,
    ),
    notReadyToo: spec.publishNotReadyAddresses === true,
    age: ageOf(resource),
    origin: originOf(resource),
    ...defined({
      externalName: spec.type === 'ExternalName' ? spec.externalName : undefined,
      selector: Object.keys(spec.selector ?? {}).length === 0 ? undefined : spec.selector,
      nodeLocal: spec.internalTrafficPolicy === 'Local' || undefined,
      trafficDistribution:
        metadata.annotations?.['networking.istio.io/traffic-distribution'] ?? spec.trafficDistribution,
    }),
  };
}

type Spec = NonNullable<ServiceObject['spec']>;

function resolutionOf(spec: Spec): Resolution {
  if (spec.type === 'ExternalName') return 'alias';
  return spec.clusterIP === 'None' ? 'headless' : 'endpoints';
}

function addressesOf(read: Read, resource: Resource<ServiceObject>): readonly string[] {
  const { clusterIP = '', clusterIPs = [], externalIPs = [], type } = resource.object.spec ?? {};
  if (clusterIP === 'None' || type === 'ExternalName') return [];
  const written = [...new Set([clusterIP, ...clusterIPs].filter((ip) => ip !== ''))];
  if (written.length > 0) return [...written, ...externalIPs];
  const { namespace, name } = resource.key;
  const own = read.of(autoAddresses, '').get(keyOf(namespace, name));
  return own === undefined ? externalIPs : [own, ...externalIPs];
}

function portOf(port: PortSpec): ServicePort {
  const { name = '', port: number, targetPort = number } = port;
  const protocol = protocolOfPort({ name, number, appProtocol: port.appProtocol, transport: port.protocol });
  return { name, number, protocol, targetPort };
}

function exportAnnotation(
  text: string | undefined,
  namespace: string,
  standard: readonly string[],
): readonly string[] {
  const list = text?.split(',').map((entry) => entry.trim());
  return exportedTo(list, namespace, standard);
}

/** Istio's annotation for identities beside those of the Pods: names of service accounts of the Service's namespace. */
function accountsAnnotation(
  text: string | undefined,
  namespace: string,
  trustDomain: string,
): readonly string[] {
  const names = text?.split(',').map((name) => name.trim()) ?? [];
  return names
    .filter((name) => name !== '')
    .map((name) => `spiffe://${trustDomain}/ns/${namespace}/sa/${name}`);
}
