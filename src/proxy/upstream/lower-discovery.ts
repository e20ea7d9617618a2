import { fieldIn, type Refuse, refuseRest } from '../../xds/match/refuse.ts';
import type { AnyMessage, Cluster } from '../../xds/resources.ts';
import { readChoice, readDurationMs } from '../fields.ts';
import type { Discovery, DnsFamily, DynamicDiscovery } from './cluster-config.ts';
import { NO_ENDPOINTS } from './endpoint-set.ts';
import { readEndpointSet } from './lower-endpoint.ts';

/** The fields of a cluster that say where its endpoints come from. */
export type DiscoveryFields = {
  readonly [K in
    | 'type'
    | 'cluster_type'
    | 'eds_cluster_config'
    | 'load_assignment'
    | 'original_dst_lb_config'
    | 'dns_refresh_rate'
    | 'dns_lookup_family'
    | 'respect_dns_ttl'
    | 'dns_failure_refresh_rate']: Cluster[K] | undefined;
};

const TYPES = ['STATIC', 'STRICT_DNS', 'LOGICAL_DNS', 'EDS', 'ORIGINAL_DST'] as const;
/** The same by the names of Envoy's extensions. */
const NAMED: Readonly<Record<string, (typeof TYPES)[number]>> = {
  'envoy.cluster.static': 'STATIC',
  'envoy.cluster.strict_dns': 'STRICT_DNS',
  'envoy.cluster.logical_dns': 'LOGICAL_DNS',
  'envoy.cluster.eds': 'EDS',
  'envoy.cluster.original_dst': 'ORIGINAL_DST',
};
const AGGREGATE = 'envoy.extensions.clusters.aggregate.v3.ClusterConfig';
const DYNAMIC = 'envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig';

const FAMILIES = {
  AUTO: 'auto',
  V4_ONLY: 'v4',
  V6_ONLY: 'v6',
  V4_PREFERRED: 'v4-preferred',
  ALL: 'all',
} as const satisfies Readonly<Record<string, DnsFamily>>;

export function readDiscovery(fields: DiscoveryFields, name: string, refuse: Refuse): Discovery {
  const { cluster_type } = fields;
  if (cluster_type?.typed_config !== undefined)
    return readExtension(cluster_type.typed_config, refuse, 'cluster_type.typed_config');
  const named = cluster_type === undefined ? undefined : NAMED[cluster_type.name ?? ''];
  if (cluster_type !== undefined && named === undefined)
    refuse('cluster_type', `'${cluster_type.name ?? ''}' is not supported by this proxy`);
  const type = named ?? readChoice(fields.type, 'STATIC', TYPES, refuse, 'type');
  if (type === 'ORIGINAL_DST') return readOriginalDestination(fields.original_dst_lb_config, refuse);
  if (type === 'EDS') return readEds(fields, name, refuse);
  const endpoints =
    fields.load_assignment === undefined
      ? NO_ENDPOINTS
      : readEndpointSet(fields.load_assignment, refuse, 'load_assignment');
  if (type === 'STATIC') return { kind: 'static', endpoints };
  return {
    kind: 'dns',
    use: type === 'STRICT_DNS' ? 'every' : 'first',
    endpoints,
    family: readFamily(fields.dns_lookup_family, 'AUTO', refuse, 'dns_lookup_family'),
    refreshMs: readDurationMs(fields.dns_refresh_rate, 5000, refuse, 'dns_refresh_rate'),
    failureRefresh: readFailureRefresh(fields.dns_failure_refresh_rate, refuse, 'dns_failure_refresh_rate'),
    respectTtl: fields.respect_dns_ttl ?? false,
  };
}

function readFamily(
  family: string | undefined,
  absent: keyof typeof FAMILIES,
  refuse: Refuse,
  field: string,
): DnsFamily {
  const names = Object.keys(FAMILIES) as (keyof typeof FAMILIES)[];
  return FAMILIES[readChoice(family, absent, names, refuse, field)];
}

