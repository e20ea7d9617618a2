import { fieldIn, type Refuse, refuseRest } from '../../../../xds/match/refuse.ts';
import { type WeightedChoice, weightedChoice } from '../../../../xds/match/weighted.ts';
import type { TcpProxy as Message } from '../../../../xds/resources.ts';
import { readDurationMs } from '../../../fields.ts';
import { type AccessLog, readAccessLogs } from '../../../observe/access-log.ts';
import type { FilterContext } from '../../../runtime.ts';
import { LB_NAMESPACE, type MetadataMatch, metadataMatch } from '../../../upstream/metadata-match.ts';
import { readTunneling, type Tunneling } from './tunneling.ts';

/** A TCP proxy as configured. Immutable. */
export interface TcpProxyConfig {
  readonly statPrefix: string;
  readonly destinations: WeightedChoice<TcpDestination>;
  /** The server name that the client asked for is the cluster, where it asked (network filter sni_cluster). */
  readonly clusterFromServerName: boolean;
  /** Without a byte in either direction; 0 is none. */
  readonly idleMs: number;
  readonly maxDurationMs: number;
  readonly connectAttempts: number;
  /** Consistent hashing goes by the client's address. */
  readonly hashesSource: boolean;
  readonly tunneling: Tunneling | undefined;
  readonly accessLogs: readonly AccessLog[];
  /** An entry when the connection stands too, and another each time so much has passed; 0 is none. */
  readonly logsConnect: boolean;
  readonly logIntervalMs: number;
}

/** Where connections go. */
export interface TcpDestination {
  readonly cluster: string;
  readonly metadataMatch: MetadataMatch | undefined;
}

export const TCP_PROXY_MESSAGE = 'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy';
export const SNI_CLUSTER_MESSAGE = 'envoy.extensions.filters.network.sni_cluster.v3.SniCluster';
const IDLE_MS = 3_600_000;

export function readTcpProxy(
  message: Message,
  context: FilterContext,
  clusterFromServerName: boolean,
  refuse: Refuse,
  field: string,
): TcpProxyConfig {
  const { stat_prefix = '', cluster, weighted_clusters, metadata_match, idle_timeout, ...more } = message;
  const { max_connect_attempts = 1, max_downstream_connection_duration, hash_policy, ...afterTimes } = more;
  const { access_log, access_log_flush_interval, flush_access_log_on_connected, ...afterLogs } = afterTimes;
  const { access_log_options, tunneling_config, ...rest } = afterLogs;
  refuseRest(refuse, field, rest);
  const duration = (text: string | undefined, name: string, absentMs: number): number =>
    readDurationMs(text, absentMs, refuse, fieldIn(field, name));
  const {
    access_log_flush_interval: interval,
    flush_access_log_on_connected: onConnect,
    ...others
  } = access_log_options ?? {};
  refuseRest(refuse, fieldIn(field, 'access_log_options'), others);
  return {
    statPrefix: stat_prefix,
    destinations: readDestinations({ cluster, weighted_clusters, metadata_match }, refuse, field),
    clusterFromServerName,
    idleMs: duration(idle_timeout, 'idle_timeout', IDLE_MS),
    maxDurationMs: duration(max_downstream_connection_duration, 'max_downstream_connection_duration', 0),
    connectAttempts: Math.max(1, max_connect_attempts),
    hashesSource: readHashPolicy(hash_policy, refuse, fieldIn(field, 'hash_policy')),
    tunneling:
      tunneling_config && readTunneling(tunneling_config, refuse, fieldIn(field, 'tunneling_config')),
    accessLogs: readAccessLogs(access_log, context.runtime, refuse, fieldIn(field, 'access_log')),
    logsConnect: onConnect ?? flush_access_log_on_connected ?? false,
    logIntervalMs: duration(interval ?? access_log_flush_interval, 'access_log_flush_interval', 0),
  };
}

function readDestinations(
  message: { readonly [K in 'cluster' | 'weighted_clusters' | 'metadata_match']: Message[K] | undefined },
  refuse: Refuse,
  field: string,
): WeightedChoice<TcpDestination> {
  const { cluster, weighted_clusters, metadata_match } = message;
  const common = metadata_match?.filter_metadata?.[LB_NAMESPACE];
  if (cluster !== undefined && cluster !== '')
    return weightedChoice([{ value: { cluster, metadataMatch: metadataMatch(common) }, weight: 1 }]);
  const options = (weighted_clusters?.clusters ?? []).map((one, i) => {
    const { name = '', weight = 0, metadata_match: own, ...rest } = one;
    refuseRest(refuse, fieldIn(field, `weighted_clusters.clusters[${i}]`), rest);
    const match = metadataMatch(common, own?.filter_metadata?.[LB_NAMESPACE]);
    return { value: { cluster: name, metadataMatch: match }, weight };
  });
  const choice = weightedChoice(options);
  if (choice.total === 0) refuse(field, 'names no cluster');
  return choice;
}

function readHashPolicy(policies: Message['hash_policy'], refuse: Refuse, field: string): boolean {
  for (const [i, { source_ip, ...rest }] of (policies ?? []).entries()) {
    refuseRest(refuse, `${field}[${i}]`, rest);
    if (source_ip !== undefined) return true;
  }
  return false;
}
