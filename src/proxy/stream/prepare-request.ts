import { type Cidr, cidrContains } from '../../lib/cidr.ts';
import { parseIpAddress } from '../../lib/ip-address.ts';
import type { Random } from '../../lib/random.ts';
import { type Headers, indexOfHeader, removeHeader, setHeader } from '../../wire/headers.ts';
import { normalizePath, type PathProblem } from '../../xds/match/path-normalization.ts';
import { withoutPort } from '../../xds/match/virtual-host.ts';
import { withoutReason } from '../observe/tracing/sampling.ts';
import { ownAddress } from '../own-address.ts';
import { forwardClientCert } from './client-cert-header.ts';
import type { ConnectionView, StreamPeer } from './connection-view.ts';
import type { Reply } from './http-filter.ts';
import type { ManagerSettings } from './manager.ts';
import { isMisspelled } from './misspelled-method.ts';
import { appendVia } from './prepare-response.ts';
import { requestId } from './request-id.ts';
import { joined, type RequestState } from './request-state.ts';

// What a connection manager does to a request before anyone looks at it: whose request it is, what the caller may
// have said about that, one spelling of path and host (Envoy's ConnectionManagerUtility::mutateRequestHeaders).

/** Headers by which callers inside steer this proxy: nobody else may send them. */
const INTERNAL_HEADERS: ReadonlySet<string> = new Set([
  'x-envoy-retriable-status-codes',
  'x-envoy-retriable-header-names',
  'x-envoy-retry-on',
  'x-envoy-retry-grpc-on',
  'x-envoy-max-retries',
  'x-envoy-upstream-alt-stat-name',
  'x-envoy-upstream-rq-timeout-ms',
  'x-envoy-upstream-rq-per-try-timeout-ms',
  'x-envoy-upstream-rq-timeout-alt-response',
  'x-envoy-expected-rq-timeout-ms',
  'x-envoy-force-trace',
  'x-envoy-ip-tags',
  'x-envoy-original-url',
  'x-envoy-hedge-on-per-try-timeout',
]);
/** And these must not even come from the hop before, where this proxy is the first. */
const EDGE_HEADERS: ReadonlySet<string> = new Set([
  'x-envoy-decorator-operation',
  'x-envoy-downstream-service-cluster',
  'x-envoy-downstream-service-node',
  'x-envoy-original-host',
  'x-envoy-original-path',
]);

/** Changes the request in place; a reply where it must not go on. */
export function prepareRequest(
  request: RequestState,
  peer: StreamPeer,
  view: ConnectionView,
  settings: ManagerSettings,
  random: Random,
): Reply | undefined {
  const refusal = prepareTarget(request, settings, view);
  if (refusal !== undefined) return refusal;
  const { headers } = request;
  const { tls } = view.downstream;
  const isInternal =
    settings.ipDetections.length === 0
      ? prepareAddresses(headers, peer, settings)
      : detectAddress(headers, peer, settings);
  if (typeof isInternal !== 'boolean') return isInternal;
  const isEdge = settings.useRemoteAddress && !isInternal;
  prepareScheme(request, tls !== undefined, settings);
  prepareEnvoyHeaders(request, isInternal, isEdge);
  if (settings.userAgent !== undefined) nameOurselves(headers, settings.userAgent);
  if (isEdge) setHeader(headers, 'x-envoy-external-address', peer.remoteAddress);
  if (settings.appendForwardedPort && indexOfHeader(headers, 'x-forwarded-port', 0) < 0)
    headers.push('x-forwarded-port', String(view.downstream.local.port));
  if (settings.forwardClientCert.mode !== 'sanitize' || tls !== undefined || hasXfcc(headers))
    forwardClientCert(headers, settings.forwardClientCert, tls);
  if (settings.generateRequestId)
    prepareRequestId(headers, isEdge, settings.preserveExternalRequestId, random);
  if (settings.via !== '') appendVia(headers, settings.via);
  return undefined;
}

