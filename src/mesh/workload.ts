import type { Origin } from './origin.ts';

export type Labels = Readonly<Record<string, string>>;

/** Which proxy stands beside a workload; `none`: it is called in plain text. */
export type DataPlane = 'weft' | 'envoy' | 'none';

/** Something that runs and can be an endpoint: a Pod, a WorkloadEntry, or what a Deployment without Pods would start. */
export interface Workload {
  readonly namespace: string;
  /** Name of the Pod or WorkloadEntry. */
  readonly name: string;
  readonly kind: 'pod' | 'entry' | 'template';
  /** Name of what it belongs to: the Deployment. */
  readonly owner: string;
  readonly labels: Labels;
  readonly serviceAccount: string;
  /** Empty while it has no address. */
  readonly ips: readonly string[];
  /** Numbers of the ports that have names. */
  readonly namedPorts: Readonly<Record<string, number>>;
  /** `region/zone/subzone`, as far as known. */
  readonly locality: string;
  readonly network: string;
  readonly node: string;
  /** For `hostname` of a headless service's Pod, with its subdomain. */
  readonly hostname: string;
  readonly subdomain: string;
  readonly ready: boolean;
  readonly dataPlane: DataPlane;
  readonly weight: number;
  readonly canonicalName: string;
  readonly canonicalRevision: string;
  /** Present where the workload shares its host's network and takes explicit ports. */
  readonly explicit?: ExplicitPorts;
  /** What it says of its own proxy, over what the mesh configuration says for all: YAML of the annotation. */
  readonly proxyConfig?: string;
  /** A gateway: no application behind its proxy. */
  readonly gateway: boolean;
  readonly origin: Origin;
}

/** Ports of a workload on a shared host network, all on 127.0.0.1 unless the Pod has another address. */
export interface ExplicitPorts {
  /** The application's port for each port it would have on its own network: 9080 -> 40001. */
  readonly ports: ReadonlyMap<number, number>;
  /** Where its proxy takes calls of others; missing where it has no sidecar. */
  readonly inboundPort?: number;
  /** Where its proxy takes the application's own calls (HTTP_PROXY); missing where it has no sidecar. */
  readonly proxyPort?: number;
}

/** Whether all labels of the selector are among these. */
export function matchesLabels(selector: Labels, labels: Labels): boolean {
  for (const key in selector) if (labels[key] !== selector[key]) return false;
  return true;
}
