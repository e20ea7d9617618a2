import type { HttpRouteRule } from '../../../api/gateway/http-route.ts';
import type { HttpRouteFilter, RequestMirror } from '../../../api/gateway/shared/filters.ts';
import { defined } from '../../../lib/defined.ts';
import type { HttpAction, HttpRule, Mirror, Redirect, WeightedDestination } from '../../../mesh/route.ts';
import { backendDestination, type RouteContext } from './backends.ts';
import { headerPolicy } from './header-changes.ts';

type Action = Pick<HttpRouteRule, 'filters' | 'backendRefs'>;

/**
 * What a rule does: redirect, or forward by weight. The share of a backend that cannot be had is answered with 500, as
 * is everything where no backend is left; a rule without backends answers 404 (HTTPRouteRule.backendRefs).
 */
export function httpAction(context: RouteContext, spec: Action, origin: HttpRule['origin']): HttpAction {
  const redirect = spec.filters?.find(
    ({ requestRedirect }) => requestRedirect !== undefined,
  )?.requestRedirect;
  if (redirect !== undefined) return redirectOf(redirect);
  const unknown = spec.filters?.find(({ type }) => type === 'ExtensionRef' || type === 'ExternalAuth');
  if (unknown !== undefined) return unsupported(context, unknown.type);
  const refs = spec.backendRefs ?? [];
  if (refs.length === 0) return { type: 'respond', status: 404 };
  const backends = refs.map((ref, i) => {
    const { destination, valid } = backendDestination(context, ref);
    const field = `${origin.field}.backendRefs[${i}]`;
    const headers = headerPolicy(ref.filters ?? []);
    const weight = ref.weight ?? 1;
    return { valid, to: { destination, weight, origin: { ...origin, field }, ...defined({ headers }) } };
  });
  const used = backends.filter(({ to }) => to.weight > 0);
  if (used.every(({ valid }) => !valid)) return { type: 'respond', status: 500 };
  const destinations = used.map(({ to }): WeightedDestination => to);
  return { type: 'forward', destinations, missingStatus: 500 };
}

/** A filter must not be skipped: what it would have judged fails. */
function unsupported({ problems }: RouteContext, type: string): HttpAction {
  problems.push({ reason: 'InvalidKind', message: `filters of type ${type} are not supported` });
  return { type: 'respond', status: 500 };
}

/** What the location leaves out stays as it was; a scheme brings its own port, else it is that of the listener. */
function redirectOf(spec: NonNullable<HttpRouteFilter['requestRedirect']>): Redirect {
  const { scheme, hostname, port, statusCode = 302 } = spec;
  return {
    type: 'redirect',
    status: statusCode,
    port: port ?? (scheme === undefined ? 'request' : 'default'),
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
