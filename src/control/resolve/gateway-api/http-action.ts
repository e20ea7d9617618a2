import type { HttpRouteRule } from '../../../api/gateway/http-route.ts';
import type { HttpRouteFilter, RequestMirror } from '../../../api/gateway/shared/filters.ts';
import { defined } from '../../../lib/defined.ts';
import type { HttpAction, HttpRule, Mirror, Redirect, WeightedDestination } from '../../../mesh/route.ts';
import { backendDestination, type RouteContext } from './backends.ts';
import { headerPolicy } from './header-changes.ts';

type Action = Pick<HttpRouteRule, 'filters' | 'backendRefs' | 'sessionPersistence'>;

/** A rule that is read: the rule's own number is how its problems are told. */
export interface RulePlace {
  readonly index: number;
  readonly origin: HttpRule['origin'];
  /** Of what cannot be had: 500, and of gRPC 503, which its clients are told as UNAVAILABLE. */
  readonly failure?: 503;
}

/**
 * What a rule does: redirect, or forward by weight. The share of a backend that cannot be had is answered with 500, as
 * is everything where no backend is left (HTTPRouteRule.backendRefs).
 */
export function httpAction(
  context: RouteContext,
  spec: Action,
  { index, origin, failure }: RulePlace,
): HttpAction {
  const status = failure ?? 500;
  const redirect = spec.filters?.find(
    ({ requestRedirect }) => requestRedirect !== undefined,
  )?.requestRedirect;
  const unknown = unsupported(spec);
  if (unknown !== undefined) {
    context.badRules.set(index, unknown);
    return { type: 'respond', status };
  }
  if (redirect !== undefined) return redirectOf(redirect);
  const backends = (spec.backendRefs ?? []).map((ref, i) => {
    const { destination, valid } = backendDestination(context, ref);
    const field = `${origin.field}.backendRefs[${i}]`;
    const headers = headerPolicy(ref.filters ?? []);
    const weight = ref.weight ?? 1;
    return { valid, to: { destination, weight, origin: { ...origin, field }, ...defined({ headers }) } };
  });
  const used = backends.filter(({ to }) => to.weight > 0);
  if (used.every(({ valid }) => !valid)) return { type: 'respond', status };
  // Who has a session goes on with it, also at a backend that gets nobody new.
  const kept =
    spec.sessionPersistence === undefined ? used : backends.filter(({ valid, to }) => valid || to.weight > 0);
  const destinations = kept.map(({ to }): WeightedDestination => to);
  return { type: 'forward', destinations, ...(failure === undefined ? { missingStatus: 500 } : {}) };
}

/** Filters that a backend can have whatever others there are beside it. */
const OF_BACKENDS: ReadonlySet<string> = new Set(['RequestHeaderModifier', 'ResponseHeaderModifier']);

/** A filter must not be skipped: what it would have judged fails. */
function unsupported({ filters = [], backendRefs = [] }: Action): string | undefined {
  const all = [...filters, ...backendRefs.flatMap((ref) => ref.filters ?? [])];
  const unknown = all.find(({ type }) => type === 'ExtensionRef');
  if (unknown !== undefined) return `filters of type ${unknown.type} are not supported`;
  const used = backendRefs.filter(({ weight = 1 }) => weight > 0);
  if (used.length < 2) return undefined;
  const shared = used.flatMap((ref) => ref.filters ?? []).find(({ type }) => !OF_BACKENDS.has(type));
  return (
    shared &&
    `a filter of type ${shared.type} on one of several backends is not supported; put it on the rule`
  );
}

/** The rule's filters, and those of its backend that hold for the whole rule where it is the only one. */
export function ruleFilters<T extends { readonly type: string }>(
  filters: readonly T[] | undefined,
  backends: readonly { readonly weight?: number; readonly filters?: readonly T[] }[] | undefined,
): readonly T[] {
  const [only, ...more] = (backends ?? []).filter(({ weight = 1 }) => weight > 0);
  const lifted = more.length > 0 ? [] : (only?.filters ?? []).filter(({ type }) => !OF_BACKENDS.has(type));
  return [...(filters ?? []), ...lifted];
}

/** What the location leaves out stays as it was; a scheme brings its own port, else it is that of the listener. */
function redirectOf(spec: NonNullable<HttpRouteFilter['requestRedirect']>): Redirect {
  const { scheme, hostname, port, statusCode = 302 } = spec;
  return {
    type: 'redirect',
    status: statusCode,
    port: port ?? (scheme === undefined ? 'request' : 'scheme'),
    ...defined({ scheme, authority: hostname || undefined }),
  };
}

/** Where copies of requests go, with their share. */
export function mirrors(
  context: RouteContext,
  filters: readonly { readonly requestMirror?: RequestMirror }[],
): Mirror[] {
  return filters
    .flatMap(({ requestMirror }) => requestMirror ?? [])
    .map((mirror) => ({ ...backendDestination(context, mirror.backendRef), percent: percentOf(mirror) }))
    .filter(({ valid, percent }) => valid && percent > 0)
    .map(({ destination, percent }) => ({ destination, percent }));
}

function percentOf({ percent, fraction }: RequestMirror): number {
  if (fraction !== undefined) return (100 * fraction.numerator) / (fraction.denominator ?? 100);
  return percent ?? 100;
}
