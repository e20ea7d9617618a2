import { formatProtoDuration } from '../../../lib/duration.ts';
import type { Authorizer } from '../../../mesh/authorization.ts';
import { outboundCluster } from '../../../xds/names.ts';
import { any, type ExtAuthz, type NetworkExtAuthz } from '../../../xds/resources.ts';
import type { HttpFilter, NetworkFilter } from './rbac-types.ts';
import { namesWithout, textMatcher } from './text.ts';

/**
 * Asks an authorizer about the requests that the rules before it, on trial only, would have denied: those name their
 * policy with `prefix` in the metadata that they leave under `metadataKey`.
 */
export function extAuthzFilter(authorizer: Authorizer, prefix: string, metadataKey: string): HttpFilter {
  return {
    name: 'envoy.filters.http.ext_authz',
    typed_config: any('envoy.extensions.filters.http.ext_authz.v3.ExtAuthz', {
      ...authorizerConfig(authorizer),
      filter_enabled_metadata: named('envoy.filters.http.rbac', prefix, metadataKey),
    } satisfies ExtAuthz),
  };
}

/** The same of connections. Only over gRPC: undefined for an authorizer that is asked over HTTP. */
export function extAuthzOfConnections(
  authorizer: Authorizer,
  prefix: string,
  metadataKey: string,
): NetworkFilter | undefined {
  if (authorizer.kind !== 'grpc') return undefined;
  return {
    name: 'envoy.filters.network.ext_authz',
    typed_config: any('envoy.extensions.filters.network.ext_authz.v3.ExtAuthz', {
      stat_prefix: 'tcp.',
      grpc_service: grpcService(authorizer),
      transport_api_version: 'V3',
      ...(authorizer.failOpen ? { failure_mode_allow: true } : {}),
      filter_enabled_metadata: named('envoy.filters.network.rbac', prefix, metadataKey),
    } satisfies NetworkExtAuthz),
  };
}

/** That rules on trial before this filter named a policy. */
function named(filter: string, prefix: string, key: string) {
  return { filter, path: [{ key }], value: { string_match: { prefix } } };
}

/** Who is asked, and how. */
export function authorizerConfig(authorizer: Authorizer): ExtAuthz {
  return {
    ...service(authorizer),
    transport_api_version: 'V3',
    ...(authorizer.failOpen ? { failure_mode_allow: true } : {}),
    ...(authorizer.clearRouteCache ? { clear_route_cache: true } : {}),
    ...(authorizer.body === undefined ? {} : { with_request_body: body(authorizer.body) }),
    status_on_error: { code: STATUS[authorizer.statusOnError] ?? 'Forbidden' },
  };
}

function body({ maxBytes, allowPartial, asBytes }: NonNullable<Authorizer['body']>) {
  return {
    max_request_bytes: maxBytes,
    ...(allowPartial ? { allow_partial_message: true } : {}),
    ...(asBytes ? { pack_as_bytes: true } : {}),
  };
}

function service(authorizer: Authorizer): ExtAuthz {
  if (authorizer.kind === 'grpc')
    return {
      ...patterns('allowed_headers', authorizer.headersInCheck),
      grpc_service: grpcService(authorizer),
    };
  const { host, cluster, timeout } = placeOf(authorizer);
  return {
    ...patterns('allowed_headers', authorizer.headersInCheck),
    http_service: {
      server_uri: { uri: `http://${host}:${authorizer.port}`, cluster, timeout },
      ...(authorizer.pathPrefix === '' ? {} : { path_prefix: authorizer.pathPrefix }),
      authorization_request: added(authorizer.addedInCheck),
      authorization_response: {
        ...(authorizer.headersUpstream === 'all'
          ? { allowed_upstream_headers: { patterns: NOT_OF_ANSWER } }
          : patterns('allowed_upstream_headers', authorizer.headersUpstream)),
        ...patterns('allowed_client_headers', authorizer.headersOnDeny),
        ...patterns('allowed_client_headers_on_success', authorizer.headersOnAllow),
      },
    },
  };
}

function grpcService(authorizer: Authorizer) {
  const { host, cluster, timeout } = placeOf(authorizer);
  return { envoy_grpc: { cluster_name: cluster, authority: host }, timeout };
}

function placeOf({ service, port, timeoutMs }: Authorizer) {
  const host = service.slice(service.indexOf('/') + 1);
  return { host, cluster: outboundCluster(port, '', host), timeout: formatProtoDuration(timeoutMs) };
}

/** How headers begin that are about an answer's own body and connection, and not about the request that it allows. */
const OF_ANSWER = ['conne', 'conte', 'date', 'host', 'keep-', 'trans', 'upgra'];
const NOT_OF_ANSWER = namesWithout(OF_ANSWER).map((regex) => ({ safe_regex: { regex } }));

function patterns<K extends string>(field: K, names: readonly string[]) {
  if (names.length === 0) return {};
  const each = names.map((name) => ({ ...textMatcher(name), ignore_case: true }));
  return { [field]: { patterns: each } } as Record<K, { readonly patterns: typeof each }>;
}

function added(headers: Readonly<Record<string, string>>) {
  const list = Object.keys(headers)
    .sort()
    .map((key) => ({ key, value: headers[key] ?? '' }));
  return list.length === 0 ? {} : { headers_to_add: list };
}

/** Names of type.v3.StatusCode that providers may want. */
const STATUS: Readonly<
  Record<
    number,
    | 'BadRequest'
    | 'Unauthorized'
    | 'Forbidden'
    | 'NotFound'
    | 'TooManyRequests'
    | 'InternalServerError'
    | 'BadGateway'
    | 'ServiceUnavailable'
    | 'GatewayTimeout'
  >
> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  429: 'TooManyRequests',
  500: 'InternalServerError',
  502: 'BadGateway',
  503: 'ServiceUnavailable',
  504: 'GatewayTimeout',
};
