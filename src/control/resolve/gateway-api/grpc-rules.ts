import type { GrpcRoute, GrpcRouteRule } from '../../../api/gateway/grpc-route.ts';
import type { Resource } from '../../../api/resources.ts';
import { defined } from '../../../lib/defined.ts';
import type { HttpMatch, PathMatch } from '../../../mesh/route.ts';
import { ageOf, originOf } from '../world.ts';
import type { RouteContext } from './backends.ts';
import { headerPolicy } from './header-changes.ts';
import { httpAction, mirrors, ruleFilters } from './http-action.ts';
import { firstOfEach, valueMatch } from './http-rules.ts';
import type { RankedRule } from './precedence.ts';
import { withSession } from './sessions.ts';

/** The rules of a GRPCRoute, one for each match: methods are paths, `/SERVICE/METHOD`. */
export function grpcRules(context: RouteContext, route: Resource<GrpcRoute>): RankedRule[] {
  const age = ageOf(route);
  return (route.object.spec.rules ?? []).flatMap((spec, i) => {
    const origin = originOf(route, `spec.rules[${i}]`);
    const filters = ruleFilters(spec.filters, spec.backendRefs);
    const sessions = defined({ sessionPersistence: spec.sessionPersistence });
    const base = {
      name: spec.name ?? '',
      action: httpAction(
        context,
        { filters, backendRefs: spec.backendRefs ?? [], ...sessions },
        { index: i, origin, failure: 503 },
      ),
      mirrors: mirrors(context, filters),
      origin,
      ...defined({ headers: headerPolicy(filters) }),
    };
    const matches = spec.matches === undefined || spec.matches.length === 0 ? [{}] : spec.matches;
    const owner = { namespace: route.key.namespace, name: route.key.name, section: spec.name ?? String(i) };
    return matches.map((written) => {
      const match = grpcMatch(written);
      const rule = { ...base, matches: [match] };
      return { match, age, rule: withSession(rule, spec.sessionPersistence, owner, match) };
    });
  });
}

type MatchSpec = NonNullable<GrpcRouteRule['matches']>[number];

function grpcMatch({ method, headers }: MatchSpec): HttpMatch {
  return {
    name: '',
    sourceLabels: {},
    sourceNamespace: '',
    path: methodPath(method),
    headers: firstOfEach(headers ?? [], (name) => name.toLowerCase()).map(valueMatch),
    query: [],
    claims: [],
  };
}

/** Any service or method where it is not written. */
function methodPath({ type, service = '', method = '' }: NonNullable<MatchSpec['method']> = {}): PathMatch {
  if (service === '' && method === '') return { type: 'prefix', value: '/' };
  if (type === 'RegularExpression')
    return { type: 'regex', value: `/${service || '[^/]+'}/${method || '[^/]+'}` };
  if (method === '') return { type: 'prefix', value: `/${service}/` };
  if (service === '') return { type: 'regex', value: `/[^/]+/${method}` };
  return { type: 'exact', value: `/${service}/${method}` };
}
