import { type ConnectionRule, type HttpRule, MESH, type RuleSet } from '../../../mesh/route.ts';
import { step } from '../world.ts';
import { type Attached, attachedRoutes } from './attached-routes.ts';
import { comparePrecedence } from './precedence.ts';

// Rule sets for calls to services (GAMMA): routes of the service's own namespace hold for everybody, those of another
// namespace for clients of that one, in place of the former.

type Routes = NonNullable<ReturnType<Attached['byService']['get']>>;

/** All of them: consumers' first, which come before whatever else there is for the service. */
export const meshRuleSets = step(
  'rule sets of services',
  (read): { readonly consumers: readonly RuleSet[]; readonly producers: readonly RuleSet[] } => {
    const consumers: RuleSet[] = [];
    const producers: RuleSet[] = [];
    for (const [host, routes] of [...read.of(attachedRoutes, '').byService].sort(([a], [b]) =>
      a < b ? -1 : 1,
    ))
      for (const namespace of [...new Set(routes.map((route) => route.namespace))].sort()) {
        const own = routes.filter((route) => route.namespace === namespace);
        const isProducer = own.some(({ attachment }) => attachment.namespace === namespace);
        (isProducer ? producers : consumers).push(ruleSet(host, own, isProducer ? '*' : namespace));
      }
    return { consumers, producers };
  },
);

function ruleSet(host: string, routes: Routes, exportTo: string): RuleSet {
  const [first] = routes;
  return {
    namespace: first?.namespace ?? '',
    name: `${first?.name ?? ''}~${host}`,
    hosts: [host],
    gateways: [MESH],
    exportTo: [exportTo],
    http: httpRules(routes),
    tls: connectionRules(routes.filter(({ kind }) => kind === 'TLSRoute')),
    tcp: connectionRules(routes.filter(({ kind }) => kind === 'TCPRoute')),
    age: first?.age ?? { created: '', name: '' },
    origin: first?.origin ?? { group: '', kind: '', namespace: '', name: '' },
  };
}

/** A route that names a port of the service holds for calls of that port only. */
function httpRules(routes: Routes): HttpRule[] {
  return routes
    .flatMap(({ rules, attachment: { port } }) =>
      rules.http.map((ranked) => {
        if (port === undefined) return ranked;
        const match = { ...ranked.match, port };
        return { ...ranked, rule: { ...ranked.rule, matches: [match] } };
      }),
    )
    .sort(comparePrecedence)
    .map(({ rule }) => rule);
}

function connectionRules(routes: Routes): ConnectionRule[] {
  return routes.flatMap(({ rules, attachment: { host, port }, kind }) =>
    rules.connections.map((rule) => ({
      ...rule,
      matches: [
        {
          sourceLabels: {},
          sourceNamespace: '',
          destinationSubnets: [],
          sniHosts: kind === 'TLSRoute' ? [host] : [],
          ...(port === undefined ? {} : { port }),
        },
      ],
    })),
  );
}
