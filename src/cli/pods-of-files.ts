import { isPlainObject } from '../api/plain.ts';
import { containerNames } from '../control/resolve/workload/pods.ts';
import { plannedDataPlane } from '../control/resolve/workload/proxy-evidence.ts';
import type { SourceDocument } from '../control/watch/source.ts';
import { type Fields, fieldsOf, textsOf } from './plain-fields.ts';

/**
 * Pods of plain files as a platform would make them: each with an address, ready, and with the proxy that it would be
 * given. Pods that say where they run are left as they are. Addresses are of a range that nobody routes.
 */
export function startedPods(documents: readonly SourceDocument[]): readonly SourceDocument[] {
  let count = 0;
  return documents.map((document) => {
    const pod = podOf(document.value);
    if (pod === undefined || hasAddress(pod)) return document;
    count++;
    return { ...document, value: started(pod, addressOf(count), labelsOfNamespace(documents, pod)) };
  });
}

/** 240.242.0.1 and up; beside those of Services (240.240) and Deployments (240.241). */
function addressOf(count: number): string {
  return `240.242.${(count >> 8) & 255}.${count & 255}`;
}

function podOf(value: unknown): Fields | undefined {
  return isPlainObject(value) && value['kind'] === 'Pod' && value['apiVersion'] === 'v1' ? value : undefined;
}

function hasAddress(pod: Fields): boolean {
  return fieldsOf(pod['status'])['podIP'] !== undefined;
}

function started(pod: Fields, podIP: string, namespaceLabels: Readonly<Record<string, string>>): Fields {
  const metadata = fieldsOf(pod['metadata']);
  const annotations = textsOf(metadata['annotations']);
  const labels = textsOf(metadata['labels']);
  const containers = containerNames(pod['spec'] as Parameters<typeof containerNames>[0]);
  const dataPlane = plannedDataPlane({ labels, annotations, containers }, namespaceLabels);
  return {
    ...pod,
    metadata: { ...metadata, annotations: { ...annotations, 'weft.dev/data-plane': dataPlane } },
    status: { podIP, conditions: [{ type: 'Ready', status: 'True' }] },
  };
}

function labelsOfNamespace(
  documents: readonly SourceDocument[],
  pod: Fields,
): Readonly<Record<string, string>> {
  const name = fieldsOf(pod['metadata'])['namespace'] ?? 'default';
  const found = documents.find(
    ({ value }) =>
      isPlainObject(value) && value['kind'] === 'Namespace' && fieldsOf(value['metadata'])['name'] === name,
  );
  return found === undefined ? {} : textsOf(fieldsOf(fieldsOf(found.value)['metadata'])['labels']);
}
