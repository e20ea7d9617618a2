import type { DestinationRule } from '../../api/istio/destination-rule.ts';
import type { Resource } from '../../api/resources.ts';
import { defined } from '../../lib/defined.ts';
import { compareSpecificity, fullHost, hostMatches, isWildcard } from '../../mesh/hostname.ts';
import type { Origin } from '../../mesh/origin.ts';
import { compareAge } from '../../mesh/service.ts';
import type { DestinationPolicy, Subset, TrafficPolicy } from '../../mesh/traffic-policy.ts';
import { type Labels, matchesLabels } from '../../mesh/workload.ts';
import { trafficPolicy } from './destination-rule/traffic-policy.ts';
import { discovered } from './discovered.ts';
import type { Resolved } from './finding.ts';
import { backendTlsDestinations } from './gateway-api/backend-tls.ts';
import { type BackendBudget, retryBudgetsOfBackends } from './gateway-api/backend-traffic.ts';
import { experimentalDestinations } from './gateway-api/experimental-backends.ts';
import { meshSettings } from './mesh-settings.ts';
import { exportedTo, visibleIn } from './visibility.ts';
import { ageOf, keyOf, listOf, objectKey, objectOf, originOf, partsOf, type Read, step } from './world.ts';

const KIND = 'networking.istio.io/DestinationRule';

/** One DestinationRule, by namespace and name. */
export const destinationRule = step('destination rule', (read, key): Resolved<DestinationPolicy> => {
  const [namespace = '', name = ''] = partsOf(key);
  const resource = objectOf(read, KIND, namespace, name);
  if (resource === undefined) return { value: undefined, findings: [] };
  return { value: destinationPolicy(read, resource), findings: [] };
});

function destinationPolicy(read: Read, resource: Resource<DestinationRule>): DestinationPolicy {
  const { spec } = resource.object;
  const { namespace, name } = resource.key;
  const settings = read.of(meshSettings, '');
  const selects = spec.workloadSelector !== undefined;
  return {
    namespace,
    name,
    host: fullHost(spec.host, namespace, settings.clusterDomain),
    subsets: (spec.subsets ?? []).map(
      (subset, i): Subset => ({
        name: subset.name,
        labels: subset.labels ?? {},
        origin: originOf(resource, `spec.subsets[${i}]`),
        ...defined({ policy: subset.trafficPolicy && trafficPolicy(subset.trafficPolicy, selects) }),
      }),
    ),
    exportTo: exportedTo(spec.exportTo, namespace, settings.destinationRuleExportTo),
    age: ageOf(resource),
    origin: originOf(resource),
    ...defined({
      policy: spec.trafficPolicy && trafficPolicy(spec.trafficPolicy, selects),
      workloadSelector: spec.workloadSelector?.matchLabels,
    }),
  };
}

/** DestinationRules of one namespace by host, the oldest of a host first; wildcards apart, the narrow ones first. */
interface NamespaceRules {
  readonly exact: ReadonlyMap<string, readonly DestinationPolicy[]>;
  readonly wildcards: readonly (readonly [host: string, rules: readonly DestinationPolicy[]])[];
}

/** All DestinationRules, and what BackendTLSPolicies say, by namespace and name. */
export const destinationRules = step('destination rules', (read): readonly DestinationPolicy[] => [
  ...discovered(read, listOf(read, KIND))
    .map((resource) => read.of(destinationRule, objectKey(resource)).value)
    .filter((rule) => rule !== undefined),
  ...read.of(backendTlsDestinations, ''),
  ...read.of(experimentalDestinations, ''),
]);

const rulesByNamespace = step(
  'destination rules by namespace',
  (read): ReadonlyMap<string, readonly DestinationPolicy[]> => {
    const byNamespace = new Map<string, DestinationPolicy[]>();
    for (const rule of read.of(destinationRules, '')) {
      const list = byNamespace.get(rule.namespace);
      if (list === undefined) byNamespace.set(rule.namespace, [rule]);
      else list.push(rule);
    }
    return byNamespace;
  },
);

