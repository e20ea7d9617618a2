import { wildcardHostProblem } from '../check/host.ts';
import { checkLabels } from '../check/labels.ts';
import { specKind } from '../kind.ts';
import type { ObjectMeta, SpecObject } from '../object.ts';
import type { Report } from '../report.ts';
import { type Infer, list, message, text, textMap, texts } from '../schema.ts';
import { checkSubsetName } from './shared/destination.ts';
import { checkExportTo } from './shared/export-to.ts';
import { checkSelector, matchLabelsSelector } from './shared/selector.ts';
import { checkTrafficPolicy, trafficPolicy } from './shared/traffic-policy.ts';

const subset = message({ name: text }, { labels: textMap, trafficPolicy });
export type Subset = Infer<typeof subset>;

const spec = message(
  { host: text },
  { trafficPolicy, subsets: list(subset), exportTo: texts, workloadSelector: matchLabelsSelector },
);

/** Spec of a DestinationRule: what clients do towards a host, and the named subsets of its endpoints. */
export type DestinationRuleSpec = Infer<typeof spec>;
export type DestinationRule = SpecObject<DestinationRuleSpec>;

/** networking.istio.io DestinationRule. */
export const destinationRule = specKind(
  { group: 'networking.istio.io', kind: 'DestinationRule', versions: ['v1', 'v1beta1', 'v1alpha3'] },
  spec,
  checkDestinationRule,
);

function checkDestinationRule(rule: DestinationRuleSpec, report: Report, metadata: ObjectMeta): void {
  const hostProblem = wildcardHostProblem(rule.host);
  if (hostProblem !== undefined) report.error('host', hostProblem);
  checkTrafficPolicy(rule.trafficPolicy, metadata.namespace, report.at('trafficPolicy'));
  checkSubsets(rule.subsets ?? [], metadata.namespace, report);
  const ownNamespaceOnly = rule.workloadSelector !== undefined;
  checkExportTo(rule.exportTo, metadata.namespace, report, { ownNamespaceOnly });
  if (rule.workloadSelector !== undefined)
    checkSelector(rule.workloadSelector.matchLabels, report, ['workloadSelector', 'matchLabels']);
}

function checkSubsets(subsets: readonly Subset[], namespace: string, report: Report): void {
  const seen = new Set<string>();
  for (const [i, entry] of subsets.entries()) {
    const at = report.at('subsets', i);
    checkSubsetName(entry.name, at, 'name');
    if (seen.has(entry.name))
      at.error('name', `there is already a subset "${entry.name}"; names must differ`);
    seen.add(entry.name);
    checkLabels(entry.labels, at, 'labels');
    checkTrafficPolicy(entry.trafficPolicy, namespace, at.at('trafficPolicy'));
  }
}
