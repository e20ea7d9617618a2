// What the platform is handed: the programs it runs beside the applications, and who issues tokens. The platform
// knows namespaces and processes; what a proxy's command line looks like is the command line's business.

import type { ProxyPorts } from './network/pod-networks.ts';
import type { ProcessKind } from './processes/supervise.ts';
import type { DataPlane } from './resources/desired.ts';
import type { ProxySettings } from './resources/proxy-settings.ts';

/** A program of the platform itself: the control plane, the agent. Supervised like everything else. */
export interface PlatformProgram {
  readonly name: string;
  readonly kind: Extract<ProcessKind, 'control' | 'agent'>;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** The pod whose proxy is to be started. */
export interface ProxyRequest {
  readonly namespace: string;
  readonly pod: string;
  readonly uid: string;
  /** The Deployment, or the Pod itself. */
  readonly workload: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly serviceAccount: string;
  /** IPv4. */
  readonly address: string;
  readonly kind: 'sidecar' | 'gateway';
  readonly dataPlane: DataPlane;
  /** Ports the application says it listens on. */
  readonly appPorts: readonly number[];
  /** What it is started with, beyond what all are. */
  readonly settings: ProxySettings;
  /** A folder for the proxy alone, which it may write: configuration, its last good configuration. Survives its restarts. */
  readonly folder: string;
  /** The service-account token; renewed in place. */
  readonly tokenFile: string;
  /** The user it runs as, where that is not the platform's own. */
  readonly runsAsUid?: number;
  /** Its connections must start from this address (rootless). */
  readonly sourceAddress?: string;
  /** Set where the network is shared: ports in place of 15000, 15001, ... */
  readonly ports?: ProxyPorts;
}

export interface ProxyCommand {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Written before the start: path below the proxy's folder -> content. */
  readonly files: Readonly<Record<string, string>>;
  /** Programs that must run for it, started with the first proxy that needs them. */
  readonly needs?: readonly PlatformProgram[];
}

export interface TokenRequest {
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly pod: string;
}

export interface IssuedToken {
  /** Secret: goes into the token file and nowhere else. */
  readonly token: string;
  /** Wall time in milliseconds. */
  readonly expiresAtMs: number;
}

export interface PlatformParts {
  /** Started before the pods, in this order. */
  readonly programs: readonly PlatformProgram[];
  proxyCommand(request: ProxyRequest): Promise<ProxyCommand>;
  /** The pod is gone for good, its proxy ended. */
  proxyGone?(pod: { readonly namespace: string; readonly pod: string }): void;
  issueToken(request: TokenRequest): Promise<IssuedToken>;
  /** Files that every proxy must be able to read to start at all: programs and scripts. */
  readonly proxyFiles: readonly string[];
}
