import { type Labels, matchesLabels, type Workload } from '../../mesh/workload.ts';
import { entryWorkload } from './workload/entries.ts';
import { podWorkload } from './workload/pods.ts';
import { templateWorkloads } from './workload/templates.ts';
import { keyOf, listOf, objectKey, partsOf, step } from './world.ts';

// Everything that runs, from Pods, WorkloadEntries and, where there is no platform, Deployments.

/** All workloads, Pods first, each kind by namespace and name. */
export const workloads = step('workloads', (read): readonly Workload[] =>
  [
    ...listOf(read, '/Pod').map((pod) => read.of(podWorkload, objectKey(pod)).value),
    ...listOf(read, 'networking.istio.io/WorkloadEntry').map(
      (entry) => read.of(entryWorkload, objectKey(entry)).value,
    ),
    ...read.of(templateWorkloads, ''),
  ].filter((workload) => workload !== undefined),
);

const byNamespace = step('workloads by namespace', (read): ReadonlyMap<string, readonly Workload[]> => {
  const map = new Map<string, Workload[]>();
  for (const workload of read.of(workloads, '')) {
    const list = map.get(workload.namespace);
    if (list === undefined) map.set(workload.namespace, [workload]);
    else list.push(workload);
  }
  return map;
});

/** Workloads of one namespace: what keeps a Pod's change from those of all others. */
const inNamespace = step(
  'workloads of a namespace',
  (read, namespace): readonly Workload[] => read.of(byNamespace, '').get(namespace) ?? [],
);

/** Workloads of one namespace, by each of their labels (`key=value`), and all of them under ''. */
const labelIndex = step('workloads by label', (read, namespace): ReadonlyMap<string, readonly Workload[]> => {
  const index = new Map<string, Workload[]>([['', []]]);
  for (const workload of read.of(inNamespace, namespace)) {
    for (const label of ['', ...Object.entries(workload.labels).map(([key, value]) => `${key}=${value}`)]) {
      const list = index.get(label);
      if (list === undefined) index.set(label, [workload]);
      else list.push(workload);
    }
  }
  return index;
});

/** Workloads of a namespace with one label: what keeps a Pod's change from all selectors that cannot mean it. */
const labelled = step('workloads with a label', (read, key): readonly Workload[] => {
  const [namespace = '', label = ''] = partsOf(key);
  return read.of(labelIndex, namespace).get(label) ?? [];
});

/** Key of {@link selectedWorkloads}. */
export function selectionKey(namespace: string, selector: Labels): string {
  return keyOf(namespace, JSON.stringify(selector));
}

/** Workloads of a namespace with all labels of a selector. */
export const selectedWorkloads = step('selected workloads', (read, key): readonly Workload[] => {
  const [namespace = '', text = '{}'] = partsOf(key);
  const selector = JSON.parse(text) as Labels;
  const buckets = Object.entries(selector).map(([name, value]) =>
    read.of(labelled, keyOf(namespace, `${name}=${value}`)),
  );
  const [first = read.of(labelled, keyOf(namespace, '')), ...others] = buckets;
  const smallest = others.reduce((least, bucket) => (bucket.length < least.length ? bucket : least), first);
  return smallest.filter((workload) => matchesLabels(selector, workload.labels));
});

/** Workloads by address, the ready ones first where several have one (a shared host). */
const workloadsByIp = step('workloads by address', (read): ReadonlyMap<string, readonly Workload[]> => {
  const byIp = new Map<string, Workload[]>();
  for (const workload of read.of(workloads, ''))
    for (const ip of workload.ips) byIp.set(ip, [...(byIp.get(ip) ?? []), workload]);
  for (const list of byIp.values()) list.sort((a, b) => Number(b.ready) - Number(a.ready));
  return byIp;
});

/** Workloads with an address. */
export const workloadsAt = step(
  'workloads at an address',
  (read, ip) => read.of(workloadsByIp, '').get(ip) ?? [],
);

/** The workload that a proxy's id names: a Pod or WorkloadEntry, else one of a Deployment's. */
export const workloadNamed = step('workload by name', (read, key): Workload | undefined => {
  const [namespace = '', name = ''] = partsOf(key);
  const pod = read.of(podWorkload, key).value ?? read.of(entryWorkload, key).value;
  if (pod !== undefined) return pod;
  const all = read.of(labelled, keyOf(namespace, ''));
  return all.find((workload) => workload.name === name) ?? all.find((workload) => workload.owner === name);
});
