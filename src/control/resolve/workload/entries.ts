import type { WorkloadEntry } from '../../../api/istio/workload-entry.ts';
import type { Resource } from '../../../api/resources.ts';
import type { Workload } from '../../../mesh/workload.ts';
import type { Resolved } from '../finding.ts';
import { objectOf, originOf, partsOf, step } from '../world.ts';
import { canonicalName, canonicalRevision, dataPlaneOf, localityLabel } from './proxy-evidence.ts';

/** One WorkloadEntry, by namespace and name. */
export const entryWorkload = step('workload entry', (read, key): Resolved<Workload> => {
  const [namespace = '', name = ''] = partsOf(key);
  const resource = objectOf(read, 'networking.istio.io/WorkloadEntry', namespace, name);
  if (resource === undefined) return { value: undefined, findings: [] };
  return { value: workloadOf(resource), findings: [] };
});

function workloadOf(resource: Resource<WorkloadEntry>): Workload {
  const { metadata, spec } = resource.object;
  const labels = { ...metadata.labels, ...spec.labels };
  const annotations = metadata.annotations ?? {};
  const owner = labels['service.istio.io/workload-name'] ?? resource.key.name;
  return {
    namespace: resource.key.namespace,
    name: resource.key.name,
    kind: 'entry',
    owner,
    labels,
    serviceAccount: spec.serviceAccount ?? 'default',
    ips: spec.address === undefined || spec.address === '' ? [] : [spec.address],
    namedPorts: spec.ports ?? {},
    locality: spec.locality ?? localityLabel(labels) ?? '',
    network: spec.network ?? labels['topology.istio.io/network'] ?? '',
    node: '',
    hostname: '',
    subdomain: '',
    ready: true,
    dataPlane: dataPlaneOf({ labels, annotations, containers: [] }),
    weight: spec.weight ?? 0,
    canonicalName: canonicalName(labels, owner),
    canonicalRevision: canonicalRevision(labels),
    gateway: false,
    origin: originOf(resource),
  };
}
