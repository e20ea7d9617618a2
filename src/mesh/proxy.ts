import type { Place } from './locality.ts';
import type { Labels, Workload } from './workload.ts';

/** A proxy that asks for its configuration. */
export interface MeshProxy {
  readonly type: 'sidecar' | 'router';
  readonly namespace: string;
  /** Name of the Pod or WorkloadEntry. */
  readonly name: string;
  readonly ips: readonly string[];
  readonly labels: Labels;
  /** What stands beside it, where known. */
  readonly workload?: Workload;
}

/**
 * What proxies have in common that get the same routes, clusters and outbound listeners. As little as possible: many
 * proxies share one view.
 */
export interface View {
  readonly type: 'sidecar' | 'router';
  /** '' for all namespaces whose clients see the same mesh. */
  readonly namespace: string;
  /** The Sidecar object that holds for it, as `NAMESPACE/NAME`; '' for none. */
  readonly sidecar: string;
  /** Its labels, as far as any rule looks at them. */
  readonly labels: Labels;
  /** Where it runs; nowhere while no policy looks at that. */
  readonly place: Place;
  /** It shares its host's network: calls come to a forward proxy, not by interception. */
  readonly forwardProxy: boolean;
  /** Of a router: its own port behind each port of the services that lead to it. A Gateway names the service's port. */
  readonly ports: ReadonlyMap<number, number>;
  /** Of a router on a shared host: where it listens in truth for each of its own ports. */
  readonly boundPorts: ReadonlyMap<number, number>;
  /** What workloads say of their own proxies, as JSON, as far as it is delivered; '' for nothing. */
  readonly proxyConfig: string;
}
