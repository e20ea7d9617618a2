import type { Protocol } from '../../mesh/protocol.ts';
import type { MeshProxy } from '../../mesh/proxy.ts';
import { compareAge, type Service, type ServicePort } from '../../mesh/service.ts';
import type { ConnectionPool } from '../../mesh/traffic-policy.ts';
import { matchesLabels } from '../../mesh/workload.ts';
import { workloadPort } from './endpoints.ts';
import { proxy } from './proxies.ts';
import { services } from './services.ts';
import { type IngressListener, sidecarIngress } from './sidecar-ingress.ts';
import { sidecarOf, sidecarOfKey } from './sidecars.ts';
import { step } from './world.ts';

/** A port of a workload by which services call it. */
export interface InboundPort {
  /** The workload's own port. */
  readonly number: number;
  readonly protocol: Protocol;
  /** The oldest service that calls it here, and its port; it decides the protocol. */
  readonly service: Service;
  readonly servicePort: ServicePort;
  /** All services that call it. */
  readonly services: readonly Service[];
  /** Their ports. */
  readonly servicePorts: readonly number[];
  /** What a Sidecar says about the port. */
  readonly ingress?: IngressListener;
  /** Limits of connections to the application. */
  readonly pool?: ConnectionPool;
}

/** Services of one namespace that select workloads or list endpoints. */
const servicesOfNamespace = step('services of a namespace', (read, namespace): readonly Service[] =>
  read
    .of(services, '')
    .filter((service) => service.namespace === namespace && service.resolution !== 'alias')
    .sort((a, b) => compareAge(a.age, b.age)),
);

/** Services that have an endpoint of this address in a list, whatever their namespace. */
const listingServices = step('services that list an address', (read, ip): readonly Service[] =>
  read.of(services, '').filter((service) => service.endpoints.some(({ address }) => address === ip)),
);

/** Ports that a proxy opens for its workload, by number: those of its Sidecar, else those that services call; by the proxy's key. */
export const inboundPorts = step('inbound ports', (read, key): readonly InboundPort[] => {
  const served = read.of(servedPorts, key);
  const who = read.of(proxy, key);
  if (who.type !== 'sidecar') return served;
  const sidecar = read.of(sidecarOf, sidecarOfKey(who.namespace, who.labels));
  if (sidecar === undefined) return served;
  const { listeners, pool } = read.of(sidecarIngress, `${sidecar.namespace}/${sidecar.name}`);
  if (listeners.length === 0) return pool === undefined ? served : served.map((port) => ({ ...port, pool }));
  return listeners.map((ingress) => openedPort(ingress, served, sidecar)).sort((a, b) => a.number - b.number);
});

/** A port of a Sidecar; where no service calls it, the Sidecar itself stands for one. */
function openedPort(
  ingress: IngressListener,
  served: readonly InboundPort[],
  sidecar: { readonly namespace: string; readonly name: string },
): InboundPort {
  const { number, protocol, pool } = ingress;
  const known = served.find((port) => port.number === number);
  const own = { number, protocol, ingress, ...(pool === undefined ? {} : { pool }) };
  if (known !== undefined) return { ...known, ...own };
  const servicePort = { name: ingress.name, number, protocol, targetPort: number };
  const service = serviceOfSidecar(sidecar, servicePort);
  return { ...own, service, servicePort, services: [service], servicePorts: [] };
}

function serviceOfSidecar(
  { namespace, name }: { readonly namespace: string; readonly name: string },
  port: ServicePort,
): Service {
  return {
    hostname: `${name}.${namespace}`,
    namespace,
    name,
    registry: 'entry',
    addresses: [],
    ports: [port],
    resolution: 'endpoints',
    external: false,
    exportTo: ['~'],
    endpoints: [],
    subjectAltNames: [],
    notReadyToo: false,
    age: { created: '', name: `${name}.${namespace}` },
    origin: { group: 'networking.istio.io', kind: 'Sidecar', namespace, name, field: 'spec.ingress' },
  };
}

const servedPorts = step('served ports', (read, key): readonly InboundPort[] => {
  const who = read.of(proxy, key);
  const selecting = read.of(servicesOfNamespace, who.namespace).filter((service) => selects(service, who));
  const listing = who.ips.flatMap((ip) => read.of(listingServices, ip));
  const byNumber = new Map<number, InboundPort>();
  for (const service of [...selecting, ...listing])
    for (const servicePort of service.ports) {
      const number = ownPort(service, servicePort, who);
      if (number === undefined || servicePort.protocol === 'udp') continue;
      const other = byNumber.get(number);
      byNumber.set(
        number,
        other === undefined
          ? {
              number,
              protocol: servicePort.protocol,
              service,
              servicePort,
              services: [service],
              servicePorts: [servicePort.number],
            }
          : {
              ...other,
              services: [...new Set([...other.services, service])],
              servicePorts: [...new Set([...other.servicePorts, servicePort.number])],
            },
      );
    }
  return [...byNumber.values()].sort((a, b) => a.number - b.number);
});

function selects(service: Service, who: MeshProxy): boolean {
  return service.selector !== undefined && matchesLabels(service.selector, who.labels);
}

/** The port as the workload has it. On a shared host that is the one its application was given. */
function ownPort(service: Service, port: ServicePort, who: MeshProxy): number | undefined {
  const listed = service.endpoints.find(({ address }) => who.ips.includes(address))?.ports[port.name];
  if (listed !== undefined) return listed;
  if (who.workload !== undefined) return workloadPort(port, who.workload);
  return typeof port.targetPort === 'number' ? port.targetPort : port.number;
}
