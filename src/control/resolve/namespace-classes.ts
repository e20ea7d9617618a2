import { isWildcard } from '../../mesh/hostname.ts';
import type { RuleSet } from '../../mesh/route.ts';
import type { DestinationPolicy } from '../../mesh/traffic-policy.ts';
import { destinationRules } from './destination-rules.ts';
import { meshSettings } from './mesh-settings.ts';
import { services } from './services.ts';
import { virtualServices } from './virtual-services.ts';
import { type Read, step } from './world.ts';

// Most namespaces see the same mesh: everything is exported to everybody, and what is said about a service is said in
// its own namespace. Proxies of such namespaces share one view, whatever their number; the others have one of their own.

/** The namespace itself where something is different for its clients, else '', the class of all ordinary ones. */
export const namespaceClass = step('class of a namespace', (read, namespace): string =>
  read.of(peculiarNamespaces, '').has(namespace) ? namespace : '',
);

const peculiarNamespaces = step('peculiar namespaces', (read): ReadonlySet<string> => {
  const all = [
    ...read.of(services, '').flatMap(({ exportTo }) => exportTo),
    ...read.of(virtualServices, '').flatMap(namedByRules),
    ...read.of(destinationRules, '').flatMap((rule) => namedByPolicy(read, rule)),
    ...ownersOfDoubles(read),
  ];
  return new Set(all.filter((name) => name !== '*' && name !== '~').sort());
});

/** Namespaces that a rule set tells from others. */
function namedByRules(rules: RuleSet): string[] {
  const sources = [...rules.http, ...rules.tls, ...rules.tcp].flatMap((rule) =>
    rule.matches.map(({ sourceNamespace }) => sourceNamespace).filter((namespace) => namespace !== ''),
  );
  return [...rules.exportTo, ...sources];
}

/** Namespaces whose clients are treated otherwise because of a rule: those it is exported to, and, where it is about others' services, its own. */
function namedByPolicy(read: Read, rule: DestinationPolicy): string[] {
  const { rootNamespace } = read.of(meshSettings, '');
  const owners = read.of(ownersByHost, '').get(rule.host) ?? [];
  const aboutOthers = isWildcard(rule.host) || owners.some((namespace) => namespace !== rule.namespace);
  const own = aboutOthers || rule.workloadSelector !== undefined || rule.namespace === rootNamespace;
  return own ? [...rule.exportTo, rule.namespace] : [...rule.exportTo];
}

const ownersByHost = step('namespaces by host', (read): ReadonlyMap<string, readonly string[]> => {
  const owners = new Map<string, string[]>();
  for (const { hostname, namespace } of read.of(services, '')) {
    const list = owners.get(hostname);
    if (list === undefined) owners.set(hostname, [namespace]);
    else list.push(namespace);
  }
  return owners;
});

/** Of several services of one name a namespace prefers its own. */
function ownersOfDoubles(read: Read): string[] {
  return [...read.of(ownersByHost, '').values()].filter((owners) => owners.length > 1).flat();
}
