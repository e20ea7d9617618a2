import { durationMs } from '../../../api/check/duration.ts';
import type { HttpRouteMatch } from '../../../api/gateway/http-route/match.ts';
import type { HttpRoute, HttpRouteRule } from '../../../api/gateway/http-route.ts';
import type { HttpRouteFilter } from '../../../api/gateway/shared/filters.ts';
import type { Resource } from '../../../api/resources.ts';
import { defined } from '../../../lib/defined.ts';
import type { HttpAction, HttpMatch, HttpRule, PathMatch, Retries } from '../../../mesh/route.ts';
import { ageOf, originOf } from '../world.ts';
import type { RouteContext } from './backends.ts';
import { authorizerOf } from './external-auth.ts';
import { headerPolicy } from './header-changes.ts';
import { httpAction, mirrors, ruleFilters } from './http-action.ts';
import { corsOf } from './http-cors.ts';
import { pathChange, redirectPath } from './path-change.ts';
import type { RankedRule } from './precedence.ts';
import { withSession } from './sessions.ts';

/** The rules of an HTTPRoute, one for each match: a rewrite depends on what was matched. */
export function httpRules(context: RouteContext, route: Resource<HttpRoute>): RankedRule[] {
  const age = ageOf(route);
  const rules = route.object.spec.rules ?? [{}];
  return rules.flatMap((written, i) => {
    const spec = { ...written, filters: ruleFilters(written.filters, written.backendRefs) };
    const base = ruleOf(context, spec, i, originOf(route, `spec.rules[${i}]`));
    const matches = spec.matches === undefined || spec.matches.length === 0 ? [{}] : spec.matches;
    const owner = { namespace: route.key.namespace, name: route.key.name, section: spec.name ?? String(i) };
    return matches.map((one) => {
      const match = httpMatch(one);
      const rule = withMatch(base, match, spec.filters);
      return { match, age, rule: withSession(rule, spec.sessionPersistence, owner, match) };
    });
  });
}

/** A value of a header or query parameter to compare with. */
export function valueMatch({
  name,
  value,
  type,
}: {
  readonly name: string;
  readonly value: string;
  readonly type?: string;
}) {
  const match = { type: type === 'RegularExpression' ? 'regex' : 'exact', value } as const;
  return { name, match, invert: false };
}

function httpMatch(spec: HttpRouteMatch): HttpMatch {
  return {
    name: '',
    sourceLabels: {},
    sourceNamespace: '',
    path: pathMatch(spec.path),
    headers: firstOfEach(spec.headers ?? [], (name) => name.toLowerCase()).map(valueMatch),
    claims: [],
    query: firstOfEach(spec.queryParams ?? [], (name) => name).map(valueMatch),
    ...(spec.method === undefined ? {} : { method: { type: 'exact', value: spec.method } as const }),
  };
}

/** Of several conditions on one name the first counts. */
export function firstOfEach<T extends { readonly name: string }>(
  list: readonly T[],
  same: (name: string) => string,
): T[] {
  const seen = new Set<string>();
  return list.filter(({ name }) => (seen.has(same(name)) ? false : seen.add(same(name))));
}

/** Prefixes go by whole segments, and a slash at their end means nothing. */
function pathMatch({
  type = 'PathPrefix',
  value = '/',
}: NonNullable<HttpRouteMatch['path']> = {}): PathMatch {
  if (type === 'Exact') return { type: 'exact', value };
  if (type === 'RegularExpression') return { type: 'regex', value };
  const prefix = value.replace(/\/+$/, '');
  return prefix === '' ? { type: 'prefix', value: '/' } : { type: 'segments', value: prefix };
}

function ruleOf(
  context: RouteContext,
  spec: HttpRouteRule,
  index: number,
  origin: HttpRule['origin'],
): HttpRule {
  const filters = spec.filters ?? [];
  const cors = filters.find((filter) => filter.cors !== undefined)?.cors;
  const auth = filters.find((filter) => filter.externalAuth !== undefined)?.externalAuth;
  const authorizer = auth && authorizerOf(context, auth);
  const action = httpAction(context, spec, { index, origin });
  return {
    name: spec.name ?? '',
    matches: [],
    // Nobody to ask: nothing passes.
    action: auth !== undefined && authorizer === undefined ? { type: 'respond', status: 500 } : action,
    mirrors: mirrors(context, filters),
    origin,
    ...defined({
      headers: headerPolicy(filters),
      cors: cors === undefined ? undefined : corsOf(cors),
      authorizer,
      ...times(spec),
    }),
  };
}

function withMatch(base: HttpRule, match: HttpMatch, filters: readonly HttpRouteFilter[]): HttpRule {
  const path = match.path ?? { type: 'prefix', value: '/' };
  const rewrite = filters.find(({ urlRewrite }) => urlRewrite !== undefined)?.urlRewrite;
  const modifier = filters.find(({ requestRedirect }) => requestRedirect !== undefined)?.requestRedirect
    ?.path;
  const action: HttpAction =
    base.action.type === 'redirect' ? { ...base.action, ...redirectPath(modifier, path) } : base.action;
  const rewritten = defined({
    authority: rewrite?.hostname || undefined,
    ...pathChange(rewrite?.path, path),
  });
  return {
    ...base,
    matches: [match],
    action,
    ...(Object.keys(rewritten).length === 0 ? {} : { rewrite: rewritten }),
  };
}

/** `0s` is no timeout. A backend's time is that of each try where there may be several, else the whole one's. */
function times({ timeouts, retry }: HttpRouteRule): {
  readonly timeoutMs: number | undefined;
  readonly retries: Retries | undefined;
} {
  const request = durationMs(timeouts?.request ?? '') || undefined;
  const backend = durationMs(timeouts?.backendRequest ?? '') || undefined;
  const shorter = Math.min(request ?? Infinity, backend ?? Infinity);
  if (retry === undefined)
    return { timeoutMs: shorter === Infinity ? undefined : shorter, retries: undefined };
  return { timeoutMs: request, retries: retries(retry, backend) };
}

/** Conditions under which no answer was begun; asking again for those does no harm. */
const UNANSWERED = 'connect-failure,refused-stream,unavailable,cancelled';

/** As where nothing is said of retries. */
const DEFAULT_ATTEMPTS = 2;

function retries(
  { codes = [], attempts = DEFAULT_ATTEMPTS, backoff }: NonNullable<HttpRouteRule['retry']>,
  perTryTimeoutMs: number | undefined,
): Retries {
  return {
    attempts: Math.max(0, attempts),
    retryOn: [UNANSWERED, ...codes.map(String)].join(','),
    remoteLocalities: false,
    ...defined({ perTryTimeoutMs, backoffMs: backoff === undefined ? undefined : durationMs(backoff) }),
  };
}
