type Fields = Readonly<Record<string, unknown>>;

/** Fields of which a message has one at most (oneofs of xDS that people change); setting one takes the others out. */
const EXCLUSIVE: readonly (readonly string[])[] = [
  ['type', 'cluster_type'],
  ['cluster', 'weighted_clusters', 'cluster_header'],
  ['route', 'redirect', 'direct_response'],
  ['prefix', 'path', 'safe_regex', 'path_separated_prefix', 'path_match_policy', 'connect_matcher'],
  ['prefix_rewrite', 'regex_rewrite', 'path_rewrite_policy'],
  ['rds', 'route_config', 'scoped_routes'],
  ['host_rewrite_literal', 'auto_host_rewrite', 'host_rewrite_header', 'host_rewrite_path_regex'],
  ['explicit_http_config', 'use_downstream_protocol_config', 'auto_config'],
  ['http_protocol_options', 'http2_protocol_options', 'http3_protocol_options'],
  ['typed_config', 'config_discovery'],
  ['inline_string', 'inline_bytes', 'filename', 'environment_variable'],
  ['socket_address', 'pipe', 'envoy_internal_address'],
  ['validation_context', 'validation_context_sds_secret_config', 'combined_validation_context'],
  [
    'ring_hash_lb_config',
    'maglev_lb_config',
    'original_dst_lb_config',
    'least_request_lb_config',
    'round_robin_lb_config',
  ],
];

/** Fields that are maps of messages: an entry of the change stands in the place of the one before, as protobuf has it. */
const MAPS: ReadonlySet<string> = new Set([
  'filter_metadata',
  'typed_filter_metadata',
  'typed_per_filter_config',
  'typed_extension_protocol_options',
]);

/**
 * Two messages as one, as protobuf merges them: scalars of `change` win, messages are merged, lists are joined
 * (replaced where `lists` says so). Typed configurations of different types are not alike: the change's wins.
 */
export function mergeMessages<T extends object>(
  base: T,
  change: Fields,
  lists: 'join' | 'replace' = 'join',
): T {
  const merged: Record<string, unknown> = { ...(base as Fields) };
  const before = merged['@type'];
  if (change['@type'] !== undefined && before !== undefined && change['@type'] !== before) return change as T;
  for (const [key, value] of Object.entries(change)) {
    for (const group of EXCLUSIVE)
      if (group.includes(key)) for (const other of group) if (other !== key) delete merged[other];
    merged[key] = MAPS.has(key)
      ? { ...(merged[key] as Fields | undefined), ...(value as Fields) }
      : mergeValue(merged[key], value, lists);
  }
  return merged as T;
}

function mergeValue(base: unknown, change: unknown, lists: 'join' | 'replace'): unknown {
  if (Array.isArray(base) && Array.isArray(change)) return lists === 'join' ? [...base, ...change] : change;
  return isMessage(base) && isMessage(change) ? mergeMessages(base, change, lists) : change;
}

function isMessage(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * A filter with a change: its name, and its configuration where both are of one type. Of another type the change says
 * nothing about this filter's configuration, which stays (Istio's MergeAnyWithAny).
 */
export function mergeFilter<T extends { readonly typed_config?: unknown }>(
  filter: T,
  change: Fields,
  lists: 'join' | 'replace',
): T {
  const { typed_config, ...rest } = change;
  const own = filter.typed_config;
  const alike = isMessage(own) && isMessage(typed_config) && own['@type'] === typed_config['@type'];
  const merged = mergeMessages(filter, rest, lists);
  return alike ? { ...merged, typed_config: mergeMessages(own, typed_config, lists) } : merged;
}
