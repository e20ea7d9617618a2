import type { HttpRouteRule, HttpRouteSpec } from '../../../api/gateway/http-route.ts';
import type { Authorizer } from '../../../mesh/authorization.ts';
import { step } from '../world.ts';
import { sessionsOfBackends } from './backend-traffic.ts';
import { parentsOf, routeKey } from './parents.ts';
import { type RouteResource, routesOf } from './route-kinds.ts';
import { routeRules } from './route-rules.ts';

/** Filters that listeners need because some route uses them. */
export interface RouteFilters {
  /** Some route keeps sessions. */
  readonly sessions: boolean;
  /** Everybody whom some route asks, without doubles. */
  readonly authorizers: readonly Authorizer[];
}

const NONE: RouteFilters = { sessions: false, authorizers: [] };

/**
 * What routes at gateways and what routes at services use. It is the same for all gateways, and for all sidecars, and
 * seldom changes: a filter that comes to a listener ends the listener's connections.
 */
export const routeFilters = step(
  'filters of routes',
  (read): { readonly gateways: RouteFilters; readonly sidecars: RouteFilters } => {
    const gateways = new Needs();
    const sidecars = new Needs();
    for (const kind of ['HTTPRoute', 'GRPCRoute'] as const)
      for (const route of routesOf(read, kind)) {
        if (!asks(route)) continue;
        const key = routeKey(kind, route);
        const rules = (read.of(routeRules, key).value?.http ?? []).map(({ rule }) => rule);
        for (const { type } of read.of(parentsOf, key).flatMap(({ attachments }) => attachments))
          (type === 'service' ? sidecars : gateways).add(rules);
      }
    const everywhere = read.of(sessionsOfBackends, '').size > 0;
    return { gateways: gateways.filters(everywhere), sidecars: sidecars.filters(everywhere) };
  },
);

/** Most routes use none of this: their rules need not be looked at. */
function asks({ object: { spec } }: RouteResource): boolean {
  const rules: readonly HttpRouteRule[] = (spec as HttpRouteSpec).rules ?? [];
  return rules.some(
    ({ sessionPersistence, filters = [], backendRefs = [] }) =>
      sessionPersistence !== undefined ||
      [...filters, ...backendRefs.flatMap((ref) => ref.filters ?? [])].some(
        ({ externalAuth }) => externalAuth !== undefined,
      ),
  );
}

interface Using {
  readonly session?: object;
  readonly authorizer?: Authorizer;
}

class Needs {
  #sessions = false;
  readonly #authorizers = new Map<string, Authorizer>();

  add(rules: readonly Using[]): void {
    for (const { session, authorizer } of rules) {
      if (session !== undefined) this.#sessions = true;
      if (authorizer !== undefined) this.#authorizers.set(JSON.stringify(authorizer), authorizer);
    }
  }

  filters(sessions: boolean): RouteFilters {
    if (!sessions && !this.#sessions && this.#authorizers.size === 0) return NONE;
    const authorizers = [...this.#authorizers].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
    return { sessions: sessions || this.#sessions, authorizers };
  }
}
