import { deepEqual } from '../../lib/deep-equal.ts';
import type { Endpoint } from '../../mesh/endpoint.ts';
import { compareAge, type ListedEndpoint, type Service, type ServicePort } from '../../mesh/service.ts';
import { discovered } from './discovered.ts';
import type { Finding } from './finding.ts';
import { serviceEntry } from './service-entries.ts';
import { keyOf, listOf, objectKey, objectOf, partsOf, step } from './world.ts';

// Several ServiceEntries of one namespace may name one host. As in Istio they are one service then: the oldest says
// what it is, the others add their ports where they agree about everything else, and all add their endpoints, by the
// names of their ports.

const KIND = 'networking.istio.io/ServiceEntry';

/** Key of a host in a namespace. */
export function hostKey({ namespace, hostname }: Pick<Service, 'namespace' | 'hostname'>): string {
  return keyOf(namespace, hostname);
}

/** Hosts that several entries of a namespace name, by {@link hostKey}: the service of each, the oldest first. */
const sharedHosts = step('hosts of several entries', (read): ReadonlyMap<string, readonly Service[]> => {
  const byHost = new Map<string, Service[]>();
  for (const resource of discovered(read, listOf(read, KIND)))
    for (const service of read.of(serviceEntry, objectKey(resource)).value ?? []) {
      const known = byHost.get(hostKey(service));
      if (known === undefined) byHost.set(hostKey(service), [service]);
      else known.push(service);
    }
  for (const [key, services] of byHost)
    if (services.length === 1) byHost.delete(key);
    else services.sort((a, b) => compareAge(a.age, b.age));
  return byHost;
});

/** The services of all entries that share a host, by {@link hostKey}, the oldest first; empty where at most one names it. */
export const sharersOf = step('entries of a host', (read, key): readonly Service[] => {
  return read.of(sharedHosts, '').get(key) ?? [];
});

/** What one entry means once its host is shared, by `NAMESPACE, NAME, HOST`: undefined where an older one stands for it. */
export const joinedService = step('joined service', (read, key): Service | undefined => {
  const [namespace = '', name = '', hostname = ''] = partsOf(key);
  const sharers = read.of(sharersOf, keyOf(namespace, hostname));
  const own = sharers.find((service) => service.name === name);
  if (own === undefined)
    return read
      .of(serviceEntry, keyOf(namespace, name))
      .value?.find((service) => service.hostname === hostname);
  const [oldest = own, ...younger] = sharers;
  const joining = younger.filter((other) => disagreement(oldest, other) === undefined);
  if (own !== oldest) return joining.includes(own) ? undefined : own;
  if (joining.length === 0) return own;
  const all = [own, ...joining];
  return { ...own, ports: portsOf(all), endpoints: all.flatMap(listedOf) };
});

/** Endpoints with all ports written out: those of their own entry. */
function listedOf({ endpoints, ports }: Service): readonly ListedEndpoint[] {
  const own = ports.flatMap(({ name, targetPort }) =>
    typeof targetPort === 'number' ? [[name, targetPort] as const] : [],
  );
  return endpoints.map((endpoint) => ({
    ...endpoint,
    ports: { ...Object.fromEntries(own), ...endpoint.ports },
  }));
}

/** Why a younger entry adds no ports to an older one of its host. */
function disagreement(older: Service, younger: Service): string | undefined {
  if (older.resolution !== younger.resolution) return 'resolution';
  if (!deepEqual(older.selector, younger.selector)) return 'workloadSelector';
  if (!deepEqual(older.exportTo, younger.exportTo)) return 'exportTo';
  return deepEqual(older.entryLabels ?? {}, younger.entryLabels ?? {}) ? undefined : 'metadata.labels';
}

/** Each number once: the older entry says what it is. */
function portsOf(services: readonly Service[]): readonly ServicePort[] {
  const byNumber = new Map<number, ServicePort>();
  for (const port of services.flatMap(({ ports }) => ports))
    if (!byNumber.has(port.number)) byNumber.set(port.number, port);
  return [...byNumber.values()];
}

/** One entry's endpoints, and whose ports they have. */
export interface Share {
  readonly ports: readonly ServicePort[];
  readonly endpoints: readonly Endpoint[];
}

/**
 * The endpoints of all entries of a host, for the ports of the service that they are: an endpoint serves a port where
 * its own entry has one of that name. Of names to be resolved in turn each port has one only, the oldest entry's.
 */
export function sharedEndpoints(service: Service, shares: readonly Share[]): readonly Endpoint[] {
  const byAddress = new Map<string, Endpoint>();
  const taken = new Set<number>();
  for (const { ports, endpoints } of shares) {
    const open =
      service.resolution === 'dns-round-robin' ? ports.filter(({ number }) => !taken.has(number)) : ports;
    for (const endpoint of endpoints) addTo(byAddress, withPortsOf(service, endpoint, open));
    for (const { number } of ports) taken.add(number);
  }
  return [...byAddress.values()];
}

function withPortsOf(service: Service, endpoint: Endpoint, own: readonly ServicePort[]): Endpoint {
  const ports = new Map<number, number>();
  for (const { name, number } of service.ports) {
    const port = own.find((other) => other.name === name);
    const at = port === undefined ? undefined : endpoint.ports.get(port.number);
    if (at !== undefined) ports.set(number, at);
  }
  return { ...endpoint, ports };
}

/** Two entries that list one address are one endpoint, unless they say different things of it. */
function addTo(byAddress: Map<string, Endpoint>, endpoint: Endpoint): void {
  if (endpoint.ports.size === 0) return;
  const { ports: _, ...rest } = endpoint;
  const other = byAddress.get(endpoint.address);
  if (other === undefined) {
    byAddress.set(endpoint.address, endpoint);
    return;
  }
  const { ports: known, ...others } = other;
  const agrees =
    deepEqual(rest, others) && [...endpoint.ports].every(([n, at]) => (known.get(n) ?? at) === at);
  if (agrees) byAddress.set(endpoint.address, { ...other, ports: new Map([...known, ...endpoint.ports]) });
  else byAddress.set(JSON.stringify([endpoint.address, byAddress.size]), endpoint);
}

/** What a younger entry says that does not count, by its namespace and name. */
export const sharedHostFindings = step('findings of shared hosts', (read, key): readonly Finding[] => {
  const [namespace = '', name = ''] = partsOf(key);
  const hosts = objectOf(read, KIND, namespace, name)?.object.spec.hosts ?? [];
  return hosts.flatMap((written, i): Finding[] => {
    const sharers = read.of(sharersOf, keyOf(namespace, written.toLowerCase()));
    const [oldest] = sharers;
    const own = sharers.find((service) => service.name === name);
    if (oldest === undefined || own === undefined || own === oldest) return [];
    const why = disagreement(oldest, own);
    const extra = own.ports.filter(({ number }) => !oldest.ports.some((port) => port.number === number));
    if (why === undefined || extra.length === 0) return [];
    const message = `ServiceEntry ${oldest.name} is older and has this host with another ${why}: port ${extra.map(({ number }) => number).join(', ')} of this one ${extra.length === 1 ? 'does' : 'do'} not count`;
    return [{ origin: own.origin, field: `spec.hosts[${i}]`, message }];
  });
});
