import { compareSpecificity, hostMatches } from '../../../mesh/hostname.ts';
import type { HttpRule, RuleSet } from '../../../mesh/route.ts';
import { compareAge } from '../../../mesh/service.ts';
import { step } from '../world.ts';
import { type Attached, attachedRoutes } from './attached-routes.ts';
import { allListeners, type Listener, listenersBeside } from './listeners.ts';
import { comparePrecedence } from './precedence.ts';

// Rule sets of listeners: one for each host on each listener, out of all routes that are attached there.

type Routes = NonNullable<ReturnType<Attached['byListener']['get']>>;

/** All of them, by listener and host. */
export const listenerRuleSets = step('rule sets of listeners', (read): readonly RuleSet[] => {
  const { byListener } = read.of(attachedRoutes, '');
  const listeners = read.of(allListeners, '').filter(({ usable }) => usable);
  return listeners.flatMap((listener) => ruleSetsOf(listener, byListener.get(listener.id) ?? [], listeners));
});

function ruleSetsOf(listener: Listener, routes: Routes, all: readonly Listener[]): RuleSet[] {
  const { protocol, tls } = listener.spec;
  if (protocol === 'TCP' || (protocol === 'TLS' && tls?.mode !== 'Passthrough'))
    return hostsOf(routes).map((host) => connectionRules(listener, host, routes, 'tcp'));
  if (protocol === 'TLS')
    return hostsOf(routes).map((host) => connectionRules(listener, host, routes, 'tls'));
  const others = nearer(listener, all);
  const hosts = hostsOf(routes).filter((host) => !others.some((other) => hostMatches(other, host)));
  const sets = hosts.map((host) => httpRules(listener, host, routes));
  const own = listener.hostname;
  const closed = !hosts.includes(own) && isBeside(listener, all);
  return closed ? [...sets, notFound(listener)] : sets;
}

function hostsOf(routes: Routes): string[] {
  return [...new Set(routes.flatMap(({ attachment }) => attachment.hosts))].sort(compareSpecificity);
}

/** Hosts of listeners that requests go to rather than to this one. */
function nearer(listener: Listener, all: readonly Listener[]): string[] {
  return listenersBeside(listener, all)
    .map(({ hostname }) => hostname)
    .filter(
      (hostname) =>
        compareSpecificity(hostname, listener.hostname) < 0 && hostMatches(listener.hostname, hostname),
    );
}

/** Whether a listener with a wider host would get this one's requests if this one had nothing to say about them. */
function isBeside(listener: Listener, all: readonly Listener[]): boolean {
  return listenersBeside(listener, all).some(({ hostname }) => hostMatches(hostname, listener.hostname));
}

/** Rules of routes with a nearer host come before those of routes that mean the host with a wildcard. */
function httpRules(listener: Listener, host: string, routes: Routes): RuleSet {
  const meant = routes.flatMap((route) => {
    const patterns = route.attachment.hosts.filter((pattern) => hostMatches(pattern, host));
    const [nearest] = patterns.sort(compareSpecificity);
    return nearest === undefined ? [] : [{ route, nearest }];
  });
  const rules = meant
    .flatMap(({ route, nearest }) => route.rules.http.map((ranked) => ({ ...ranked, nearest })))
    .sort((a, b) => compareSpecificity(a.nearest, b.nearest) || comparePrecedence(a, b))
    .map(({ rule }) => rule);
  return ruleSet(listener, host, { http: rules }, meant[0]?.route);
}

function connectionRules(listener: Listener, host: string, routes: Routes, kind: 'tls' | 'tcp'): RuleSet {
  const meant = routes.filter(({ attachment }) => attachment.hosts.includes(host));
  const [oldest] = [...meant].sort((a, b) => compareAge(a.age, b.age));
  const sni = { sourceLabels: {}, sourceNamespace: '', destinationSubnets: [], sniHosts: [host] };
  const rules = (oldest?.rules.connections ?? []).map((rule) =>
    kind === 'tls' || oldest?.kind === 'TLSRoute' ? { ...rule, matches: [sni] } : rule,
  );
  return ruleSet(listener, host, { [kind]: rules }, oldest);
}

function notFound(listener: Listener): RuleSet {
  const rule: HttpRule = {
    name: '',
    matches: [],
    action: { type: 'respond', status: 404 },
    mirrors: [],
    origin: listener.origin,
  };
  return ruleSet(listener, listener.hostname, { http: [rule] }, undefined);
}

function ruleSet(
  { id, owner, origin }: Listener,
  host: string,
  rules: Partial<Pick<RuleSet, 'http' | 'tls' | 'tcp'>>,
  first: Routes[number] | undefined,
): RuleSet {
  return {
    namespace: first?.namespace ?? owner.namespace,
    name: `${first?.name ?? owner.name}~${id}~${host}`,
    hosts: [host],
    gateways: [id],
    exportTo: ['*'],
    http: [],
    tls: [],
    tcp: [],
    ...rules,
    age: first?.age ?? { created: '', name: '' },
    origin: first?.origin ?? origin,
  };
}
