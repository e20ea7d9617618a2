import type { FieldError } from '../../../api/finding.ts';
import { PROXY_CONFIG, readOwnProxyConfig } from '../../../api/istio/proxy-config-annotation.ts';
import type { Pod } from '../../../api/kubernetes/pod.ts';
import type { PodSpec } from '../../../api/kubernetes/pod-spec.ts';
import type { Resource } from '../../../api/resources.ts';
import { defined } from '../../../lib/defined.ts';
import type { Labels, Workload } from '../../../mesh/workload.ts';
import type { Finding, Resolved } from '../finding.ts';
import { objectOf, originOf, partsOf, type Read, step } from '../world.ts';
import { explicitPorts } from './explicit-ports.ts';
import {
  canonicalName,
  canonicalRevision,
  dataPlaneOf,
  isGateway,
  localityLabel,
  localityOfNode,
} from './proxy-evidence.ts';

const KIND = '/Pod';

/** One Pod, by namespace and name; undefined for one that has ended. */
export const podWorkload = step('pod', (read, key): Resolved<Workload> => {
  const [namespace = '', name = ''] = partsOf(key);
  const resource = objectOf(read, KIND, namespace, name);
  const phase = resource?.object.status?.phase;
  if (resource === undefined || phase === 'Succeeded' || phase === 'Failed')
    return { value: undefined, findings: [] };
  return { value: workloadOf(read, resource), findings: ownProxyConfig(resource) };
});

/** What is wrong, or means nothing here, in what a Pod says of its own proxy. */
function ownProxyConfig(resource: Resource<Pod>): readonly Finding[] {
  const text = resource.object.metadata.annotations?.[PROXY_CONFIG];
  if (text === undefined) return [];
  const { errors, warnings } = readOwnProxyConfig(text);
  const origin = originOf(resource);
  const at = `metadata.annotations['${PROXY_CONFIG}']`;
  const found = ({ field, message }: FieldError, after = '') => ({
    origin,
    field: at,
    message: `${field === '' ? '' : `${field}: `}${message}${after}`,
  });
  return [
    ...errors.map((error) => found(error, '; the annotation does not count')),
    ...warnings.map((warning) => found(warning)),
  ];
}

function workloadOf(read: Read, resource: Resource<Pod>): Workload {
  const { metadata, spec, status = {} } = resource.object;
  const { labels = {}, annotations = {} } = metadata;
  const described = { labels, annotations, containers: containerNames(spec) };
  const owner = ownerOf(resource.object);
  return {
    namespace: resource.key.namespace,
    name: resource.key.name,
    kind: 'pod',
    owner,
    labels,
    serviceAccount: spec?.serviceAccountName ?? spec?.serviceAccount ?? 'default',
    ips: ipsOf(status),
    namedPorts: namedPorts(spec),
    locality: localityLabel(labels) ?? nodeLocality(read, spec?.nodeName ?? ''),
    network: labels['topology.istio.io/network'] ?? '',
    node: spec?.nodeName ?? '',
    hostname: spec?.hostname ?? '',
    subdomain: spec?.subdomain ?? '',
    ready: isReady(resource.object),
    dataPlane: dataPlaneOf(described),
    weight: 0,
    canonicalName: canonicalName(labels, owner),
    canonicalRevision: canonicalRevision(labels),
    gateway: isGateway(described),
    origin: originOf(resource),
    ...defined({ explicit: explicitPorts(annotations), proxyConfig: annotations[PROXY_CONFIG] }),
  };
}

/** A Pod that is being deleted gets nothing new, however ready it still is. */
function isReady({ status, metadata }: Pod): boolean {
  if (metadata.deletionTimestamp !== undefined) return false;
  return (status?.conditions ?? []).some(({ type, status: value }) => type === 'Ready' && value === 'True');
}

function ipsOf(status: NonNullable<Pod['status']>): readonly string[] {
  const all = [status.podIP ?? '', ...(status.podIPs ?? []).map(({ ip = '' }) => ip)];
  return [...new Set(all.filter((ip) => ip !== ''))];
}

/** Names of a Pod's containers, initial ones too: some proxies are sidecar containers among those. */
export function containerNames(spec: PodSpec | undefined): readonly string[] {
  return [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])].map(({ name }) => name);
}

export function namedPorts(spec: PodSpec | undefined): Readonly<Record<string, number>> {
  const ports: Record<string, number> = {};
  for (const { ports: list = [] } of spec?.containers ?? [])
    for (const { name, containerPort } of list) if (name !== undefined) ports[name] ??= containerPort;
  return ports;
}

/** The Deployment behind a Pod: its ReplicaSet's name without the template's hash; else its owner; else itself. */
function ownerOf(pod: Pod): string {
  const named = pod.metadata.labels?.['service.istio.io/workload-name'];
  if (named !== undefined) return named;
  const owner =
    pod.metadata.ownerReferences?.find(({ controller }) => controller === true) ??
    pod.metadata.ownerReferences?.[0];
  if (owner === undefined) return pod.metadata.name;
  const hash = pod.metadata.labels?.['pod-template-hash'];
  const suffix = hash === undefined ? '' : `-${hash}`;
  return owner.kind === 'ReplicaSet' && suffix !== '' && owner.name.endsWith(suffix)
    ? owner.name.slice(0, -suffix.length)
    : owner.name;
}

function nodeLocality(read: Read, node: string): string {
  const labels: Labels | undefined =
    node === '' ? undefined : objectOf(read, '/Node', '', node)?.object.metadata.labels;
  return labels === undefined ? '' : localityOfNode(labels);
}