/** After a failure: at random between the two, further with each failure in a row. */
function readFailureRefresh(
  message: Cluster['dns_failure_refresh_rate'] | undefined,
  refuse: Refuse,
  field: string,
): { readonly baseMs: number; readonly maxMs: number } | undefined {
  if (message === undefined) return undefined;
  const baseMs = readDurationMs(message.base_interval, 0, refuse, fieldIn(field, 'base_interval'));
  const maxMs = readDurationMs(message.max_interval, baseMs * 10, refuse, fieldIn(field, 'max_interval'));
  if (baseMs === 0) refuse(fieldIn(field, 'base_interval'), 'is missing');
  if (maxMs < baseMs) refuse(fieldIn(field, 'max_interval'), 'is less than base_interval');
  return { baseMs, maxMs };
}

/** Clusters of other kinds. Only messages that are known here have fields. */
function readExtension(config: AnyMessage, refuse: Refuse, field: string): Discovery {
  const { '@type': type, ...fields } = config;
  if (type.endsWith(`/${AGGREGATE}`)) {
    const { clusters = [], ...rest } = fields as { readonly clusters?: readonly string[] };
    refuseRest(refuse, field, rest);
    if (clusters.length === 0) refuse(fieldIn(field, 'clusters'), 'is missing');
    return { kind: 'aggregate', clusters };
  }
  if (type.endsWith(`/${DYNAMIC}`)) return readDynamic(fields, refuse, field);
  refuse(field, `${type} is not supported by this proxy`);
  return { kind: 'static', endpoints: NO_ENDPOINTS };
}

interface DnsCacheFields {
  readonly name?: string;
  readonly dns_lookup_family?: string;
  readonly dns_refresh_rate?: string;
  readonly host_ttl?: string;
  readonly max_hosts?: number;
}

function readDynamic(
  message: { readonly dns_cache_config?: DnsCacheFields; readonly allow_insecure_cluster_options?: boolean },
  refuse: Refuse,
  field: string,
): DynamicDiscovery {
  // Which names a server may go by is judged by the transport socket alone; there is nothing else to be insecure.
  const { dns_cache_config = {}, allow_insecure_cluster_options: _insecure, ...rest } = message;
  refuseRest(refuse, field, rest);
  return readDnsCache(dns_cache_config, refuse, fieldIn(field, 'dns_cache_config'));
}

/** common.dynamic_forward_proxy.v3.DnsCacheConfig. Each cluster has a cache of its own, whatever its name. */
function readDnsCache(message: DnsCacheFields, refuse: Refuse, field: string): DynamicDiscovery {
  const { name: _name, dns_lookup_family, dns_refresh_rate, host_ttl, max_hosts = 1024, ...rest } = message;
  refuseRest(refuse, field, rest);
  return {
    kind: 'dynamic',
    family: readFamily(dns_lookup_family, 'AUTO', refuse, fieldIn(field, 'dns_lookup_family')),
    refreshMs: readDurationMs(dns_refresh_rate, 60_000, refuse, fieldIn(field, 'dns_refresh_rate')),
    hostTtlMs: readDurationMs(host_ttl, 300_000, refuse, fieldIn(field, 'host_ttl')),
    maxHosts: max_hosts,
  };
}

/** Wherever its source points, EDS comes over the stream the proxy has; that stream's owner knows the source. */
function readEds(fields: DiscoveryFields, name: string, refuse: Refuse): Discovery {
  const { eds_config: _source, service_name, ...rest } = fields.eds_cluster_config ?? {};
  refuseRest(refuse, 'eds_cluster_config', rest);
  if (fields.load_assignment !== undefined) refuse('load_assignment', 'an EDS cluster has none');
  return {
    kind: 'eds',
    serviceName: service_name === undefined || service_name === '' ? name : service_name,
  };
}

function readOriginalDestination(
  config: Cluster['original_dst_lb_config'] | undefined,
  refuse: Refuse,
): Discovery {
  const {
    use_http_header = false,
    http_header_name,
    upstream_port_override,
    metadata_key,
    ...rest
  } = config ?? {};
  refuseRest(refuse, 'original_dst_lb_config', rest);
  const header =
    http_header_name === undefined || http_header_name === ''
      ? 'x-envoy-original-dst-host'
      : http_header_name;
  return {
    kind: 'original-destination',
    headerName: use_http_header ? header.toLowerCase() : undefined,
    metadataKey: metadata_key && {
      namespace: metadata_key.key ?? '',
      path: (metadata_key.path ?? []).map(({ key }) => key ?? ''),
    },
    portOverride: upstream_port_override,
  };
}
