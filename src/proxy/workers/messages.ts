/**
 * What the main process and its workers say to each other, over the IPC socket pair that fork() makes. Keys travel here
 * and nowhere else: the pair belongs to these two processes.
 *
 * Main: reads the bootstrap, speaks with the control plane and the CA, owns the listening sockets and the admin port.
 * Worker: a whole data plane (data-plane.ts) that asks main for sockets. Never: a worker that writes files of state or
 * speaks with the control plane.
 */
import type { DeltaResource } from '../../xds/delta-messages.ts';
import type { AdminAnswer } from '../admin/admin.ts';
import type { NeededNames, RefusedResource } from '../configure/configuration.ts';
import type { DataPlaneSettings } from '../data-plane.ts';
import type { Credentials } from '../identity/credentials.ts';
import type { LogLevel } from '../process-log.ts';

/** What a worker waits for and needs. */
export interface WorkerState {
  readonly needed: NeededNames;
  readonly warming: readonly string[];
}

/** An update of one type. */
export interface Update {
  readonly typeUrl: string;
  readonly resources: readonly DeltaResource[];
  readonly removed: readonly string[];
}

/** Main to worker. `id` comes back with the answer. */
export type ToWorker =
  | { readonly kind: 'start'; readonly settings: DataPlaneSettings; readonly logLevel: LogLevel }
  | { readonly kind: 'apply'; readonly id: number; readonly update: Update }
  | { readonly kind: 'credentials'; readonly credentials: Credentials }
  | { readonly kind: 'sweep' }
  | { readonly kind: 'admin'; readonly id: number; readonly path: string; readonly query: string }
  /** The socket asked for comes along as a handle; without one it could not be opened. */
  | { readonly kind: 'socket'; readonly id: number; readonly message?: string }
  | { readonly kind: 'stop'; readonly graceMs: number; readonly gently: boolean };

/** Worker to main. */
export type ToMain =
  /** Its program has loaded. */
  | { readonly kind: 'up' }
  /** The static configuration is in use; with reasons: it cannot be. */
  | { readonly kind: 'started'; readonly state: WorkerState | undefined; readonly reasons: string }
  | {
      readonly kind: 'applied';
      readonly id: number;
      readonly refused: readonly RefusedResource[];
      readonly state: WorkerState;
    }
  | { readonly kind: 'state'; readonly state: WorkerState }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: AdminAnswer }
  | { readonly kind: 'listen'; readonly id: number; readonly target: SocketTarget }
  | { readonly kind: 'unlisten'; readonly target: SocketTarget };

/** A socket by where it listens. */
export type SocketTarget =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'pipe'; readonly path: string };

/** As `bindKey` of accept/ names it. */
export function targetKey(target: SocketTarget): string {
  return target.kind === 'pipe' ? `pipe ${target.path}` : `tcp ${target.host}:${target.port}`;
}
