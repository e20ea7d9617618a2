import { getHeader, type Headers, indexOfHeader, setHeader } from '../../../../wire/headers.ts';
import { applyOperations } from '../../../stream/header-operations.ts';
import type { RequestState } from '../../../stream/request-state.ts';
import type { ForwardAction, RouteLeaf } from '../../../stream/route-table.ts';
import type { RoutedStream } from '../../../stream/routed-stream.ts';
import type { RouterConfig } from './config.ts';

// The request's head as routes want it sent.

/** Changes the request in place: the route's header operations, its host, its path. */
export function rewriteRequest(
  stream: RoutedStream,
  action: ForwardAction,
  leaf: RouteLeaf,
  config: RouterConfig,
): void {
  const { request } = stream;
  const { headers } = request;
  if (leaf.requestHeaders !== undefined) applyOperations(leaf.requestHeaders, headers, stream.facts);
  rewriteHost(request, action, leaf, config);
  if (action.rewritePath === undefined) return;
  const path = action.rewritePath(request.path);
  if (!config.suppressEnvoyHeaders) setHeader(headers, 'x-envoy-original-path', request.path);
  request.path = path;
}

function rewriteHost(
  request: RequestState,
  action: ForwardAction,
  leaf: RouteLeaf,
  config: RouterConfig,
): void {
  if (leaf.hostRewrite !== undefined) {
    request.authority = leaf.hostRewrite;
    return;
  }
  const rewrite = action.rewriteHost;
  if (rewrite === undefined || rewrite.kind === 'endpoint') return;
  const host =
    rewrite.kind === 'literal'
      ? rewrite.host
      : rewrite.kind === 'header'
        ? getHeader(request.headers, rewrite.name)
        : rewrite.rewrite(request.path.split('?', 1)[0] as string);
  if (host !== undefined && host !== '') setAuthority(request, host, action.appendForwardedHost, config);
}

/** Replaces the host; what it was goes into x-envoy-original-host, and X-Forwarded-Host where the route says so. */
export function setAuthority(
  request: RequestState,
  host: string,
  appendForwardedHost: boolean,
  config: RouterConfig,
): void {
  const { headers, authority } = request;
  if (!config.suppressEnvoyHeaders) setHeader(headers, 'x-envoy-original-host', authority);
  if (appendForwardedHost && authority !== '') addForwardedHost(headers, authority);
  request.authority = host;
}

/** The last host that is named already is not named again. */
function addForwardedHost(headers: Headers, host: string): void {
  const i = indexOfHeader(headers, 'x-forwarded-host', 0);
  const before = headers[i + 1] as string;
  if (i < 0) headers.push('x-forwarded-host', host);
  else if (before.slice(before.lastIndexOf(',') + 1).trim() !== host) headers[i + 1] = `${before},${host}`;
}

/** Filters and rewrites change the authority; this is where the Host header follows. HTTP/1.0 may have none yet. */
export function syncHost(request: RequestState): void {
  const i = indexOfHeader(request.headers, 'host', 0);
  if (i < 0) request.headers.unshift('host', request.authority);
  else if (request.headers[i + 1] !== request.authority) request.headers[i + 1] = request.authority;
}
