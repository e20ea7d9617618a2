import { fieldIn, type Refuse, refuseRest } from '../../xds/match/refuse.ts';
import { compileRouteMatch } from '../../xds/match/route-match.ts';
import { indexHosts } from '../../xds/match/virtual-host.ts';
import type {
  RouteAction as RouteActionMessage,
  RouteConfiguration,
  Route as RouteMessage,
  VirtualHost,
} from '../../xds/resources.ts';
import { type Lowered, lowering } from '../lowered.ts';
import { readRouteTracing } from '../observe/tracing/lower-route-tracing.ts';
import { readHeaderOperations } from './header-operations.ts';
import { corsLevel, type OverrideLevel, readOverrides } from './lower-overrides.ts';
import { forwardedClusters, readAction } from './lower-route-action.ts';
import { type RateLimits, readRateLimits } from './rate-limit-policy.ts';
import type { RouteLevel } from './route-level.ts';
import type { Route, RouteTable, VirtualHostRoutes } from './route-table.ts';

/** A RouteConfiguration of RDS. `onDemand`: its virtual hosts may come one by one (vhds). */
export function lowerRouteConfiguration(message: RouteConfiguration, onDemand = false): Lowered<RouteTable> {
  return lowering((refuse) => readRouteConfiguration(message, refuse, '', onDemand));
}

/** As {@link lowerRouteConfiguration}, inside another lowering. `field` is where it stands, for refusals. */
export function readRouteConfiguration(
  message: RouteConfiguration,
  refuse: Refuse,
  field: string,
  onDemand = false,
): RouteTable {
  const { name = '', virtual_hosts = [], internal_only_headers = [], metadata: _metadata, ...more } = message;
  const { ignore_port_in_host_matching = false, validate_clusters: _validate, vhds, ...mutations } = more;
  const {
    most_specific_header_mutations_wins = false,
    max_direct_response_body_size_bytes,
    ...levelFields
  } = mutations;
  const table = readLevel(levelFields, refuse, field);
  if (vhds !== undefined && !onDemand) refuse(fieldIn(field, 'vhds'), 'needs a proxy on demand');
  if (vhds !== undefined && vhds.config_source?.ads === undefined)
    refuse(fieldIn(field, 'vhds.config_source'), 'must be ads');
  const around = {
    generalFirst: most_specific_header_mutations_wins,
    maxDirectBytes: max_direct_response_body_size_bytes ?? 4096,
  };
  const hosts = virtual_hosts.map((host, i) => {
    const hostField = fieldIn(field, `virtual_hosts[${i}]`);
    const value = readVirtualHost(host, table, around, refuse, hostField);
    return { domains: host.domains ?? [], value, field: hostField };
  });
  const clusterNames = new Set(
    hosts.flatMap(({ value }) => value.routes.flatMap((route) => forwardedClusters(route.action))),
  );
  return {
    name,
    clusterNames: [...clusterNames],
    hosts: indexHosts(hosts, refuse),
    ignorePort: ignore_port_in_host_matching,
    vhds: vhds !== undefined,
    internalOnlyHeaders: internal_only_headers.map((header) => header.toLowerCase()),
  };
}

/** Most of a request's body that is kept; Envoy's default for a stream's buffer. */
const MAX_BUFFER_BYTES = 1024 * 1024;

/** What holds for the whole table. */
interface Around {
  readonly generalFirst: boolean;
  readonly maxDirectBytes: number;
}

function readVirtualHost(
  message: VirtualHost,
  table: RouteLevel,
  around: Around,
  refuse: Refuse,
  field: string,
): VirtualHostRoutes {
  const {
    name = '',
    domains: _domains,
    routes = [],
    require_tls = 'NONE',
    metadata: _metadata,
    ...more
  } = message;
  const {
    include_request_attempt_count = false,
    include_attempt_count_in_response = false,
    ...settings
  } = more;
  const { retry_policy, hedge_policy, include_is_timeout_retry_header = false, cors, ...kept } = settings;
  const { per_request_buffer_limit_bytes, rate_limits, ...levelFields } = kept;
  const level = {
    ...readLevel(levelFields, refuse, field),
    cors: corsLevel(cors, refuse, field),
    rateLimits: rate_limits === undefined ? [] : readRateLimits(rate_limits, {}, refuse, field),
  };
  const inherited = {
    virtualHost: name,
    levels: [level, table],
    retryPolicy: retry_policy,
    retryField: fieldIn(field, 'retry_policy'),
    hedgePolicy: hedge_policy,
    marksTimeoutRetries: include_is_timeout_retry_header,
    bufferBytes: Math.min(MAX_BUFFER_BYTES, per_request_buffer_limit_bytes ?? MAX_BUFFER_BYTES),
    attemptCountInRequest: include_request_attempt_count,
    attemptCountInResponse: include_attempt_count_in_response,
    ...around,
  };
  return {
    name,
    requireTls: require_tls === 'ALL' ? 'all' : require_tls === 'EXTERNAL_ONLY' ? 'external' : 'none',
    routes: routes.map((route, i) => readRoute(route, inherited, refuse, fieldIn(field, `routes[${i}]`))),
  };
}

