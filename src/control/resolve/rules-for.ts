import { compareSpecificity, hostMatches, isWildcard } from '../../mesh/hostname.ts';
import { MESH, type RuleSet } from '../../mesh/route.ts';
import { viewAndParts } from './views.ts';
import { virtualServices } from './virtual-services.ts';
import { visibleIn } from './visibility.ts';
import { step } from './world.ts';

/** Rule sets for the sidecars of a namespace: all that it sees, the oldest first. */
const rulesOfNamespace = step('rules seen in a namespace', (read, namespace): readonly RuleSet[] =>
  read
    .of(virtualServices, '')
    .filter((rules) => rules.gateways.includes(MESH) && visibleIn(rules.exportTo, namespace)),
);

interface RuleIndex {
  readonly exact: ReadonlyMap<string, RuleSet>;
  /** Narrow patterns first. */
  readonly wildcards: readonly (readonly [pattern: string, rules: RuleSet])[];
}

/** Who decides about which host: of several, the oldest. */
const ruleIndex = step('rules by host', (read, namespace): RuleIndex => {
  const first = new Map<string, RuleSet>();
  for (const rules of read.of(rulesOfNamespace, namespace))
    for (const host of rules.hosts) if (!first.has(host)) first.set(host, rules);
  const patterns = [...first]
    .filter(([host]) => isWildcard(host))
    .sort(([a], [b]) => compareSpecificity(a, b));
  return { exact: new Map([...first].filter(([host]) => !isWildcard(host))), wildcards: patterns };
});

/** The rule set that decides about calls of sidecars of a view to a host; undefined: none does. */
export const rulesForHost = step('rules for a host', (read, key): RuleSet | undefined => {
  const { view, parts } = viewAndParts(read, key);
  const [host = ''] = parts;
  const index = read.of(ruleIndex, view.namespace);
  return index.exact.get(host) ?? index.wildcards.find(([pattern]) => hostMatches(pattern, host))?.[1];
});

/** All rule sets that decide about some host, the oldest first. */
export const sidecarRules = step('rules of sidecars', (read, namespace): readonly RuleSet[] => {
  const index = read.of(ruleIndex, namespace);
  const used = new Set([...index.exact.values(), ...index.wildcards.map(([, rules]) => rules)]);
  return read.of(rulesOfNamespace, namespace).filter((rules) => used.has(rules));
});