function prepareTarget(
  request: RequestState,
  settings: ManagerSettings,
  view: ConnectionView,
): Reply | undefined {
  const { method } = request;
  if (/[a-z]/.test(method) && !settings.anyMethod && isMisspelled(method))
    return { status: 400, body: 'Methods are written in capitals.', details: 'invalid_method' };
  if (request.path.includes('#'))
    return { status: 400, body: 'The path holds a fragment.', details: 'path_normalization_failed' };
  const { path } = settings;
  if (path.normalize || path.mergeSlashes || path.escapedSlashes !== 'keep') {
    const normal = normalizePath(request.path, path);
    if (typeof normal !== 'string') return pathReply(normal);
    request.path = normal;
  }
  if (settings.stripHostPort !== 'none') stripPort(request, settings, view);
  if (settings.stripTrailingHostDot) request.authority = request.authority.replace(/\.(:\d+)?$/, '$1');
  if (request.authority === '' && settings.defaultHost !== '') request.authority = settings.defaultHost;
  return settings.underscores === 'allow'
    ? undefined
    : prepareUnderscores(request.headers, settings.underscores);
}

function pathReply(problem: PathProblem): Reply {
  if (problem.kind === 'invalid')
    return { status: 400, body: problem.message, details: 'path_normalization_failed' };
  const headers = ['location', problem.path];
  return { status: 307, body: '', details: 'path_normalization_redirect', headers };
}

function stripPort(request: RequestState, settings: ManagerSettings, view: ConnectionView): void {
  const bare = withoutPort(request.authority);
  if (settings.stripHostPort === 'any' || request.authority === `${bare}:${view.downstream.local.port}`)
    request.authority = bare;
}

function prepareUnderscores(headers: Headers, action: 'reject' | 'drop'): Reply | undefined {
  for (let i = headers.length - 2; i >= 0; i -= 2) {
    if (!(headers[i] as string).includes('_')) continue;
    if (action === 'reject')
      return { status: 400, body: 'A header name holds an underscore.', details: 'unexpected_underscore' };
    headers.splice(i, 2);
  }
  return undefined;
}

/** Whose request it is, by extensions: a reply where one of them insists, or else whether it is internal. */
function detectAddress(headers: Headers, peer: StreamPeer, settings: ManagerSettings): boolean | Reply {
  const at = indexOfHeader(headers, 'x-forwarded-for', 0);
  if (at >= 0) oneForwardedFor(headers, at);
  for (const one of settings.ipDetections) {
    const found = one.detect(headers);
    if (found !== undefined) {
      peer.remoteAddress = found.address;
      return found.trusted && isInRange(settings.internalRanges, found.address);
    }
    if (one.rejectStatus !== undefined)
      return { status: one.rejectStatus, body: '', details: 'rejecting_because_detection_failed' };
  }
  return settings.internalUnixSockets && peer.directRemoteAddress === '';
}

/** Whose request it is: the socket's other end, or who X-Forwarded-For says as far as hops are trusted. True for internal. */
function prepareAddresses(headers: Headers, peer: StreamPeer, settings: ManagerSettings): boolean {
  const { useRemoteAddress, trustedHops, internalRanges } = settings;
  const direct = peer.directRemoteAddress;
  const at = indexOfHeader(headers, 'x-forwarded-for', 0);
  const before = at < 0 ? undefined : oneForwardedFor(headers, at);
  if (before !== undefined && !(useRemoteAddress && trustedHops === 0)) {
    const named = forwardedAddress(before, useRemoteAddress ? trustedHops : trustedHops + 1);
    if (named !== undefined) peer.remoteAddress = named;
  }
  if (useRemoteAddress && !settings.skipForwardedForAppend) appendForwardedFor(headers, at, direct);
  // A Unix socket has no address.
  if (settings.internalUnixSockets && direct === '') return true;
  if (internalRanges.length === 0) return false;
  const single = useRemoteAddress ? before === undefined : before !== undefined && !before.includes(',');
  return single && isInRange(internalRanges, peer.remoteAddress);
}

function isInRange(ranges: readonly Cidr[], address: string): boolean {
  return ranges.some((range) => cidrContains(range, address));
}

/** Several lines are one list. */
function oneForwardedFor(headers: Headers, at: number): string {
  if (indexOfHeader(headers, 'x-forwarded-for', at + 2) >= 0)
    setHeader(headers, 'x-forwarded-for', joined(headers, 'x-forwarded-for') as string);
  return headers[at + 1] as string;
}

