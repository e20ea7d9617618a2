import { compareAge, type Service } from '../../mesh/service.ts';
import { discovered } from './discovered.ts';
import { experimentalBackend, experimentalServices } from './gateway-api/experimental-backends.ts';
import { kubernetesService } from './kubernetes-services.ts';
import { serviceEntry } from './service-entries.ts';
import { hostKey, joinedService, sharersOf } from './shared-hosts.ts';
import { visibleIn } from './visibility.ts';
import { keyOf, listOf, objectKey, partsOf, type Read, step } from './world.ts';

// Everything that can be called, from Kubernetes Services and ServiceEntries.

/** Key of a service: its registry, its object, and its hostname (a ServiceEntry may have several). */
export function serviceKey(service: Service): string {
  return keyOf(service.registry, service.namespace, service.name, service.hostname);
}

/** All services, those of Kubernetes first, each kind by namespace and name. */
export const services = step('services', (read): readonly Service[] => [
  ...discovered(read, listOf(read, '/Service'))
    .map((resource) => read.of(kubernetesService, objectKey(resource)).value)
    .filter((service) => service !== undefined),
  ...discovered(read, listOf(read, 'networking.istio.io/ServiceEntry'))
    .flatMap((resource) => read.of(serviceEntry, objectKey(resource)).value ?? [])
    .map((service) => joined(read, service))
    .filter((service) => service !== undefined),
  ...read.of(experimentalServices, ''),
]);

/** The service as it is beside other entries of its host; undefined where an older one stands for it. */
function joined(read: Read, service: Service): Service | undefined {
  if (read.of(sharersOf, hostKey(service)).length === 0) return service;
  return read.of(joinedService, keyOf(service.namespace, service.name, service.hostname));
}

/** One service by its key. */
export const serviceByKey = step('service', (read, key): Service | undefined => {
  const [registry, namespace = '', name = '', hostname = ''] = partsOf(key);
  if (registry === 'kubernetes') return read.of(kubernetesService, keyOf(namespace, name)).value;
  if (registry === 'backend') return read.of(experimentalBackend, keyOf(namespace, name))?.service;
  return read.of(joinedService, keyOf(namespace, name, hostname));
});

/** The services of one view, and by hostname. */
export interface ServiceIndex {
  /** Those that can be called by a name. */
  readonly list: readonly Service[];
  /** The others. */
  readonly ledTo: readonly Service[];
  readonly byHost: ReadonlyMap<string, Service>;
}

/** What clients in a namespace see. Of several services of one name they see their own namespace's, else Kubernetes', else the oldest. */
export const visibleServices = step(
  'services seen in a namespace',
  (read, namespace): ServiceIndex =>
    indexed(
      read
        .of(services, '')
        .filter((service) => visibleIn(service.exportTo, namespace))
        .sort(
          (a, b) =>
            Number(a.registry === 'entry') - Number(b.registry === 'entry') || compareAge(a.age, b.age),
        ),
      namespace,
    ),
);

/** An index with one service for each name, in order of hostname. */
export function indexed(visible: readonly Service[], namespace: string): ServiceIndex {
  const byHost = new Map<string, Service>();
  for (const service of visible) {
    const other = byHost.get(service.hostname);
    if (other === undefined || prefers(service, other, namespace)) byHost.set(service.hostname, service);
  }
  const all = [...byHost.values()].sort((a, b) => (a.hostname < b.hostname ? -1 : 1));
  const ledTo = all.filter((service) => service.ledTo === true);
  const list = ledTo.length === 0 ? all : all.filter((service) => service.ledTo !== true);
  return { list, ledTo, byHost };
}

function prefers(service: Service, other: Service, namespace: string): boolean {
  if (other.namespace === namespace || other.registry === 'kubernetes') return false;
  return service.namespace === namespace;
}
