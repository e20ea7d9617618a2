import { type Refuse, refuseRest } from '../../xds/match/refuse.ts';
import type { Cluster } from '../../xds/resources.ts';
import { readChoice, readDurationMs } from '../fields.ts';
import type { Discovery, DnsFamily } from './cluster-config.ts';
import { NO_ENDPOINTS } from './endpoint-set.ts';
import { readEndpointSet } from './lower-endpoint.ts';

/** The fields of a cluster that say where its endpoints come from. */
export type DiscoveryFields = {
  readonly [K in
    | 'type'
    | 'eds_cluster_config'
    | 'load_assignment'
    | 'original_dst_lb_config'
    | 'dns_refresh_rate'
    | 'dns_lookup_family'
    | 'respect_dns_ttl'
    | 'dns_failure_refresh_rate']: Cluster[K] | undefined;
};

const TYPES = ['STATIC', 'STRICT_DNS', 'LOGICAL_DNS', 'EDS', 'ORIGINAL_DST'] as const;

const FAMILIES: Readonly<Record<string, DnsFamily>> = {
  AUTO: 'auto',
  V4_ONLY: 'v4',
  V6_ONLY: 'v6',
  V4_PREFERRED: 'v4-preferred',
  ALL: 'all',
};

export function readDiscovery(fields: DiscoveryFields, name: string, refuse: Refuse): Discovery {
  const type = readChoice(fields.type, 'STATIC', TYPES, refuse, 'type');
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
    family: FAMILIES[fields.dns_lookup_family ?? 'AUTO'] ?? 'auto',
    refreshMs: readDurationMs(fields.dns_refresh_rate, 5000, refuse, 'dns_refresh_rate'),
    respectTtl: fields.respect_dns_ttl ?? false,
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
  const { use_http_header = false, http_header_name, upstream_port_override, ...rest } = config ?? {};
  refuseRest(refuse, 'original_dst_lb_config', rest);
  const header =
    http_header_name === undefined || http_header_name === ''
      ? 'x-envoy-original-dst-host'
      : http_header_name;
  return {
    kind: 'original-destination',
    headerName: use_http_header ? header.toLowerCase() : undefined,
    portOverride: upstream_port_override,
  };
}