/** The address so many places from the end; undefined where there is none or it is no address. */
export function forwardedAddress(list: string, fromEnd: number): string | undefined {
  const addresses = list.split(',');
  return ipAddress(addresses[addresses.length - fromEnd]?.trim() ?? '');
}

/** An address as headers have it: without brackets or port. */
export function ipAddress(text: string): string | undefined {
  return parseIpAddress(text) === undefined || text.startsWith('[') ? undefined : text;
}

/** Who comes over loopback is on this machine, and is called by its address. */
function appendForwardedFor(headers: Headers, at: number, direct: string): void {
  const isLoopback = direct === '::1' || direct.startsWith('127.');
  const address = isLoopback ? ownAddress() : direct;
  if (at < 0) headers.push('x-forwarded-for', address);
  else headers[at + 1] = headers[at + 1] === '' ? address : `${headers[at + 1]},${address}`;
}

function prepareScheme(request: RequestState, isTls: boolean, settings: ManagerSettings): void {
  const { headers } = request;
  const own = isTls ? 'https' : 'http';
  const i = indexOfHeader(headers, 'x-forwarded-proto', 0);
  if (i < 0) headers.push('x-forwarded-proto', own);
  else if (settings.useRemoteAddress && settings.trustedHops === 0) headers[i + 1] = own;
  if (settings.schemeOverwrite !== undefined) {
    request.scheme = settings.schemeOverwrite;
    setHeader(headers, 'x-forwarded-proto', settings.schemeOverwrite);
  } else if (request.scheme !== 'http' && request.scheme !== 'https') {
    const named = request.scheme.toLowerCase();
    const isNamed = named === 'http' || named === 'https';
    const said = isNamed ? named : i < 0 ? own : (headers[i + 1] as string).toLowerCase();
    request.scheme = said === 'https' || said === 'http' ? said : own;
  }
}

/** One look at every name finds what Envoy's own headers there are; mostly none. */
function prepareEnvoyHeaders(request: RequestState, isInternal: boolean, isEdge: boolean): void {
  const { headers } = request;
  for (let i = headers.length - 2; i >= 0; i -= 2) {
    const name = headers[i] as string;
    if (name.charCodeAt(1) !== 45 || name.charCodeAt(7) !== 45 || name.length < 9) continue;
    const lower = name.toLowerCase();
    if (!lower.startsWith('x-envoy-')) continue;
    const goes =
      lower === 'x-envoy-internal' ||
      (!isInternal && INTERNAL_HEADERS.has(lower)) ||
      (isEdge && EDGE_HEADERS.has(lower));
    if (goes) headers.splice(i, 2);
    else if (lower === 'x-envoy-force-trace') request.forcesTrace = true;
  }
  if (isInternal) headers.push('x-envoy-internal', 'true');
}

/** For upstreams that want to know who calls (add_user_agent). */
function nameOurselves(headers: Headers, { cluster, node }: NonNullable<ManagerSettings['userAgent']>): void {
  setHeader(headers, 'x-envoy-downstream-service-cluster', cluster);
  const i = indexOfHeader(headers, 'user-agent', 0);
  if (i < 0) headers.push('user-agent', cluster);
  else if (headers[i + 1] === '') headers[i + 1] = cluster;
  if (node !== '') setHeader(headers, 'x-envoy-downstream-service-node', node);
}

function hasXfcc(headers: Headers): boolean {
  return indexOfHeader(headers, 'x-forwarded-client-cert', 0) >= 0;
}

/** From outside only what is kept on request stays, and it never decides what is traced. */
function prepareRequestId(headers: Headers, isEdge: boolean, keep: boolean, random: Random): void {
  const i = indexOfHeader(headers, 'x-request-id', 0);
  if (i < 0) headers.push('x-request-id', requestId(random));
  else if (headers[i + 1] === '') headers[i + 1] = requestId(random);
  else if (isEdge) headers[i + 1] = keep ? withoutReason(headers[i + 1] as string) : requestId(random);
}

/** Takes headers out that only callers inside may send (a route table's list). */
export function removeInternalOnly(headers: Headers, names: readonly string[]): void {
  for (const name of names) removeHeader(headers, name);
}
