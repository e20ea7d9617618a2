import type { RuleSet } from '../../../mesh/route.ts';
import { ingressRules } from '../ingress/rule-sets.ts';
import { keyOf, step } from '../world.ts';
import { listenerRuleSets } from './listener-rules.ts';
import { meshRuleSets } from './mesh-rules.ts';

/** Rule sets of the Gateway API and of Ingresses: `first` before all others whatever their age, `byAge` among the others. */
export const gatewayApiRuleSets = step(
  'gateway api rule sets',
  (read): { readonly first: readonly RuleSet[]; readonly byAge: readonly RuleSet[] } => {
    const { consumers, producers } = read.of(meshRuleSets, '');
    return {
      first: consumers,
      byAge: [...producers, ...read.of(listenerRuleSets, ''), ...read.of(ingressRules, '').sets],
    };
  },
);

const byName = step('gateway api rule sets by name', (read): ReadonlyMap<string, RuleSet> => {
  const { first, byAge } = read.of(gatewayApiRuleSets, '');
  return new Map([...first, ...byAge].map((rules) => [keyOf(rules.namespace, rules.name), rules]));
});

/** One rule set of the Gateway API by its namespace and name, which has a `~` in it as no object's has. */
export const gatewayApiRuleSet = step('gateway api rule set', (read, key): RuleSet | undefined =>
  read.of(byName, '').get(key),
);
