import { defined } from '../../../lib/defined.ts';
import { parseProtoDurationMs } from '../../../lib/duration.ts';
import { readPathRewrite } from '../../../xds/match/path-rewrite.ts';
import { compileSubstitution } from '../../../xds/match/regex.ts';
import type { RouteAction } from '../../../xds/resources.ts';
import { because } from '../because.ts';
import { answered, type Ending } from '../ending.ts';
import type { Held, Managed } from '../held.ts';
import type { Scene } from '../scene.ts';
import { kindOfOpened } from '../tls.ts';
import { sendOn } from '../upstream/send-on.ts';
import { changeHeaders, changesText } from './change-headers.ts';
import { isHashed } from './hashed.ts';
import type { Leaf } from './leaf.ts';
import { localReply } from './local-reply.ts';
import { mirror } from './mirror.ts';
import { headerOf, type Request, withHeader } from './request.ts';
import { passesOverTried, retriesOf, wantsRetry } from './retry.ts';
import { valueFacts } from './value-facts.ts';

/** Sends a request on as its route says, tries again where that is allowed, and changes the answer's headers. */
export function forward(scene: Scene, held: Held, leaf: Leaf, managed: Managed): Ending {
  const { hop } = held;
  const action = leaf.route.route ?? {};
  const cluster =
    leaf.cluster || (headerOf(managed.request.headers, (action.cluster_header ?? '').toLowerCase()) ?? '');
  hop.cluster = cluster;
  hop.timeoutMs = timeoutMs(action);
  hop.retries = retriesOf(leaf);
  const request = rewritten(scene, leaf, action, managed);
  mirror(scene, held, action, managed, request);
  const ending = tryAll(scene, held, leaf, cluster, { ...managed, request });
  const { response } = ending;
  if (response === undefined) return ending;
  const headers = changeHeaders(
    response.headers,
    leaf,
    'response',
    valueFacts(scene, leaf, managed, response),
  );
  const text = changesText(leaf, 'response');
  if (text !== '') scene.trace.step(`the answer comes back ${text}`, because(scene.places.mesh, leaf.origin));
  return { ...ending, response: { ...response, headers } };
}

/** Envoy's time for a whole response where a route says nothing. */
const DEFAULT_TIMEOUT_MS = 15_000;

function timeoutMs({ timeout }: RouteAction): number {
  return timeout === undefined ? DEFAULT_TIMEOUT_MS : (parseProtoDurationMs(timeout) ?? 0);
}

/** The request as the route wants it sent: headers, host, path. */
function rewritten(scene: Scene, leaf: Leaf, action: RouteAction, managed: Managed): Request {
  const { request } = managed;
  const reason = because(scene.places.mesh, leaf.origin);
  let headers = changeHeaders(request.headers, leaf, 'request', valueFacts(scene, leaf, managed, undefined));
  const text = changesText(leaf, 'request');
  if (text !== '') scene.trace.step(`the request goes on ${text}`, reason);
  const authority = rewrittenHost(leaf, action, { ...request, headers });
  if (authority !== request.authority) {
    scene.trace.step(`its host becomes ${authority}`, reason);
    if (action.append_x_forwarded_host === true)
      headers = withHeader(headers, 'x-forwarded-host', request.authority);
  }
  const rewrite = readPathRewrite(action, leaf.match.path, () => {}, '');
  const path = rewrite?.(request.path) ?? request.path;
  // Proxies tell of the path that came wherever they would rewrite it, also where it stays as it was.
  if (rewrite !== undefined) headers = withHeader(headers, 'x-envoy-original-path', request.path);
  if (path !== request.path) scene.trace.step(`its path becomes ${path}`, reason);
  return { ...request, headers, authority, path };
}

function rewrittenHost(leaf: Leaf, action: RouteAction, request: Request): string {
  const literal = leaf.hostRewrite ?? action.host_rewrite_literal ?? '';
  if (literal !== '') return literal;
  const { host_rewrite_header: header, host_rewrite_path_regex: regex } = action;
  if (header !== undefined) return headerOf(request.headers, header.toLowerCase()) || request.authority;
  if (regex === undefined) return request.authority;
  return compileSubstitution(regex, () => {}, '')(request.path.split('?', 1)[0] ?? '') || request.authority;
}

/** More tries than this are not walked: they would all end alike. */
const MAX_TRIES = 10;

