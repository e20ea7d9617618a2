import { specKind } from '../kind.ts';
import type { SpecObject } from '../object.ts';
import { checkWorkload, type Workload, workload } from './shared/workload.ts';

/** Spec of a WorkloadEntry: one workload outside Kubernetes. */
export type WorkloadEntrySpec = Workload;
export type WorkloadEntry = SpecObject<WorkloadEntrySpec>;

/** networking.istio.io WorkloadEntry. Whether its ports fit a service is seen where the ServiceEntry is known. */
export const workloadEntry = specKind(
  { group: 'networking.istio.io', kind: 'WorkloadEntry', versions: ['v1', 'v1beta1', 'v1alpha3'] },
  workload,
  (spec, report) => checkWorkload(spec, { dnsNames: true }, report),
);
