import type { Clock } from '../../lib/clock.ts';
import type { Bootstrap } from '../../xds/resources.ts';
import type { ProxyOptions } from '../options.ts';
import type { LeveledLog } from '../process-log.ts';

/** What the end points of the process tell about. */
export interface ProcessState {
  readonly bootstrap: Bootstrap;
  readonly version: string;
  readonly startedAtMs: number;
  readonly restartEpoch: number;
  readonly workers: number;
  readonly clock: Clock;
  readonly ready: () => boolean;
  readonly connected: () => boolean;
  readonly warming: () => readonly string[];
  readonly quit: () => void;
  readonly draining: () => boolean;
  readonly setHealthy: (healthy: boolean) => void;
  readonly log: LeveledLog | undefined;
  /** What the command line said. */
  readonly options: Partial<ProxyOptions> | undefined;
}
