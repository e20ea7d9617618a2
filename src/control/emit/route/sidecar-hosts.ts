import { hostMatches, isWildcard, shortNames } from '../../../mesh/hostname.ts';
import type { Origin } from '../../../mesh/origin.ts';
import { isHttp } from '../../../mesh/protocol.ts';
import { MESH, type RuleSet } from '../../../mesh/route.ts';
import type { Service } from '../../../mesh/service.ts';
import { hostPort } from '../../../xds/names.ts';
import type { Route, VirtualHost } from '../../../xds/resources.ts';
import { meshSettings } from '../../resolve/mesh-settings.ts';
import { httpRulesForHost, sidecarRules, sidecarRulesAt } from '../../resolve/rules-for.ts';
import { scopedService, scopedServices } from '../../resolve/scoped-services.ts';
import { inView, viewAndParts } from '../../resolve/views.ts';
import { ruleSetNamed } from '../../resolve/virtual-services.ts';
import { keyOf, type Read, step } from '../../resolve/world.ts';
import { hashPolicies } from './hash-policy.ts';
import { plainRoute } from './http-route.ts';
import { type RuleRoutes, ruleRoutes } from './rule-routes.ts';
import { attemptCount, viewContext, wholeCluster } from './view-context.ts';

// Virtual hosts of sidecars: one for each service and port over which HTTP may be spoken.

/** A virtual host and what made it. */
export interface HostRoutes {
  /** Of the service; '' where none has the name. */
  readonly hostname: string;
  readonly host: VirtualHost;
  readonly origins: readonly Origin[];
}

/**
 * Ports of a view over which HTTP is or may be spoken, with the services on each, in order of hostname. Aliases are
 * among their service's names, unless rules are about them: then they come first.
 */
export const hostsByPort = step('hosts by port', (read, viewKey): ReadonlyMap<number, readonly string[]> => {
  const byPort = new Map<number, string[]>();
  const { list } = read.of(scopedServices, viewKey);
  const ruledAliases = list.filter(
    ({ resolution, hostname, ports }) => resolution === 'alias' && isRuled(read, viewKey, hostname, ports),
  );
  for (const service of [...ruledAliases, ...list.filter(({ resolution }) => resolution !== 'alias')])
    for (const { number, protocol } of service.ports) {
      if (!isHttp(protocol) && protocol !== 'auto') continue;
      const hosts = byPort.get(number);
      if (hosts === undefined) byPort.set(number, [service.hostname]);
      else hosts.push(service.hostname);
    }
  return byPort;
});

/**
 * The virtual host of a service at a port, by view, hostname, port, and, where clients of one namespace have shorter
 * names for it, that namespace (else '').
 */
export const serviceHost = step('virtual host', (read, key): HostRoutes | undefined => {
  const { viewKey, parts } = viewAndParts(read, key);
  const [hostname = '', text = '', namespace = ''] = parts;
  const port = Number(text);
  const service = read.of(scopedService, inView(viewKey, hostname));
  if (service === undefined) return undefined;
  const ruled = ruledRoutes(read, viewKey, hostname, port);
  if (ruled === undefined && service.resolution === 'alias') return undefined;
  const { routes, origins } = ruled ?? plainRoutes(read, viewKey, hostname, port);
  return {
    hostname,
    host: virtualHost(read, viewKey, hostname, port, domainsOf(read, viewKey, service, namespace), routes),
    origins: [...origins, service.origin],
  };
});

/** Hostnames of services for which clients of a namespace have shorter names; by view and namespace. */
export const nearHosts = step('near hosts', (read, key): ReadonlySet<string> => {
  const { viewKey, parts } = viewAndParts(read, key);
  const [namespace = ''] = parts;
  const near = read.of(scopedServices, viewKey).list.filter((service) => service.namespace === namespace);
  return new Set(near.flatMap(({ hostname, externalName }) => [hostname, externalName ?? hostname]));
});

export function virtualHost(
  read: Read,
  viewKey: string,
  name: string,
  port: number,
  domains: readonly string[],
  routes: readonly Route[],
): VirtualHost {
  return { name: hostPort(name, port), domains, routes, ...attemptCount(read, viewKey) };
}

function isRuled(read: Read, viewKey: string, hostname: string, ports: Service['ports']): boolean {
  return ports.some(({ number }) => read.of(httpRulesForHost, inView(viewKey, hostname, number)).length > 0);
}

/** What the rules that decide about the host say. */
function ruledRoutes(read: Read, viewKey: string, hostname: string, port: number): RuleRoutes | undefined {
  for (const rules of read.of(httpRulesForHost, inView(viewKey, hostname, port))) {
    const made = read.of(sidecarRuleRoutes, inView(viewKey, rules.namespace, rules.name, port));
    if (made.routes.length > 0) return made;
  }
  return undefined;
}

