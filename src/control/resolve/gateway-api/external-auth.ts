import type { HttpRouteFilter } from '../../../api/gateway/shared/filters.ts';
import type { Authorizer } from '../../../mesh/authorization.ts';
import { backendDestination, type RouteContext } from './backends.ts';

type ExternalAuth = NonNullable<HttpRouteFilter['externalAuth']>;

/** The API says no time; nobody waits for an answer as long as this. */
const TIMEOUT_MS = 10_000;

/** Whom an ExternalAuth filter asks; undefined where that service cannot be had, which is a problem of the route's. */
export function authorizerOf(context: RouteContext, spec: ExternalAuth): Authorizer | undefined {
  const { destination, valid } = backendDestination(context, spec.backendRef);
  if (!valid || destination.port === undefined) return undefined;
  const overHttp = spec.protocol === 'HTTP';
  const http = spec.http ?? {};
  const allowed = http.allowedResponseHeaders ?? [];
  const maxBytes = spec.forwardBody?.maxSize ?? 0;
  return {
    kind: overHttp ? 'http' : 'grpc',
    service: destination.host,
    port: destination.port,
    timeoutMs: TIMEOUT_MS,
    failOpen: false,
    statusOnError: 403,
    clearRouteCache: false,
    body: maxBytes > 0 ? { maxBytes, allowPartial: true, asBytes: !overHttp } : undefined,
    pathPrefix: overHttp ? (http.path ?? '') : '',
    headersInCheck: (overHttp ? http.allowedHeaders : spec.grpc?.allowedHeaders) ?? [],
    addedInCheck: {},
    headersUpstream: overHttp && allowed.length === 0 ? 'all' : allowed,
    headersOnDeny: [],
    headersOnAllow: [],
  };
}
