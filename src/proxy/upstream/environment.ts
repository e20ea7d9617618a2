import type { Clock } from '../../lib/clock.ts';
import type { Deadlines } from '../../lib/deadlines.ts';
import type { Random } from '../../lib/random.ts';
import type { Network } from '../../wire/connection.ts';
import type { StatScope } from '../observe/stat-scope.ts';

/** What clusters and their parts have of the world. */
export interface UpstreamEnvironment {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly random: Random;
  readonly network: Network;
  /** The cluster's statistics beside those of ClusterStats. */
  readonly scope: StatScope;
}