const rulesOfNamespace = step('destination rules of a namespace', (read, namespace): NamespaceRules => {
  const byHost = new Map<string, DestinationPolicy[]>();
  for (const rule of read.of(rulesByNamespace, '').get(namespace) ?? [])
    byHost.set(rule.host, [...(byHost.get(rule.host) ?? []), rule]);
  for (const rules of byHost.values()) rules.sort((a, b) => compareAge(a.age, b.age));
  const hosts = [...byHost.keys()].sort(compareSpecificity);
  return {
    exact: new Map(hosts.filter((host) => !isWildcard(host)).map((host) => [host, byHost.get(host) ?? []])),
    wildcards: hosts.filter(isWildcard).map((host) => [host, byHost.get(host) ?? []] as const),
  };
});

/** What holds for calls of one kind of caller to one host; empty where nobody said anything. */
export interface HostPolicy {
  readonly policy: TrafficPolicy | undefined;
  readonly subsets: readonly Subset[];
  readonly origins: readonly Origin[];
}

const NO_POLICY: HostPolicy = { policy: undefined, subsets: [], origins: [] };

/** Key of {@link hostPolicy}; `labels` of the caller matter to rules with a workload selector only. */
export function hostPolicyKey(
  clientNamespace: string,
  host: string,
  serviceNamespace: string,
  labels: Labels,
): string {
  return keyOf(clientNamespace, host, serviceNamespace, JSON.stringify(labels));
}

/**
 * The rules of the client's namespace if there are any for the host, else those of the service's namespace, else those
 * of the root namespace. Several for one host are put together: all subsets, and the policy of the oldest.
 */
export const hostPolicy = step('host policy', (read, key): HostPolicy => {
  const [clientNamespace = '', host = '', serviceNamespace = '', labels = '{}'] = partsOf(key);
  const { rootNamespace } = read.of(meshSettings, '');
  const caller = JSON.parse(labels) as Labels;
  const seen = new Set<string>();
  for (const namespace of [clientNamespace, serviceNamespace, rootNamespace]) {
    if (namespace === '' || seen.has(namespace)) continue;
    seen.add(namespace);
    const rules = matching(read.of(rulesOfNamespace, namespace), host, clientNamespace, caller);
    if (rules.length > 0) return withBudget(merged(rules), read.of(retryBudgetsOfBackends, '').get(host));
  }
  return withBudget(NO_POLICY, read.of(retryBudgetsOfBackends, '').get(host));
});

/** A limit of retries that is nobody else's business: a DestinationRule's own counts before it. */
function withBudget(host: HostPolicy, budget: BackendBudget | undefined): HostPolicy {
  if (budget === undefined || host.policy?.retryBudget !== undefined) return host;
  const policy = { ports: new Map(), ...host.policy, retryBudget: budget.retryBudget };
  return { ...host, policy, origins: [...host.origins, budget.origin] };
}

function matching(
  rules: NamespaceRules,
  host: string,
  clientNamespace: string,
  caller: Labels,
): DestinationPolicy[] {
  const applies = (rule: DestinationPolicy) =>
    visibleIn(rule.exportTo, clientNamespace) &&
    (rule.workloadSelector === undefined ||
      (rule.namespace === clientNamespace && matchesLabels(rule.workloadSelector, caller)));
  const exact = (rules.exact.get(host) ?? []).filter(applies);
  if (exact.length > 0) return exact;
  for (const [pattern, ofPattern] of rules.wildcards) {
    const found = hostMatches(pattern, host) ? ofPattern.filter(applies) : [];
    if (found.length > 0) return found;
  }
  return [];
}

/** Rules that select the caller come before those for all. */
function merged(rules: readonly DestinationPolicy[]): HostPolicy {
  const ordered = [...rules].sort(
    (a, b) => Number(a.workloadSelector === undefined) - Number(b.workloadSelector === undefined),
  );
  const subsets = new Map<string, Subset>();
  for (const rule of ordered)
    for (const subset of rule.subsets) if (!subsets.has(subset.name)) subsets.set(subset.name, subset);
  return {
    policy: ordered.find((rule) => rule.policy !== undefined)?.policy,
    subsets: [...subsets.values()],
    origins: ordered.map((rule) => rule.origin),
  };
}

/** Keys of labels by which rules of the namespace tell callers apart. */
export const labelKeysOfDestinationRules = step('label keys of destination rules', (read, namespace) => {
  const rules = read.of(rulesOfNamespace, namespace);
  const all = [...rules.exact.values(), ...rules.wildcards.map(([, list]) => list)].flat();
  return [...new Set(all.flatMap((rule) => Object.keys(rule.workloadSelector ?? {})))].sort();
});
