import { fieldIn, type Refuse, refuseRest } from '../../../../xds/match/refuse.ts';
import { type WeightedChoice, weightedChoice } from '../../../../xds/match/weighted.ts';
import type { TcpProxy as Message } from '../../../../xds/resources.ts';
import { readDurationMs } from '../../../fields.ts';
import { type AccessLog, readAccessLogs } from '../../../observe/access-log.ts';
import type { FilterContext } from '../../../runtime.ts';

/** A TCP proxy as configured. Immutable. */
export interface TcpProxyConfig {
  readonly statPrefix: string;
  readonly clusters: WeightedChoice<string>;
  /** Without a byte in either direction; 0 is none. */
  readonly idleMs: number;
  readonly maxDurationMs: number;
  readonly connectAttempts: number;
  readonly accessLogs: readonly AccessLog[];
}

export const TCP_PROXY_MESSAGE = 'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy';
const IDLE_MS = 3_600_000;

export function readTcpProxy(
  message: Message,
  context: FilterContext,
  refuse: Refuse,
  field: string,
): TcpProxyConfig {
  const { stat_prefix = '', cluster, weighted_clusters, idle_timeout, access_log, ...more } = message;
  const { max_connect_attempts = 1, max_downstream_connection_duration, ...afterTimes } = more;
  // Entries are written when a connection ends; nothing here hashes, for nothing balances by hash yet.
  const {
    access_log_flush_interval: _flush,
    access_log_options: _options,
    hash_policy: _hash,
    ...rest
  } = afterTimes;
  refuseRest(refuse, field, rest);
  const duration = (text: string | undefined, name: string, absentMs: number): number =>
    readDurationMs(text, absentMs, refuse, fieldIn(field, name));
  return {
    statPrefix: stat_prefix,
    clusters: readClusters(cluster, weighted_clusters, refuse, field),
    idleMs: duration(idle_timeout, 'idle_timeout', IDLE_MS),
    maxDurationMs: duration(max_downstream_connection_duration, 'max_downstream_connection_duration', 0),
    connectAttempts: Math.max(1, max_connect_attempts),
    accessLogs: readAccessLogs(access_log, context.runtime.logs, refuse, fieldIn(field, 'access_log')),
  };
}

function readClusters(
  cluster: string | undefined,
  weighted: Message['weighted_clusters'],
  refuse: Refuse,
  field: string,
): WeightedChoice<string> {
  if (cluster !== undefined && cluster !== '') return weightedChoice([{ value: cluster, weight: 1 }]);
  const options = (weighted?.clusters ?? []).map(({ name = '', weight = 0, ...rest }, i) => {
    refuseRest(refuse, fieldIn(field, `weighted_clusters.clusters[${i}]`), rest);
    return { value: name, weight };
  });
  const choice = weightedChoice(options);
  if (choice.total === 0) refuse(field, 'names no cluster');
  return choice;
}
