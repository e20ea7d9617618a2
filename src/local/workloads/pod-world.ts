import { join } from 'node:path';
import type { Clock } from '../../lib/clock.ts';
import type { Report } from '../events.ts';
import type { PodNetworks } from '../network/pod-networks.ts';
import type { PlatformParts, PlatformProgram } from '../parts.ts';
import { LogFile } from '../processes/log-file.ts';
import type { SupervisedProcess } from '../processes/supervise.ts';
import type { ProcessTable } from '../processes/table.ts';
import type { RunPaths } from '../state.ts';

/** All that a pod needs of the platform. */
export interface PodWorld {
  readonly clock: Clock;
  readonly networks: PodNetworks;
  readonly parts: PlatformParts;
  readonly paths: RunPaths;
  readonly table: ProcessTable;
  readonly report: Report;
  /** Starts a program of the platform, if it does not run yet. */
  readonly need: (program: PlatformProgram) => void;
  /** The platform's own environment. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Tells this run from others, in uids. */
  readonly runId: string;
  readonly hostAddress: string;
}

export interface PodIdentity {
  readonly namespace: string;
  readonly name: string;
}

/** The log of a pod's process. */
export function openLog(world: PodWorld, pod: PodIdentity, role: 'app' | 'proxy'): LogFile {
  return new LogFile(join(world.paths.logs, `${pod.namespace}.${pod.name}.${role}.log`));
}

/** What to say of a process that ended by itself. */
export function exitSentence(what: string, pod: PodIdentity, { status, order }: SupervisedProcess): string {
  const line = order.log.lastLine();
  const said = line === '' ? '' : `; it said: ${line}`;
  return `The ${what} of ${pod.namespace}/${pod.name} ended with ${status.lastExit}${said} (${order.log.path})`;
}
