/** What a proxy touches of the machine it runs on: everything comes in by parameter. */
import type { Clock } from '../lib/clock.ts';
import type { Random } from '../lib/random.ts';
import type { Network } from '../wire/connection.ts';
import type { AcceptEnvironment } from './accept/taken.ts';
import type { LogSinks } from './observe/log-sinks.ts';
import type { LeveledLog, ProcessLog } from './process-log.ts';
import type { ResolveName } from './upstream/resolve-name.ts';

export interface ProxyEnvironment {
  readonly clock: Clock;
  readonly random: Random;
  readonly network: Network;
  readonly resolveName: ResolveName;
  readonly originalDestination: AcceptEnvironment['originalDestination'];
  readonly readFile: (path: string) => string;
  readonly logs: LogSinks;
  readonly log: ProcessLog;
  /** The same log, for changing its level. */
  readonly leveled?: LeveledLog;
}

/** The network with a source address for every upstream connection (cluster_manager.upstream_bind_config). */
export function bindSource(network: Network, sourceAddress: string | undefined): Network {
  if (sourceAddress === undefined) return network;
  return { ...network, connect: (options) => network.connect({ localAddress: sourceAddress, ...options }) };
}
