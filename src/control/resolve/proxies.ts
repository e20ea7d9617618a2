import type { MeshProxy } from '../../mesh/proxy.ts';
import type { Labels } from '../../mesh/workload.ts';
import { workloadNamed } from './workloads.ts';
import { keyOf, step } from './world.ts';

/** What a proxy says of itself: the parts of its node id, and its labels. */
export interface ProxyClaim {
  readonly type: 'sidecar' | 'router';
  readonly ip: string;
  readonly name: string;
  readonly namespace: string;
  /** Only believed where its Pod is not known. */
  readonly labels: Labels;
}

/** Key of {@link proxy}. */
export function proxyKey(claim: ProxyClaim): string {
  return JSON.stringify([claim.type, claim.ip, claim.name, claim.namespace, claim.labels]);
}

/** A proxy with what is known of the workload beside it. */
export const proxy = step('proxy', (read, key): MeshProxy => {
  const [type, ip, name, namespace, labels] = JSON.parse(key) as [
    MeshProxy['type'],
    string,
    string,
    string,
    Labels,
  ];
  const workload = read.of(workloadNamed, keyOf(namespace, name));
  if (workload === undefined) return { type, namespace, name, ips: ip === '' ? [] : [ip], labels };
  const ips = workload.ips.length > 0 || ip === '' ? workload.ips : [ip];
  return { type, namespace, name, ips, labels: workload.labels, workload };
});
