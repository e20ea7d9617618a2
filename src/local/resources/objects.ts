import type { ProxyDefaults } from '../../api/istio/mesh-config/proxy-defaults.ts';

// The Kubernetes objects that the platform acts on, as far as it acts on them. The mesh's own kinds and all
// validation of them are the control plane's business; here a folder is read as kubelet and the controllers read it.

/** Where something was written: `file` as the user gave it, `line` from 1. */
export interface Origin {
  readonly file: string;
  readonly line: number;
}

/** Something wrong that the user should know of; everything else goes on. */
export interface Problem extends Origin {
  /** A sentence: what is wrong, with the field's path in front. */
  readonly message: string;
}

export interface Metadata {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface NamespaceObject {
  readonly kind: 'Namespace';
  readonly metadata: Metadata;
  readonly origin: Origin;
}

export interface ServiceObject {
  readonly kind: 'Service';
  readonly metadata: Metadata;
  readonly origin: Origin;
  readonly spec: ServiceSpec;
  /** The object as written, to be published with its address filled in. */
  readonly written: Readonly<Record<string, unknown>>;
}

export interface ServiceSpec {
  /** ClusterIP, ExternalName, ... */
  readonly type: string;
  /** '' where the platform chooses, 'None' for a headless Service. */
  readonly clusterIp: string;
  readonly selector: Readonly<Record<string, string>>;
  readonly ports: readonly ServicePort[];
}

export interface ServicePort {
  readonly name: string;
  readonly port: number;
  readonly protocol: 'TCP' | 'UDP';
  /** Number, or the name of a container's port. */
  readonly targetPort: number | string;
}

/** A Deployment, or a lone Pod (`replicas` undefined). */
export interface WorkloadObject {
  readonly kind: 'Deployment' | 'Pod';
  readonly metadata: Metadata;
  readonly origin: Origin;
  readonly replicas: number | undefined;
  readonly template: PodTemplate;
}

export interface PodTemplate {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly serviceAccount: string;
  /** Seconds between SIGTERM and SIGKILL. */
  readonly terminationGraceS: number;
  /** The containers as kubelet knows them, for the published Pod; undefined where only the proxy runs. */
  readonly container: Container | undefined;
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly env: readonly EnvVar[];
  readonly ports: readonly NamedPort[];
  readonly startup: Probe | undefined;
  readonly liveness: Probe | undefined;
  readonly readiness: Probe | undefined;
}

export interface NamedPort {
  readonly name: string;
  readonly number: number;
  readonly protocol: 'TCP' | 'UDP';
}

/** `field` is a path of fieldRef, such as `status.podIP`. */
export type EnvVar =
  | { readonly name: string; readonly value: string }
  | { readonly name: string; readonly field: string };

export interface Probe {
  readonly check: Check;
  readonly initialDelayMs: number;
  readonly periodMs: number;
  readonly timeoutMs: number;
  readonly successThreshold: number;
  readonly failureThreshold: number;
}

export type Check =
  | {
      readonly kind: 'http';
      readonly secure: boolean;
      readonly port: number;
      readonly path: string;
      readonly headers: readonly (readonly [string, string])[];
    }
  | { readonly kind: 'tcp'; readonly port: number }
  | { readonly kind: 'exec'; readonly command: readonly string[] };

/** The mesh configuration's settings of all proxies (ConfigMap `istio`). */
export interface MeshDefaultsObject {
  readonly kind: 'ConfigMap';
  readonly metadata: Metadata;
  readonly origin: Origin;
  readonly config: ProxyDefaults;
}

/** Settings of the proxies of some pods. */
export interface ProxyConfigObject {
  readonly kind: 'ProxyConfig';
  readonly metadata: Metadata;
  readonly origin: Origin;
  /** Empty for all of the namespace; of all namespaces where that is the root namespace. */
  readonly selector: Readonly<Record<string, string>>;
  readonly config: ProxyDefaults;
}

export type PlatformObject =
  | NamespaceObject
  | ServiceObject
  | WorkloadObject
  | MeshDefaultsObject
  | ProxyConfigObject;

/** `Kind/namespace/name`: tells objects apart. */
export function identityOf(object: PlatformObject): string {
  return `${object.kind}/${object.metadata.namespace}/${object.metadata.name}`;
}
