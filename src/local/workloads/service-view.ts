import type { ServicePortRule } from '../network/services.ts';
import type { NamedPort, ServiceObject, ServicePort } from '../resources/objects.ts';

// What Services come to: their objects with addresses filled in, where their cluster IPs lead, their names. Pure but
// for the addresses, which are handed in.

/** A pod as Services see it. */
export interface Backend {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly address: string;
  readonly ready: boolean;
  readonly ports: readonly NamedPort[];
  /** Names outside of the cluster that lead to the pod, with their addresses. */
  readonly names: ReadonlyMap<string, string>;
}

/** The Service has an address of its own. */
export function hasClusterIp({ spec }: ServiceObject): boolean {
  return spec.type !== 'ExternalName' && spec.clusterIp !== 'None';
}

/** The object as written, with its cluster IP. */
export function serviceObject(
  service: ServiceObject,
  clusterIp: string | undefined,
): Readonly<Record<string, unknown>> {
  const { written, metadata } = service;
  const named = { ...(written['metadata'] as object), namespace: metadata.namespace };
  if (clusterIp === undefined) return { ...written, metadata: named };
  const spec = { ...(written['spec'] as object), clusterIP: clusterIp, clusterIPs: [clusterIp] };
  return { ...written, metadata: named, spec };
}

/** Rules that lead a Service's cluster IP to its ready pods. */
export function rulesOf(
  service: ServiceObject,
  clusterIp: string,
  backends: readonly Backend[],
): ServicePortRule[] {
  const ready = backends.filter((backend) => backend.ready && selects(service, backend));
  return service.spec.ports.map((port) => ({
    clusterIp,
    port: port.port,
    protocol: port.protocol === 'UDP' ? 'udp' : 'tcp',
    targets: ready.flatMap((backend) => {
      const number = targetPort(port, backend.ports);
      return number === undefined ? [] : [{ address: backend.address, port: number }];
    }),
  }));
}

/** Addresses behind the Service's name. */
export function addressesOf(
  service: ServiceObject,
  clusterIp: string | undefined,
  backends: readonly Backend[],
): readonly string[] {
  if (clusterIp !== undefined) return [clusterIp];
  return backends
    .filter((backend) => backend.ready && selects(service, backend))
    .map((backend) => backend.address);
}

/** The Service's name in DNS. */
export function hostnameOf({ metadata }: ServiceObject): string {
  return `${metadata.name}.${metadata.namespace}.svc.cluster.local`;
}

/** Whether a pod stands behind a Service. A Service without selector has its endpoints from elsewhere. */
export function selects(
  { metadata, spec }: ServiceObject,
  backend: Pick<Backend, 'namespace' | 'labels'>,
): boolean {
  const wanted = Object.entries(spec.selector);
  return (
    wanted.length > 0 &&
    backend.namespace === metadata.namespace &&
    wanted.every(([name, value]) => backend.labels[name] === value)
  );
}

/** The number of the port of a pod; undefined where the pod has none of that name. */
export function targetPort(port: ServicePort, ports: readonly NamedPort[]): number | undefined {
  if (typeof port.targetPort === 'number') return port.targetPort;
  return ports.find(({ name }) => name === port.targetPort)?.number;
}