function readRoute(
  message: RouteMessage,
  inherited: Parameters<typeof readAction>[1],
  refuse: Refuse,
  field: string,
): Route {
  const { name = '', match = {}, metadata, decorator, route, redirect, direct_response, ...more } = message;
  const { non_forwarding_action, tracing, per_request_buffer_limit_bytes, stat_prefix, ...levelFields } =
    more;
  const bufferBytes = Math.min(MAX_BUFFER_BYTES, per_request_buffer_limit_bytes ?? inherited.bufferBytes);
  const compiled = compileRouteMatch(match, refuse, fieldIn(field, 'match'));
  const level = {
    ...readLevel(levelFields, refuse, field),
    cors: corsLevel(route?.cors, refuse, fieldIn(field, 'route')),
    routeRateLimits: route && readRouteLimits(route, metadata, inherited.levels, refuse, field),
  };
  const action = readAction(
    { name, path: compiled.path, route, redirect, direct_response, non_forwarding_action },
    { ...inherited, bufferBytes, levels: [level, ...inherited.levels] },
    refuse,
    field,
  );
  return {
    name,
    virtualHost: inherited.virtualHost,
    statPrefix: stat_prefix ?? '',
    match: compiled,
    action,
    metadata: metadata?.filter_metadata ?? {},
    decorator: decorator?.operation ?? '',
    decoratorPropagates: decorator?.propagate ?? true,
    tracing: tracing && readRouteTracing(tracing, refuse, fieldIn(field, 'tracing')),
  };
}

function readRouteLimits(
  { rate_limits, include_vh_rate_limits }: RouteActionMessage,
  metadata: RouteMessage['metadata'],
  levels: readonly RouteLevel[],
  refuse: Refuse,
  field: string,
): RateLimits | undefined {
  const virtualHost = levels.flatMap((level) => level.rateLimits ?? []);
  const place = fieldIn(field, 'route');
  const route =
    rate_limits === undefined
      ? []
      : readRateLimits(rate_limits, metadata?.filter_metadata ?? {}, refuse, place);
  if (route.length === 0 && virtualHost.length === 0) return undefined;
  return { route, virtualHost, includesVirtualHost: include_vh_rate_limits ?? false };
}

type LevelFields = Pick<
  VirtualHost,
  | 'request_headers_to_add'
  | 'request_headers_to_remove'
  | 'response_headers_to_add'
  | 'response_headers_to_remove'
  | 'request_mirror_policies'
  | 'typed_per_filter_config'
>;

/** The fields that table, virtual host, route and weighted cluster have in common; all others are refused. */
function readLevel(
  fields: LevelFields,
  refuse: Refuse,
  field: string,
): RouteLevel & { cors?: OverrideLevel | undefined } {
  const { request_headers_to_add, request_headers_to_remove, response_headers_to_add, ...more } = fields;
  const { response_headers_to_remove, request_mirror_policies, typed_per_filter_config, ...rest } = more;
  refuseRest(refuse, field, rest);
  return {
    request: readHeaderOperations(
      request_headers_to_add,
      request_headers_to_remove,
      'request',
      refuse,
      field,
    ),
    response: readHeaderOperations(
      response_headers_to_add,
      response_headers_to_remove,
      'response',
      refuse,
      field,
    ),
    mirrors: request_mirror_policies,
    mirrorField: fieldIn(field, 'request_mirror_policies'),
    overrides: readOverrides(typed_per_filter_config, refuse, fieldIn(field, 'typed_per_filter_config')),
  };
}
