/**
 * The parts of a bootstrap that are about the process as a whole: runtime layers, the overload manager, names and
 * regular expressions, the admin port's log. What would change traffic and is not done here is refused.
 */
import { type Refuse, refuseRest } from '../../xds/match/refuse.ts';
import type { AnyMessage, Bootstrap } from '../../xds/resources.ts';
import { monitoredLimit, runtimeLimit } from './lower-process-limits.ts';

/** Limits of the whole proxy. */
export interface ProcessLimits {
  /** Open connections of clients, of all listeners that do not ignore it; undefined: as many as there are. */
  readonly maxDownstreamConnections: number | undefined;
}

/** Reads what the bootstrap says of the process. */
export function readProcessLimits(message: Bootstrap, refuse: Refuse): ProcessLimits {
  checkRegexEngine(message.default_regex_engine?.typed_config, refuse);
  checkResolver(message, refuse);
  checkAdmin(message.admin, refuse);
  checkClusterManager(message.cluster_manager, refuse);
  const limits = [
    message.layered_runtime && runtimeLimit(message.layered_runtime, refuse),
    message.overload_manager && monitoredLimit(message.overload_manager, refuse),
  ].filter((limit) => limit !== undefined);
  return { maxDownstreamConnections: limits.length === 0 ? undefined : Math.min(...limits) };
}

function checkRegexEngine(engine: AnyMessage | undefined, refuse: Refuse): void {
  const type = engine?.['@type'] ?? 'google.re2';
  if (!/re2/i.test(type))
    refuse('default_regex_engine.typed_config', `${type} is not supported by this proxy`);
}

/** Names are looked up as the system does it. Which library asks, and how often at a time, is not seen. */
function checkResolver(message: Bootstrap, refuse: Refuse): void {
  const { dns_resolution_config, typed_dns_resolver_config } = message;
  const typed = typed_dns_resolver_config?.typed_config as { readonly resolvers?: object[] } | undefined;
  if ((dns_resolution_config?.resolvers ?? []).length > 0)
    refuse('dns_resolution_config.resolvers', "is not supported by this proxy: it asks the system's");
  if ((typed?.resolvers ?? []).length > 0)
    refuse(
      'typed_dns_resolver_config.typed_config.resolvers',
      "is not supported by this proxy: it asks the system's",
    );
}

/** A log of admin requests that nobody shall read is none. */
function checkAdmin(admin: Bootstrap['admin'], refuse: Refuse): void {
  const {
    address: _address,
    access_log = [],
    access_log_path = '/dev/null',
    profile_path: _profile, // of Envoy's CPU profiler
    ignore_global_conn_limit: _limit, // always: the limit is about listeners
    ...rest
  } = admin ?? {};
  refuseRest(refuse, 'admin', rest);
  if (access_log_path !== '/dev/null' && access_log_path !== '')
    refuse('admin.access_log_path', 'is not supported by this proxy: only /dev/null');
  for (const [i, { typed_config }] of access_log.entries())
    if ((typed_config as { readonly path?: string } | undefined)?.path !== '/dev/null')
      refuse(`admin.access_log[${i}]`, 'is not supported by this proxy: only a file /dev/null');
}

function checkClusterManager(manager: Bootstrap['cluster_manager'], refuse: Refuse): void {
  const {
    local_cluster_name: _local,
    upstream_bind_config,
    enable_deferred_cluster_creation: _deferred, // clusters cost little until they are used
    ...rest
  } = manager ?? {};
  refuseRest(refuse, 'cluster_manager', rest);
  const { source_address, ...others } = upstream_bind_config ?? {};
  refuseRest(refuse, 'cluster_manager.upstream_bind_config', others);
  if (source_address?.port_value)
    refuse('cluster_manager.upstream_bind_config.source_address.port_value', 'only 0 is supported');
}
