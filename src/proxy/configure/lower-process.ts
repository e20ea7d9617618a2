/**
 * The parts of a bootstrap that are about the process as a whole: runtime layers, the overload manager, names and
 * regular expressions, the admin port's log. What would change traffic and is not done here is refused.
 */
import { fieldIn, type Refuse, refuseRest } from '../../xds/match/refuse.ts';
import type { AnyMessage, Bootstrap, Json } from '../../xds/resources.ts';

/** Limits of the whole proxy. */
export interface ProcessLimits {
  /** Open connections of clients, of all listeners that do not ignore it; undefined: as many as there are. */
  readonly maxDownstreamConnections: number | undefined;
}

const connectionLimitKey = 'overload.global_downstream_max_connections';
const connectionMonitor =
  'type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig';

/** Keys of the runtime that change nothing here, by how they begin. */
const harmlessKeys: readonly string[] = [
  // Regular expressions are of linear time whatever their size.
  're2.max_program_size.',
  // Which of Envoy's old fields may be used: what is not understood is refused field by field.
  'envoy.deprecated_features',
  'envoy.features.',
  // Guards of how Envoy's own code changes from one of its versions to the next; Envoy passes over those that it does
  // not know, too. Two that Istio sets: endpoints of a cluster that comes again are kept here in any case, and a path
  // with a fragment is no path, whichever of its two readings is wanted.
  'envoy.reloadable_features.',
  'envoy.restart_features.',
];

/** Reads what the bootstrap says of the process. */
export function readProcessLimits(message: Bootstrap, refuse: Refuse): ProcessLimits {
  checkRegexEngine(message.default_regex_engine?.typed_config, refuse);
  checkResolver(message, refuse);
  checkAdmin(message.admin, refuse);
  checkClusterManager(message.cluster_manager, refuse);
  const limits = [
    runtimeLimit(message.layered_runtime, refuse),
    monitoredLimit(message.overload_manager, refuse),
  ].filter((limit) => limit !== undefined);
  return { maxDownstreamConnections: limits.length === 0 ? undefined : Math.min(...limits) };
}

/** Static layers alone: the last one that sets a key counts. Who would change them while we run is refused. */
function runtimeLimit(runtime: Bootstrap['layered_runtime'], refuse: Refuse): number | undefined {
  let limit: number | undefined;
  for (const [i, layer] of (runtime?.layers ?? []).entries()) {
    const field = `layered_runtime.layers[${i}]`;
    // Nothing can be modified through the admin port here.
    const { name: _name, static_layer = {}, admin_layer: _admin, ...rest } = layer;
    refuseRest(refuse, field, rest);
    for (const [key, value] of flat(static_layer, '')) {
      if (key === connectionLimitKey) limit = Number(value);
      else if (!harmlessKeys.some((start) => key.startsWith(start)))
        refuse(`${field}.static_layer['${key}']`, 'is not a runtime key of this proxy');
    }
  }
  if (limit === undefined || Number.isInteger(limit)) return limit;
  refuse('layered_runtime', `${connectionLimitKey} must be a whole number`);
  return undefined;
}

/** `{ a: { b: 1 } }` and `{ 'a.b': 1 }` are the same. */
function flat(layer: { readonly [key: string]: Json }, prefix: string): (readonly [string, Json])[] {
  return Object.entries(layer).flatMap(([key, value]) => {
    const path = prefix + key;
    const nested = typeof value === 'object' && value !== null && !Array.isArray(value);
    return nested ? flat(value as { readonly [key: string]: Json }, `${path}.`) : [[path, value] as const];
  });
}

function monitoredLimit(manager: Bootstrap['overload_manager'], refuse: Refuse): number | undefined {
  const {
    resource_monitors = [],
    refresh_interval: _refresh, // connections are counted one by one
    buffer_factory_config: _buffers, // says what an action may track, and there are none
    ...rest
  } = manager ?? {};
  refuseRest(refuse, 'overload_manager', rest);
  let limit: number | undefined;
  for (const [i, { typed_config }] of resource_monitors.entries()) {
    const field = `overload_manager.resource_monitors[${i}].typed_config`;
    const { '@type': type = 'nothing', ...config } = (typed_config ?? {}) as Partial<AnyMessage>;
    if (type === connectionMonitor) limit = readMonitor(config, refuse, field);
    else refuse(field, `${type} is not supported by this proxy`);
  }
  return limit;
}

function readMonitor(config: object, refuse: Refuse, field: string): number {
  const { max_active_downstream_connections = 0, ...rest } = config as {
    readonly max_active_downstream_connections?: number | string;
  };
  refuseRest(refuse, field, rest);
  const limit = Number(max_active_downstream_connections);
  if (!(limit > 0)) refuse(fieldIn(field, 'max_active_downstream_connections'), 'must be more than 0');
  return limit;
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
