import { fieldIn, type Refuse, refuseRest } from '../../xds/match/refuse.ts';
import type { AnyMessage, Bootstrap, Json } from '../../xds/resources.ts';

// Limits of the process, as runtime layers and the overload manager say them. What else those hold is refused.

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

/** Static layers alone: the last one that sets a key counts. Who would change them while we run is refused. */
export function runtimeLimit(
  runtime: NonNullable<Bootstrap['layered_runtime']>,
  refuse: Refuse,
): number | undefined {
  let limit: number | undefined;
  for (const [i, layer] of (runtime.layers ?? []).entries()) {
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

/** Open connections that the overload manager allows. */
export function monitoredLimit(
  manager: NonNullable<Bootstrap['overload_manager']>,
  refuse: Refuse,
): number | undefined {
  const {
    resource_monitors = [],
    refresh_interval: _refresh, // connections are counted one by one
    buffer_factory_config: _buffers, // says what an action may track, and there are none
    ...rest
  } = manager;
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