function tryAll(scene: Scene, held: Held, leaf: Leaf, cluster: string, managed: Managed): Ending {
  const { hop } = held;
  const tried = passesOverTried(leaf) ? new Set<string>() : undefined;
  const most = Math.min(MAX_TRIES, 1 + (hop.retries?.attempts ?? 0));
  const patience = patienceOf(scene, hop);
  for (;;) {
    hop.attempts++;
    const mark = scene.trace.mark();
    const beganMs = scene.trace.clockMs;
    const reached = tryOnce(scene, held, leaf, cluster, managed, tried);
    if ('final' in reached) return reached.final;
    const ending = inTime(scene, patience, beganMs, reached, managed);
    if ('final' in ending) return ending.final;
    if (hop.attempts >= most || !wantsRetry(leaf, ending.tried))
      return afterLast(scene, ending.tried, managed);
    scene.trace.rewind(mark);
    scene.trace.step(`try ${hop.attempts} fails (${failureText(ending.tried)}), and is made again`);
  }
}

/** How long a proxy waits: for all tries until a point in time, for each so long; infinite where it does not give up. */
interface Patience {
  readonly untilMs: number;
  readonly perTryMs: number;
}

function patienceOf({ trace }: Scene, { timeoutMs, retries }: Held['hop']): Patience {
  return {
    untilMs: timeoutMs === 0 ? Number.POSITIVE_INFINITY : trace.clockMs + timeoutMs,
    perTryMs: retries?.perTryTimeoutMs || Number.POSITIVE_INFINITY,
  };
}

/** What a try ended with, or that nobody waited for it. */
function inTime(
  scene: Scene,
  { untilMs, perTryMs }: Patience,
  beganMs: number,
  reached: { readonly tried: Ending },
  { request }: Managed,
): { readonly final: Ending } | { readonly tried: Ending } {
  const { trace } = scene;
  const tryUntilMs = beganMs + perTryMs;
  if (trace.clockMs <= Math.min(untilMs, tryUntilMs)) return reached;
  const over = untilMs <= tryUntilMs;
  trace.clockMs = over ? untilMs : tryUntilMs;
  trace.step(`no answer comes in time: the proxy answers 504`);
  const details = over ? 'response_timeout' : 'upstream_per_try_timeout';
  const reply = localReply(request, 504, 'upstream request timeout', details);
  const ending = answered('reply', reply, reached.tried.tls);
  return over ? { final: ending } : { tried: ending };
}

function failureText({ response, failure }: Ending): string {
  return response === undefined ? (failure === 'connect' ? 'no connection' : 'cut') : String(response.status);
}

/** One try: `final` where no other could end differently. */
function tryOnce(
  scene: Scene,
  held: Held,
  leaf: Leaf,
  cluster: string,
  managed: Managed,
  tried: Set<string> | undefined,
): { readonly final: Ending } | { readonly tried: Ending } {
  const { connection, opened } = managed;
  const action = leaf.route.route ?? {};
  const counts = leaf.host.include_request_attempt_count === true;
  const headers = counts
    ? withHeader(managed.request.headers, 'x-envoy-attempt-count', String(held.hop.attempts))
    : managed.request.headers;
  const request = { ...managed.request, headers };
  const reached = sendOn(scene, held, cluster, connection, request, {
    takesName: action.auto_host_rewrite === true,
    hashed: isHashed(action, managed.request),
    ...(tried === undefined ? {} : { tried }),
    // Later tries are made because that endpoint failed.
    ...(held.hop.attempts === 1 ? defined({ wanted: held.hop.wanted }) : {}),
  });
  if (reached.kind === 'sent') return { tried: reached.ending };
  held.hop.attempts--;
  if (reached.kind !== 'blackhole') held.hop.problem = reached.kind;
  const status = reached.kind === 'no-cluster' ? notFoundStatus(action) : 503;
  const body = reached.kind === 'no-cluster' ? '' : 'no healthy upstream';
  const details = reached.kind === 'no-cluster' ? 'cluster_not_found' : 'no_healthy_upstream';
  scene.trace.step(`the proxy answers ${status}`);
  const reply = localReply(request, status, body, details);
  return {
    final: answered(reached.kind === 'blackhole' ? 'blackhole' : 'reply', reply, kindOfOpened(opened)),
  };
}

const NOT_FOUND: Readonly<Record<string, number>> = { NOT_FOUND: 404, INTERNAL_SERVER_ERROR: 500 };

function notFoundStatus({ cluster_not_found_response_code: code }: RouteAction): number {
  return NOT_FOUND[code ?? ''] ?? 503;
}

const BEFORE_HEADERS = 'upstream connect error or disconnect/reset before headers. reset reason: ';

/** Where nobody answered, the proxy does. */
function afterLast(scene: Scene, ending: Ending, { request }: Managed): Ending {
  if (ending.response !== undefined || ending.failure === undefined) return ending;
  const reason = ending.failure === 'connect' ? 'remote connection failure' : 'connection termination';
  scene.trace.step(`there is no answer (${reason}): the proxy answers 503`);
  const details = `upstream_reset_before_response_started{${reason.replaceAll(' ', '_')}}`;
  return {
    ...ending,
    failure: undefined,
    response: localReply(request, 503, BEFORE_HEADERS + reason, details),
  };
}
