import type { Origin } from '../../../mesh/origin.ts';
import type { HttpMatch, HttpRule, RuleSet } from '../../../mesh/route.ts';
import { type Labels, matchesLabels } from '../../../mesh/workload.ts';
import type { Route } from '../../../xds/resources.ts';
import { httpRoute, type RouteContext } from './http-route.ts';
import { isCatchAll } from './match.ts';
import { rulesOfSessions } from './session.ts';

/** Who calls, as rules tell callers apart. */
export interface Caller {
  /** `mesh` for sidecars; for a router the gateways whose routes these are. */
  readonly gateways: readonly string[];
  readonly namespace: string;
  readonly labels: Labels;
}

export interface RuleRoutes {
  readonly routes: readonly Route[];
  /** Rules that are among the routes. */
  readonly origins: readonly Origin[];
}

/**
 * The HTTP rules of one object as routes for one kind of caller and port, in their order: one for each match of a
 * rule. After one that takes everything nothing follows, since nothing could get there.
 */
export function ruleRoutes(rules: RuleSet, caller: Caller, context: RouteContext): RuleRoutes {
  const routes: Route[] = [];
  const origins: Origin[] = [];
  for (const rule of rules.http) {
    const made = routesOf(rule, caller, context);
    if (made.length > 0) origins.push(rule.origin);
    for (const route of made) {
      routes.push(route);
      if (isCatchAll(route.match ?? {})) return { routes, origins };
    }
  }
  return { routes, origins };
}

function routesOf(rule: HttpRule, caller: Caller, context: RouteContext): Route[] {
  const matches =
    rule.matches.length === 0
      ? [undefined]
      : rule.matches.filter((match) => concerns(match, caller, context.port));
  return matches
    .flatMap((match) => rulesOfSessions(rule, match))
    .map((one) => httpRoute(one.rule, one.match, context));
}

/** Whether the caller's side of a match holds. Where gateways are named, labels and namespace do not count (Istio). */
export function concerns(
  match: Pick<HttpMatch, 'gateways' | 'sourceLabels' | 'sourceNamespace' | 'port'>,
  caller: Caller,
  port: number,
): boolean {
  if (match.port !== undefined && match.port !== port) return false;
  if (match.gateways !== undefined) return match.gateways.some((name) => caller.gateways.includes(name));
  if (!matchesLabels(match.sourceLabels, caller.labels)) return false;
  return match.sourceNamespace === '' || match.sourceNamespace === caller.namespace;
}
