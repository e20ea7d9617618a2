import { PROXY_CONFIG } from '../../../api/istio/proxy-config-annotation.ts';
import type { PodTemplate } from '../../../api/kubernetes/workload-kinds.ts';
import type { Resource } from '../../../api/resources.ts';
import { defined } from '../../../lib/defined.ts';
import { type Labels, matchesLabels, type Workload } from '../../../mesh/workload.ts';
import { TEMPLATE_KINDS, templateAddresses } from '../auto-addresses.ts';
import { keyOf, listOf, objectOf, originOf, type Read, settingsFact, step } from '../world.ts';
import { explicitPorts } from './explicit-ports.ts';
import { containerNames, namedPorts } from './pods.ts';
import {
  canonicalName,
  canonicalRevision,
  isGateway,
  localityLabel,
  plannedDataPlane,
} from './proxy-evidence.ts';

// Without a platform there are no Pods: a Deployment stands for one of its own, with an address out of a range of ours.

/** Deployments and the like of which there is no Pod, each as one workload; none where a platform makes the Pods. */
export const templateWorkloads = step('templates', (read): readonly Workload[] => {
  if (read.fact(settingsFact, '').offline !== true) return [];
  const pods = listOf(read, '/Pod');
  return TEMPLATE_KINDS.flatMap((kind) => listOf(read, kind)).flatMap((resource) => {
    const { template, replicas = 1, selector } = resource.object.spec ?? {};
    const labels = selector?.matchLabels ?? template?.metadata?.labels ?? {};
    const started = pods.some(
      (pod) =>
        pod.key.namespace === resource.key.namespace &&
        matchesLabels(labels, pod.object.metadata.labels ?? {}),
    );
    return template === undefined || replicas === 0 || started ? [] : [workloadOf(read, resource, template)];
  });
});

function workloadOf(read: Read, resource: Resource, template: PodTemplate): Workload {
  const { namespace, name } = resource.key;
  const { labels = {}, annotations = {} } = template.metadata ?? {};
  const described = { labels, annotations, containers: containerNames(template.spec) };
  const address = read.of(templateAddresses, '').get(keyOf(namespace, name));
  return {
    namespace,
    name,
    kind: 'template',
    owner: name,
    labels,
    serviceAccount: template.spec.serviceAccountName ?? template.spec.serviceAccount ?? 'default',
    ips: address === undefined ? [] : [address],
    namedPorts: namedPorts(template.spec),
    locality: localityLabel(labels) ?? '',
    network: labels['topology.istio.io/network'] ?? '',
    node: '',
    hostname: template.spec.hostname ?? '',
    subdomain: template.spec.subdomain ?? '',
    ready: true,
    dataPlane: plannedDataPlane(described, namespaceLabels(read, namespace)),
    weight: 0,
    canonicalName: canonicalName(labels, name),
    canonicalRevision: canonicalRevision(labels),
    gateway: isGateway(described),
    origin: originOf(resource),
    ...defined({ explicit: explicitPorts(annotations), proxyConfig: annotations[PROXY_CONFIG] }),
  };
}

function namespaceLabels(read: Read, namespace: string): Labels {
  return objectOf(read, '/Namespace', '', namespace)?.object.metadata.labels ?? {};
}
