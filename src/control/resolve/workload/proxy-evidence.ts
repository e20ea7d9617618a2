import type { DataPlane, Labels } from '../../../mesh/workload.ts';

/** What a Pod or template says about itself. */
export interface Described {
  readonly labels: Labels;
  readonly annotations: Labels;
  /** Names of its containers, initial ones too. */
  readonly containers: readonly string[];
}

/**
 * Which proxy stands beside a Pod. What the Pod was started with counts, not what its labels ask for: in order, weft's
 * own annotation, Istio's label and annotation of injected Pods, a proxy's container.
 */
export function dataPlaneOf(pod: Described): DataPlane {
  const own = pod.annotations['weft.dev/data-plane'];
  if (own === 'weft' || own === 'envoy' || own === 'none') return own;
  if (pod.labels['security.istio.io/tlsMode'] === 'disabled') return 'none';
  if (pod.containers.includes('weft-proxy')) return 'weft';
  if (pod.labels['security.istio.io/tlsMode'] === 'istio') return 'envoy';
  if (pod.annotations['sidecar.istio.io/status'] !== undefined) return 'envoy';
  return pod.containers.includes('istio-proxy') ? 'envoy' : 'none';
}

/** Which proxy a template's Pods would get: as injection decides, where nothing is said everything is injected. */
export function plannedDataPlane(template: Described, namespaceLabels: Labels): DataPlane {
  const evident = dataPlaneOf(template);
  if (evident !== 'none' || template.annotations['weft.dev/data-plane'] === 'none') return evident;
  const inject =
    template.labels['sidecar.istio.io/inject'] ?? template.annotations['sidecar.istio.io/inject'];
  if (inject === 'false') return 'none';
  return inject === undefined && namespaceLabels['istio-injection'] === 'disabled' ? 'none' : 'weft';
}

/** Whether only a proxy runs: Istio's injection template, or the label of its standard gateways. */
export function isGateway(pod: Described): boolean {
  const templates = (pod.annotations['inject.istio.io/templates'] ?? '')
    .split(',')
    .map((name) => name.trim());
  return templates.includes('gateway') || /^(in|e)gressgateway$/.test(pod.labels['istio'] ?? '');
}

/** Name by which telemetry groups workloads: labels in Istio's order, else the workload's name. */
export function canonicalName(labels: Labels, owner: string): string {
  return (
    labels['service.istio.io/canonical-name'] ?? labels['app.kubernetes.io/name'] ?? labels['app'] ?? owner
  );
}

export function canonicalRevision(labels: Labels): string {
  return (
    labels['service.istio.io/canonical-revision'] ??
    labels['app.kubernetes.io/version'] ??
    labels['version'] ??
    'latest'
  );
}

/** `region/zone/subzone` out of labels of a Node, without trailing empty parts. */
export function localityOfNode(labels: Labels): string {
  const region =
    labels['topology.kubernetes.io/region'] ?? labels['failure-domain.beta.kubernetes.io/region'] ?? '';
  const zone =
    labels['topology.kubernetes.io/zone'] ?? labels['failure-domain.beta.kubernetes.io/zone'] ?? '';
  return [region, zone, labels['topology.istio.io/subzone'] ?? ''].join('/').replace(/\/+$/, '');
}

/** A Pod's own word about its locality: Istio's label, with dots in place of slashes. */
export function localityLabel(labels: Labels): string | undefined {
  return (labels['topology.istio.io/locality'] ?? labels['istio-locality'])?.replaceAll('.', '/');
}
