import type { ObjectKey } from '../api/object.ts';
import type { Resources } from '../api/resources.ts';
import type { Origin } from '../mesh/origin.ts';
import type { EmittedCluster, EmittedEndpoints, EmittedListener, EmittedRoutes } from './emit/emitted.ts';

// Joins resolve and emit: the resources of the store -> what each proxy gets. Called by control/main.ts after each
// change of the store, by control/serve for each proxy, and by `weft dump`.

/** What the control plane was started with, as far as it matters to what proxies get. */
export interface CompileSettings {
  /** Default `cluster.local`. Overridden by the mesh configuration's trustDomain. */
  readonly trustDomain?: string;
  /** Suffix of the names of Kubernetes Services. Default `cluster.local`. */
  readonly clusterDomain?: string;
  /** Namespace whose policies hold for the whole mesh. Default `istio-system`. */
  readonly rootNamespace?: string;
  /** Resolvers, `IP` or `IP:PORT`, to ask for names that are not in the mesh. Default none: such names do not exist. */
  readonly dnsUpstreams?: readonly string[];
}

/** The proxy that asks: what its xDS node says. */
export interface ProxyNode {
  /** `TYPE~IP~NAME.NAMESPACE~DOMAIN`, TYPE `sidecar` or `router`; NAME is the Pod's, the WorkloadEntry's or a workload's. */
  readonly id: string;
  /** The node's metadata as sent: LABELS, NAMESPACE, WORKLOAD_NAME and the like. Known Pods need none. */
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** What one proxy gets. Answers are cheap when asked again; every result is in order of name. */
export interface ProxyView {
  /** All listeners. A wildcard subscription; a proxy that names some gets those. */
  listeners(): readonly EmittedListener[];
  /** All clusters. */
  clusters(): readonly EmittedCluster[];
  /** The route configurations among `names` that exist for this proxy; all that its listeners name where undefined. */
  routes(names?: readonly string[]): readonly EmittedRoutes[];
  /** The load assignments among `names` that exist for this proxy; those of all its EDS clusters where undefined. */
  endpoints(names?: readonly string[]): readonly EmittedEndpoints[];
}

/** Something odd between objects that are each valid: a reference to nothing, a rule that can never match. */
export interface CompileFinding {
  readonly key: ObjectKey;
  /** `spec.http[0].route[1].destination.subset`; '' for the object as a whole. */
  readonly field: string;
  readonly message: string;
  readonly file: string;
  readonly line: number;
}

/** For the status page: one thing that runs. */
export interface WorkloadSummary {
  readonly namespace: string;
  /** Name of the Pod or WorkloadEntry. */
  readonly name: string;
  /** Name of what it belongs to: the Deployment. */
  readonly workload: string;
  readonly serviceAccount: string;
  readonly ip: string;
  readonly ready: boolean;
  /** `none`: it has no proxy. */
  readonly dataPlane: 'weft' | 'envoy' | 'none';
  readonly gateway: boolean;
  /** Hostnames of the services it answers for. */
  readonly services: readonly string[];
}

/** For the status page: one thing that can be called. */
export interface ServiceSummary {
  readonly namespace: string;
  readonly name: string;
  readonly hostname: string;
  readonly clusterIps: readonly string[];
  readonly ports: readonly { readonly name: string; readonly number: number; readonly protocol: string }[];
  /** Ready endpoints over all that are known. */
  readonly readyEndpoints: number;
  readonly endpoints: number;
}

/** What all proxies get, worked out as far as someone asks. */
export interface Compiled {
  /** Revision of the resources this was made from. */
  readonly revision: number;
  /** Undefined where the node's id is malformed. A proxy whose Pod is not known yet gets what its id and metadata tell. */
  forProxy(node: ProxyNode): ProxyView | undefined;
  findings(): readonly CompileFinding[];
  workloads(): readonly WorkloadSummary[];
  services(): readonly ServiceSummary[];
  /** File and line of what made a resource; undefined once the object is gone. */
  locate(origin: Origin): { readonly file: string; readonly line: number } | undefined;
}

/**
 * Compiles the resources. Nothing is worked out before it is asked for. With `previous`, whatever did not change is
 * taken over and keeps its identity (`===`), which is how serve knows what to send; `previous` is used up by that and
 * must not be asked any more. Never throws on valid objects: one that cannot be compiled is left out with a finding.
 */
export function compile(resources: Resources, settings: CompileSettings, previous?: Compiled): Compiled {
  void settings;
  void previous;
  return {
    revision: resources.revision,
    forProxy: () => undefined,
    findings: () => [],
    workloads: () => [],
    services: () => [],
    locate: () => undefined,
  };
}
