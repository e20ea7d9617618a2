import type { Service } from '../../mesh/service.ts';
import { matchesLabels, type Workload } from '../../mesh/workload.ts';
import { endpoints } from './endpoints.ts';
import { serviceKey, services } from './services.ts';
import { workloads } from './workloads.ts';
import { step } from './world.ts';

/** For the status page: one thing that runs. */
export interface WorkloadSummary {
  readonly namespace: string;
  /** Name of the Pod or WorkloadEntry. */
  readonly name: string;
  /** Name of what it belongs to: the Deployment. */
  readonly workload: string;
  readonly serviceAccount: string;
  readonly ip: string;
  readonly ready: boolean;
  /** `none`: it has no proxy. */
  readonly dataPlane: 'weft' | 'envoy' | 'none';
  readonly gateway: boolean;
  /** Hostnames of the services it answers for. */
  readonly services: readonly string[];
}

/** For the status page: one thing that can be called. */
export interface ServiceSummary {
  readonly namespace: string;
  readonly name: string;
  readonly hostname: string;
  readonly clusterIps: readonly string[];
  readonly ports: readonly { readonly name: string; readonly number: number; readonly protocol: string }[];
  /** Ready endpoints over all that are known. */
  readonly readyEndpoints: number;
  readonly endpoints: number;
}

/** All workloads, by namespace and name. */
export const workloadSummaries = step('workload summaries', (read): readonly WorkloadSummary[] => {
  const byNamespace = new Map<string, Service[]>();
  for (const service of read.of(services, ''))
    if (service.selector !== undefined)
      byNamespace.set(service.namespace, [...(byNamespace.get(service.namespace) ?? []), service]);
  return read
    .of(workloads, '')
    .map((workload) => summaryOf(workload, byNamespace.get(workload.namespace) ?? []));
});

function summaryOf(workload: Workload, candidates: readonly Service[]): WorkloadSummary {
  const { namespace, name, owner, serviceAccount, ips, ready, dataPlane, gateway, labels } = workload;
  const selecting = candidates.filter(({ selector = {} }) => matchesLabels(selector, labels));
  return {
    namespace,
    name,
    workload: owner,
    serviceAccount,
    ip: ips[0] ?? '',
    ready,
    dataPlane,
    gateway,
    services: selecting.map(({ hostname }) => hostname),
  };
}

/** All services, those of Kubernetes first. */
export const serviceSummaries = step('service summaries', (read): readonly ServiceSummary[] =>
  read.of(services, '').map((service) => {
    const all = read.of(endpoints, serviceKey(service));
    return {
      namespace: service.namespace,
      name: service.name,
      hostname: service.hostname,
      clusterIps: service.addresses,
      ports: service.ports.map(({ name, number, protocol }) => ({ name, number, protocol })),
      readyEndpoints: all.filter(({ ready }) => ready).length,
      endpoints: all.length,
    };
  }),
);
