// What the rest of the platform knows of the network: a pod has a place, processes are started in it, it has an
// address. namespaces.ts (root and rootless) and shared.ts are the two implementations.

import type { InterceptionOptions } from './interception-options.ts';
import type { ServicePortRule } from './services.ts';

/** Who a process of a pod is. */
export type Role = 'app' | 'proxy';

export interface PlaceRequest {
  readonly namespace: string;
  readonly name: string;
  /** A folder for the pod's files, made before. */
  readonly folder: string;
  /** Undefined for a pod whose traffic is not intercepted: outside the mesh, or a gateway. */
  readonly interception: InterceptionOptions | undefined;
  /** Ports the application says it listens on, in the order of the Pod. */
  readonly ports: readonly ContainerPort[];
  readonly proxy: 'sidecar' | 'gateway' | 'none';
  /** IPv4 addresses that it has beside its own: a pod that stands for places outside. */
  readonly moreAddresses: readonly string[];
}

export interface ContainerPort {
  readonly name?: string;
  readonly number: number;
}

/** Where a pod's processes run. */
export interface Place {
  readonly address: string;
  /** The command line that runs `argv` here. The process it starts is `argv`'s own: signals reach it. */
  argv(role: Role, argv: readonly string[]): string[];
  /** What the place adds to the application's environment. */
  readonly appEnv: Readonly<Record<string, string>>;
  /** What the place adds to the Pod object's annotations. */
  readonly annotations: Readonly<Record<string, string>>;
  /** How a port of the application is reached by a probe. */
  target(port: number): SocketTarget;
  /** How the proxy's port for health (15021 where pods have namespaces) is reached. */
  readonly proxyHealth: SocketTarget;
  /** The proxy's connections must start from this address, where it is told by that. */
  readonly proxySource?: string;
  /** Ports of the proxy that differ from the usual ones because the network is shared. */
  readonly proxyPorts?: ProxyPorts;
  /** Who must be able to read the proxy's files, where it is another user. */
  readonly proxyUid?: number;
}

export interface ProxyPorts {
  readonly admin: number;
  readonly inbound: number;
  readonly outbound: number;
  readonly health: number;
  readonly metrics: number;
}

/** One end to connect to, from a given source address where that matters. */
export interface SocketTarget {
  readonly host: string;
  readonly port: number;
  readonly localAddress?: string;
}

export interface PodNetworks {
  /** Makes a pod's place. @throws ScriptError, RangeError (no address left) */
  attach(request: PlaceRequest): Promise<Place>;
  /** Takes it away, after its processes have ended. Never fails: what is gone is gone. */
  detach(place: Place): Promise<void>;
  /** Tells which endpoints stand behind cluster IPs, for traffic that no proxy intercepts. */
  serve(rules: readonly ServicePortRule[], names: ReadonlyMap<string, readonly string[]>): Promise<void>;
  /** The command line that runs a program of the platform itself. */
  programArgv(argv: readonly string[]): readonly string[];
  close(): void;
}
