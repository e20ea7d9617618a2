import { getHeader, type Headers, indexOfHeader, removeHeader, setHeader } from '../../../../wire/headers.ts';
import { applyOperations } from '../../../stream/header-operations.ts';
import type { RequestState } from '../../../stream/request-state.ts';
import type { ForwardAction, RouteLeaf } from '../../../stream/route-table.ts';
import type { RoutedStream } from '../../../stream/routed-stream.ts';
import type { RouterConfig } from './config.ts';

// The request's head as routes want it sent, and how long it may take.

/** Time limits of one request in milliseconds; 0 is none. */
export interface RequestTimes {
  readonly totalMs: number;
  readonly perTryMs: number;
}

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

/** The times of a request: the route's, unless the caller may and does say otherwise in headers, which end here. */
export function requestTimes(
  stream: RoutedStream,
  action: ForwardAction,
  config: RouterConfig,
): RequestTimes {
  const { headers } = stream.request;
  const steered = hasEnvoyHeaders(headers);
  let totalMs = grpcTimeoutMs(headers, action) ?? action.timeoutMs;
  let perTryMs = action.retry?.perTryTimeoutMs ?? 0;
  const expected =
    steered && config.respectExpectedTimeout
      ? numberOf(headers, 'x-envoy-expected-rq-timeout-ms')
      : undefined;
  const asked = steered ? takeNumber(headers, 'x-envoy-upstream-rq-timeout-ms') : undefined;
  totalMs = expected ?? asked ?? totalMs;
  if (steered) perTryMs = takeNumber(headers, 'x-envoy-upstream-rq-per-try-timeout-ms') ?? perTryMs;
  // A try cannot be given longer than everything.
  if (totalMs > 0 && perTryMs >= totalMs) perTryMs = 0;
  if (!config.suppressEnvoyHeaders && (perTryMs || totalMs) > 0)
    setHeader(headers, 'x-envoy-expected-rq-timeout-ms', String(Math.round(perTryMs || totalMs)));
  return { totalMs, perTryMs };
}

/** Whether any header is one of Envoy's: most requests have none, and then five look-ups need not be made. */
export function hasEnvoyHeaders(headers: Headers): boolean {
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    if (name.charCodeAt(1) === 45 && name.charCodeAt(7) === 45 && name.toLowerCase().startsWith('x-envoy-'))
      return true;
  }
  return false;
}

const GRPC_UNITS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 0.001,
  n: 0.000_001,
};

/** What `grpc-timeout` asks, as far as the route lets it; undefined where it does not count. */
function grpcTimeoutMs(headers: Headers, action: ForwardAction): number | undefined {
  if (action.grpcTimeoutMaxMs === undefined) return undefined;
  const [, amount, unit] = /^(\d{1,8})([HMSmun])$/.exec(getHeader(headers, 'grpc-timeout') ?? '') ?? [];
  if (amount === undefined || unit === undefined) return action.grpcTimeoutMaxMs;
  const askedMs = Math.max(0, Number(amount) * (GRPC_UNITS[unit] as number) - action.grpcTimeoutOffsetMs);
  return action.grpcTimeoutMaxMs === 0 ? askedMs : Math.min(askedMs, action.grpcTimeoutMaxMs);
}

function takeNumber(headers: Headers, name: string): number | undefined {
  const value = numberOf(headers, name);
  if (value !== undefined) removeHeader(headers, name);
  return value;
}

function numberOf(headers: Headers, name: string): number | undefined {
  const text = getHeader(headers, name);
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}
