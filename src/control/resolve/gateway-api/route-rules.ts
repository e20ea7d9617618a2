import type { GrpcRoute } from '../../../api/gateway/grpc-route.ts';
import type { HttpRoute } from '../../../api/gateway/http-route.ts';
import type { TcpRoute, TlsRoute } from '../../../api/gateway/l4-routes.ts';
import type { Resource } from '../../../api/resources.ts';
import type { ConnectionRule } from '../../../mesh/route.ts';
import type { Age } from '../../../mesh/service.ts';
import type { Resolved } from '../finding.ts';
import { ageOf, originOf, partsOf, step } from '../world.ts';
import { type RouteContext, weightedBackends } from './backends.ts';
import type { RefProblem } from './conditions.ts';
import { grpcRules } from './grpc-rules.ts';
import { httpRules } from './http-rules.ts';
import type { RankedRule } from './precedence.ts';
import { type RouteKind, type RouteResource, routeOf } from './route-kinds.ts';

/** What one route says, wherever it is attached. */
export interface RouteRules {
  readonly http: readonly RankedRule[];
  /** Of TLSRoutes and TCPRoutes; hosts come with the place that they are attached to. */
  readonly connections: readonly ConnectionRule[];
  readonly age: Age;
  /** References to nothing. */
  readonly problems: readonly RefProblem[];
  /** Rules that ask for what there is not: they answer 500. */
  readonly badRules: ReadonlyMap<number, string>;
  readonly ruleCount: number;
}

/** The rules of one route, by kind, namespace and name. */
export const routeRules = step('rules of a route', (read, key): Resolved<RouteRules> => {
  const [kind = '', namespace = '', name = ''] = partsOf(key);
  const route = routeOf(read, kind as RouteKind, namespace, name);
  if (route === undefined) return { value: undefined, findings: [] };
  const context: RouteContext = {
    read,
    kind: kind as RouteKind,
    namespace,
    problems: [],
    badRules: new Map(),
  };
  const rules = rulesOf(context, route);
  const { problems, badRules } = context;
  const value = { ...rules, age: ageOf(route), problems, badRules, ruleCount: ruleCount(route) };
  return { value, findings: [] };
});

function rulesOf(context: RouteContext, route: RouteResource): Pick<RouteRules, 'http' | 'connections'> {
  if (context.kind === 'HTTPRoute')
    return { http: httpRules(context, route as Resource<HttpRoute>), connections: [] };
  if (context.kind === 'GRPCRoute')
    return { http: grpcRules(context, route as Resource<GrpcRoute>), connections: [] };
  const { rules } = (route as Resource<TlsRoute | TcpRoute>).object.spec;
  const connections = rules.map((rule, i): ConnectionRule => {
    const origin = originOf(route, `spec.rules[${i}]`);
    return { matches: [], destinations: weightedBackends(context, rule.backendRefs, origin), origin };
  });
  return { http: [], connections };
}

function ruleCount({ object: { spec } }: RouteResource): number {
  return spec.rules?.length ?? 1;
}
