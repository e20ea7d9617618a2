import type { Authorizer } from '../../../mesh/authorization.ts';
import type { ClientCertificates, HeaderSettings, MeshSettings } from '../../../mesh/settings.ts';
import {
  any,
  type FilterChain,
  type HttpConnectionManager,
  type RouteConfiguration,
} from '../../../xds/resources.ts';
import { dnsCache } from '../cluster/dynamic-dns.ts';
import { preserveCase } from '../cluster/http-options.ts';
import { SESSION_FILTER } from '../route/session.ts';
import { authorizerFilter } from '../security/route-authorizer.ts';
import { adsSource } from '../sources.ts';
import { accessLogs } from './access-log.ts';
import { limitFields } from './connection-limits.ts';
import { httpDenials } from './denial-log.ts';
import { plaintextRequests } from './plaintext-log.ts';

type Filter = NonNullable<FilterChain['filters']>[number];
type HttpFilter = NonNullable<HttpConnectionManager['http_filters']>[number];

/** What tells one connection manager from another. */
export interface HttpInput {
  /** `outbound_0.0.0.0_9080`. */
  readonly statPrefix: string;
  /** Name of the route configuration, or the routes themselves. */
  readonly routes: string | RouteConfiguration;
  readonly side: 'outbound' | 'inbound' | 'gateway';
  readonly settings: MeshSettings;
  /** Some routes lead to clusters that resolve the request's host. */
  readonly dynamicDns?: boolean;
  /** Some routes keep sessions. */
  readonly sessions?: boolean;
  /** Whom some routes ask. */
  readonly authorizers?: readonly Authorizer[];
  /** Who calls is counted, as calling this port. */
  readonly countedPort?: string;
  /** Filters of policies, which come first. */
  readonly security?: readonly HttpFilter[];
}

/** The network filter that speaks HTTP. */
export function httpFilter(input: HttpInput): Filter {
  return {
    name: 'envoy.filters.network.http_connection_manager',
    typed_config: any(
      'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
      connectionManager(input),
    ),
  };
}

function connectionManager(input: HttpInput): HttpConnectionManager {
  return {
    stat_prefix: input.statPrefix,
    ...(typeof input.routes === 'string'
      ? { rds: { config_source: adsSource, route_config_name: input.routes } }
      : { route_config: input.routes }),
    http_filters: [
      ...(input.security ?? []),
      ...sideFilters(input.side),
      ...(input.authorizers ?? []).map(authorizerFilter),
      ...(input.sessions === true ? [sessions] : []),
      ...(input.dynamicDns === true ? [resolveHost] : []),
      routerFilter(input.settings.headers),
    ],
    ...clientDetails(input.side, input.settings.headers),
    ...(input.settings.headers.requestId ? {} : { generate_request_id: false }),
    ...pathNormalization(input.settings),
    ...serverHeader(input.settings.headers),
    // HTTP/1.0 is what some health checkers and proxies still speak.
    http_protocol_options: {
      accept_http_10: true,
      ...(input.settings.headers.keepCase ? { header_key_format: preserveCase } : {}),
    },
    // `reviews.default.svc.cluster.local.` is the same host: the dot only keeps resolvers from completing it.
    strip_trailing_host_dot: true,
    stream_idle_timeout: '0s',
    // Nobody becomes "internal" by an address alone.
    internal_address_config: { cidr_ranges: [{ address_prefix: '127.0.0.1', prefix_len: 32 }] },
    upgrade_configs: [{ upgrade_type: 'websocket' }],
    ...(input.settings.headers.forwardedPort ? { append_x_forwarded_port: true } : {}),
    ...limitFields(input.settings.connections[input.side === 'gateway' ? 'gateway' : 'sidecar']),
    ...httpDenials(input.security ?? [], logs(input)),
  };
}

function logs({ settings, countedPort }: HttpInput): NonNullable<HttpConnectionManager['access_log']> {
  const own = accessLogs(settings.accessLog).access_log ?? [];
  return countedPort === undefined ? own : [...own, ...plaintextRequests(countedPort)];
}

/** Always there where rules may need them: a filter that came with a rule would end the listener's connections. */
function sideFilters(side: HttpInput['side']): readonly HttpFilter[] {
  return side === 'inbound' ? [] : [fault, cors];
}

const fault: HttpFilter = {
  name: 'envoy.filters.http.fault',
  typed_config: any('envoy.extensions.filters.http.fault.v3.HTTPFault', {}),
};

const cors: HttpFilter = {
  name: 'envoy.filters.http.cors',
  typed_config: any('envoy.extensions.filters.http.cors.v3.Cors', {}),
};

/** Does nothing but where a route says which sessions are kept. */
const sessions: HttpFilter = {
  name: SESSION_FILTER,
  typed_config: any('envoy.extensions.filters.http.stateful_session.v3.StatefulSession', {}),
};

/** Waits until the request's host is resolved, where its cluster wants that; passes all others. */
const resolveHost: HttpFilter = {
  name: 'envoy.filters.http.dynamic_forward_proxy',
  typed_config: any('envoy.extensions.filters.http.dynamic_forward_proxy.v3.FilterConfig', {
    dns_cache_config: dnsCache,
  }),
};

function routerFilter({ envoyDebug }: HeaderSettings): HttpFilter {
  return {
    name: 'envoy.filters.http.router',
    typed_config: any(
      'envoy.extensions.filters.http.router.v3.Router',
      envoyDebug ? {} : { suppress_envoy_headers: true },
    ),
  };
}

/** The application's own word about itself stays, unless the mesh has one for all. */
function serverHeader({ server }: HeaderSettings): HttpConnectionManager {
  return server === undefined ? { server_header_transformation: 'PASS_THROUGH' } : { server_name: server };
}

/** Whose word about the client counts: within the mesh the proxies', at its edge nobody's but the connection's. */
function clientDetails(side: HttpInput['side'], headers: HeaderSettings): HttpConnectionManager {
  if (side === 'outbound') return { use_remote_address: false };
  if (side === 'inbound')
    return {
      use_remote_address: false,
      ...certificates(headers.inboundCertificates ?? 'APPEND_FORWARD', headers.inboundDetails),
    };
  const { trustedProxies, edgeCertificates = 'SANITIZE_SET' } = headers;
  return {
    use_remote_address: true,
    ...(trustedProxies === 0 ? {} : { xff_num_trusted_hops: trustedProxies }),
    ...certificates(edgeCertificates, { subject: true, cert: true, chain: false, dns: true, uri: true }),
  };
}

/** Details are written by those modes alone that write any. */
function certificates(
  forward_client_cert_details: ClientCertificates,
  { subject, cert, chain, dns, uri }: HeaderSettings['inboundDetails'],
): HttpConnectionManager {
  const writes =
    forward_client_cert_details === 'APPEND_FORWARD' || forward_client_cert_details === 'SANITIZE_SET';
  const set_current_client_cert_details = {
    ...{ subject, dns, uri },
    ...(cert ? { cert } : {}),
    ...(chain ? { chain } : {}),
  };
  return { forward_client_cert_details, ...(writes ? { set_current_client_cert_details } : {}) };
}

function pathNormalization({ pathNormalization: mode }: MeshSettings): HttpConnectionManager {
  if (mode === 'none') return {};
  if (mode === 'base') return { normalize_path: true };
  const merged = { normalize_path: true, merge_slashes: true };
  return mode === 'merge-slashes'
    ? merged
    : { ...merged, path_with_escaped_slashes_action: 'UNESCAPE_AND_FORWARD' };
}
