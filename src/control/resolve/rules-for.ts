import { compareSpecificity, hostMatches, hostsOverlap, isWildcard } from '../../mesh/hostname.ts';
import type { View } from '../../mesh/proxy.ts';
import { type ConnectionRule, MESH, type RuleSet } from '../../mesh/route.ts';
import { type EgressHost, letsIn, type SidecarScope, sidecarScope } from './sidecars.ts';
import { viewAndParts } from './views.ts';
import { virtualServices } from './virtual-services.ts';
import { seenFrom } from './visibility.ts';
import { keyOf, partsOf, type Read, step } from './world.ts';

/** Key of the steps here: what of a view decides about rules. */
function scopeKey({ namespace, sidecar }: View): string {
  return keyOf(namespace, sidecar, '');
}

/** The same for calls of a port: each egress listener of a Sidecar lets in rules of its own. */
function portKey(read: Read, { namespace, sidecar }: View, port: number): string {
  const scope = read.of(sidecarScope, keyOf(sidecar, namespace));
  if (scope === undefined || scope.egressPorts.size === 0) return keyOf(namespace, sidecar, '');
  return keyOf(namespace, sidecar, scope.egressPorts.has(port) ? String(port) : REST);
}

const REST = 'rest';

function listenersOf(scope: SidecarScope, listener: string): readonly (readonly EgressHost[])[] {
  if (listener === '') return scope.egress;
  const hosts = listener === REST ? scope.egressRest : scope.egressPorts.get(Number(listener));
  return hosts === undefined ? [] : [hosts];
}

/** Rule sets for sidecars: all that the namespace sees and the Sidecar (or one listener of it) lets in, in their order. */
const visibleRules = step('rules seen', (read, key): readonly RuleSet[] => {
  const [namespace = '', sidecar = '', listener = ''] = partsOf(key);
  const scope = read.of(sidecarScope, keyOf(sidecar, namespace));
  const ofMesh = read.of(virtualServices, '').filter((rules) => rules.gateways.includes(MESH));
  const seen = seenFrom(ofMesh, namespace);
  if (scope === undefined) return seen;
  const listeners = listenersOf(scope, listener);
  return seen.filter((rules) =>
    listeners.some((hosts) =>
      rules.hosts.some((host) =>
        letsIn(hosts, rules.namespace, (pattern) => hostsOverlap(pattern, host), host),
      ),
    ),
  );
});

interface RuleIndex {
  /** All that name a host in full, the oldest first. */
  readonly naming: ReadonlyMap<string, readonly RuleSet[]>;
  readonly exact: ReadonlyMap<string, RuleSet>;
  /** Narrow patterns first. */
  readonly wildcards: readonly (readonly [pattern: string, rules: RuleSet])[];
}

/** Who decides about which host: of several, the oldest. */
const ruleIndex = step('rules by host', (read, key): RuleIndex => {
  const first = new Map<string, RuleSet>();
  const naming = new Map<string, RuleSet[]>();
  for (const rules of read.of(visibleRules, key))
    for (const host of rules.hosts) {
      if (!first.has(host)) first.set(host, rules);
      if (isWildcard(host)) continue;
      const others = naming.get(host);
      if (others === undefined) naming.set(host, [rules]);
      else others.push(rules);
    }
  const patterns = [...first]
    .filter(([host]) => isWildcard(host))
    .sort(([a], [b]) => compareSpecificity(a, b));
  return {
    naming,
    exact: new Map([...first].filter(([host]) => !isWildcard(host))),
    wildcards: patterns,
  };
});

/** The rule set that decides about calls of sidecars of a view to a host; undefined: none does. */
export const rulesForHost = step('rules for a host', (read, key): RuleSet | undefined => {
  const { view, parts } = viewAndParts(read, key);
  const [host = ''] = parts;
  const index = read.of(ruleIndex, scopeKey(view));
  return index.exact.get(host) ?? index.wildcards.find(([pattern]) => hostMatches(pattern, host))?.[1];
});

/**
 * Rule sets whose HTTP rules may hold for calls of sidecars of a view to a host and port, in their order: those that name
 * it, else the one with the narrowest pattern. The first that has routes for the caller decides.
 */
export const httpRulesForHost = step('http rules for a host', (read, key): readonly RuleSet[] => {
  const { view, parts } = viewAndParts(read, key);
  const [host = '', port = ''] = parts;
  const index = read.of(ruleIndex, portKey(read, view, Number(port)));
  const naming = index.naming.get(host);
  if (naming !== undefined) return naming.filter(({ http }) => http.length > 0);
  const widest = index.wildcards.find(([pattern]) => hostMatches(pattern, host))?.[1];
  return widest === undefined || widest.http.length === 0 ? [] : [widest];
});

/** TCP or TLS rules for connections of sidecars of a view to a host: of all rule sets that mean it, the oldest first. */
export const connectionRulesForHost = step(
  'connection rules for a host',
  (read, key): readonly ConnectionRule[] => {
    const { view, parts } = viewAndParts(read, key);
    const [host = '', kind] = parts;
    return read
      .of(connectionRuleSets, scopeKey(view))
      .filter(({ hosts }) => hosts.some((pattern) => hostsOverlap(pattern, host)))
      .flatMap((rules) => (kind === 'tls' ? rules.tls : rules.tcp));
  },
);

/** The few rule sets that look at connections. */
const connectionRuleSets = step('connection rule sets', (read, key): readonly RuleSet[] =>
  read.of(visibleRules, key).filter(({ tls, tcp }) => tls.length + tcp.length > 0),
);

/** All rule sets for sidecars of a view, in their order. */
export function sidecarRules(read: Read, view: View): readonly RuleSet[] {
  return read.of(visibleRules, scopeKey(view));
}

/** Those of them that hold for calls of a port. */
export function sidecarRulesAt(read: Read, view: View, port: number): readonly RuleSet[] {
  return read.of(visibleRules, portKey(read, view, port));
}
