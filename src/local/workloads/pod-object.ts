import { createHash } from 'node:crypto';
import { DATA_PLANE_ANNOTATION, type DesiredWorkload } from '../resources/desired.ts';

// The Kubernetes Pod object of a pod that runs here, as an API server would show it. Pure.

/** Every pod runs here. */
export const NODE_NAME = 'local';

export interface PodView {
  readonly workload: DesiredWorkload;
  readonly name: string;
  readonly uid: string;
  readonly address: string | undefined;
  readonly hostAddress: string;
  readonly createdMs: number;
  /** Wall time from which it is on its way out. */
  readonly stoppingSinceMs: number | undefined;
  readonly started: boolean;
  readonly ready: boolean;
  /** Of the place it runs in. */
  readonly annotations: Readonly<Record<string, string>>;
}

/** The object, ready to be written. */
export function podObject(pod: PodView): Readonly<Record<string, unknown>> {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: metadataOf(pod),
    spec: specOf(pod),
    status: statusOf(pod),
  };
}

/** Labels of a pod: the template's, and what Kubernetes and Istio's injector add. */
export function podLabels(workload: DesiredWorkload): Readonly<Record<string, string>> {
  const { labels } = workload.template;
  const app = labels['service.istio.io/canonical-name'] ?? labels['app.kubernetes.io/name'] ?? labels['app'];
  const revision =
    labels['service.istio.io/canonical-revision'] ?? labels['app.kubernetes.io/version'] ?? labels['version'];
  return {
    ...labels,
    ...(workload.kind === 'Deployment' ? { 'pod-template-hash': workload.hash } : {}),
    'service.istio.io/canonical-name': app ?? workload.name,
    'service.istio.io/canonical-revision': revision ?? 'latest',
    // Peers speak mutual TLS to a pod that bears this.
    ...(workload.proxy === 'sidecar' ? { 'security.istio.io/tlsMode': 'istio' } : {}),
  };
}

/** A uid that looks like Kubernetes' and is the same for the same pod of the same run. */
export function podUid(runId: string, namespace: string, name: string, createdMs: number): string {
  const hex = createHash('sha256').update(`${runId}/${namespace}/${name}/${createdMs}`).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join(
    '-',
  );
}

function metadataOf(pod: PodView): Readonly<Record<string, unknown>> {
  const { workload } = pod;
  const owner = { apiVersion: 'apps/v1', kind: 'Deployment', name: workload.name, controller: true };
  return {
    name: pod.name,
    namespace: workload.namespace,
    uid: pod.uid,
    creationTimestamp: timestamp(pod.createdMs),
    ...(pod.stoppingSinceMs === undefined ? {} : { deletionTimestamp: timestamp(pod.stoppingSinceMs) }),
    labels: podLabels(workload),
    annotations: {
      ...workload.template.annotations,
      // Which proxy really stands beside it, whatever the author wrote.
      [DATA_PLANE_ANNOTATION]: workload.proxy === 'none' ? 'none' : workload.dataPlane,
      ...pod.annotations,
    },
    ...(workload.kind === 'Deployment' ? { ownerReferences: [owner] } : {}),
  };
}

function specOf(pod: PodView): Readonly<Record<string, unknown>> {
  const { template } = pod.workload;
  const container = template.container;
  const ports = container?.ports.map((port) => ({
    ...(port.name === '' ? {} : { name: port.name }),
    containerPort: port.number,
    protocol: port.protocol,
  }));
  return {
    serviceAccountName: template.serviceAccount,
    nodeName: NODE_NAME,
    containers: [
      { name: container?.name ?? 'istio-proxy', image: container?.image || 'local', ports: ports ?? [] },
    ],
  };
}

function statusOf(pod: PodView): Readonly<Record<string, unknown>> {
  const ready = pod.ready && pod.stoppingSinceMs === undefined ? 'True' : 'False';
  return {
    phase: pod.started ? 'Running' : 'Pending',
    hostIP: pod.hostAddress,
    ...(pod.address === undefined ? {} : { podIP: pod.address, podIPs: [{ ip: pod.address }] }),
    startTime: timestamp(pod.createdMs),
    conditions: [
      { type: 'PodScheduled', status: 'True' },
      { type: 'ContainersReady', status: ready },
      { type: 'Ready', status: ready },
    ],
  };
}

function timestamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