/** The plain way to the service. */
function plainRoutes(read: Read, viewKey: string, hostname: string, port: number): RuleRoutes {
  const context = viewContext(read, viewKey, hostname, port);
  const destination = { destination: { host: hostname, subset: '', port }, weight: 100, origin: NOBODY };
  const hash_policy = hashPolicies([destination], context.hash);
  const hash = hash_policy.length === 0 ? {} : { hash_policy };
  const session = context.session(destination.destination);
  return { routes: [plainRoute(wholeCluster(hostname, port), context, hash, session)], origins: [] };
}

const NOBODY: Origin = { group: '', kind: '', namespace: '', name: '' };

/** Routes of one rule set for sidecars of a view: shared by all hosts that it decides about. */
const sidecarRuleRoutes = step('routes of a rule set', (read, key): RuleRoutes => {
  const { viewKey, view, parts } = viewAndParts(read, key);
  const [namespace = '', name = '', port = ''] = parts;
  const rules = read.of(ruleSetNamed, keyOf(namespace, name));
  if (rules === undefined) return { routes: [], origins: [] };
  const caller = { gateways: [MESH], namespace: view.namespace, labels: view.labels };
  return ruleRoutes(rules, caller, viewContext(read, viewKey, name, Number(port)));
});

/** Every name by which clients of a namespace may call the service, without port. */
function domainsOf(read: Read, viewKey: string, service: Service, namespace: string): readonly string[] {
  const { clusterDomain } = read.of(meshSettings, '');
  const names = [service.hostname, ...(read.of(aliasNames, viewKey).get(service.hostname) ?? [])];
  const all = names.flatMap((name) => [
    name,
    // Resolvers take a name with a final dot for complete, and clients then send it so.
    `${name}.`,
    ...shortNames(name, namespace, clusterDomain),
  ]);
  // Pods of a headless service have names of their own below the service's.
  const pods = service.resolution === 'headless' ? all.map((name) => `*.${name}`) : [];
  const addresses = service.addresses.filter((address) => !address.includes('/')).map(bracketed);
  return [...new Set([...all, ...pods, ...addresses])];
}

/** IPv6 addresses stand in brackets in Host headers. */
function bracketed(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}

/** Names of services that are other names of a service (ExternalName), by its hostname. */
const aliasNames = step('alias names', (read, viewKey): ReadonlyMap<string, readonly string[]> => {
  const byTarget = new Map<string, string[]>();
  for (const { resolution, externalName, hostname } of read.of(scopedServices, viewKey).list) {
    if (resolution !== 'alias' || externalName === undefined) continue;
    byTarget.set(externalName, [...(byTarget.get(externalName) ?? []), hostname]);
  }
  return byTarget;
});

/**
 * Hosts that rules name and no service has at a port, by port: at those where HTTP may be spoken to another host of
 * the rules, and at 80 (Istio).
 */
export const unknownHosts = step(
  'hosts without a service',
  (read, viewKey): ReadonlyMap<number, readonly [host: string, rules: RuleSet][]> => {
    const { view } = viewAndParts(read, viewKey);
    const { listed: byHost } = read.of(scopedServices, viewKey);
    const byPort = new Map<number, [string, RuleSet][]>();
    for (const rules of sidecarRules(read, view)) {
      if (rules.http.length === 0) continue;
      for (const port of portsOf(rules, byHost)) {
        if (!sidecarRulesAt(read, view, port).includes(rules)) continue;
        const unknown = rules.hosts.filter((host) => !isKnown(host, port, byHost));
        if (unknown.length > 0)
          byPort.set(port, [
            ...(byPort.get(port) ?? []),
            ...unknown.map((host): [string, RuleSet] => [host, rules]),
          ]);
      }
    }
    return byPort;
  },
);

function isKnown(host: string, port: number, byHost: ReadonlyMap<string, Service>): boolean {
  return servicesOf(host, byHost).some(({ ports }) => ports.some(({ number }) => number === port));
}

function servicesOf(host: string, byHost: ReadonlyMap<string, Service>): readonly Service[] {
  if (isWildcard(host)) return [...byHost.values()].filter(({ hostname }) => hostMatches(host, hostname));
  const service = byHost.get(host);
  return service === undefined ? [] : [service];
}

function portsOf(rules: RuleSet, byHost: ReadonlyMap<string, Service>): ReadonlySet<number> {
  const ports = new Set([80]);
  for (const host of rules.hosts)
    for (const service of servicesOf(host, byHost))
      for (const { number, protocol } of service.ports)
        if (isHttp(protocol) || protocol === 'auto') ports.add(number);
  return ports;
}

/** The virtual host of a name that rules know and no service has, by view, rule set, host and port. */
export function unknownHost(
  read: Read,
  viewKey: string,
  host: string,
  rules: RuleSet,
  port: number,
): HostRoutes | undefined {
  const { routes, origins } = read.of(sidecarRuleRoutes, inView(viewKey, rules.namespace, rules.name, port));
  if (routes.length === 0) return undefined;
  return {
    hostname: '',
    host: virtualHost(read, viewKey, host, port, [host], routes),
    origins: [...origins, rules.origin],
  };
}
