import type { VirtualService } from '../../api/istio/virtual-service.ts';
import type { Resource } from '../../api/resources.ts';
import { fullHost } from '../../mesh/hostname.ts';
import { type ConnectionRule, type HttpRule, MESH, type RuleSet } from '../../mesh/route.ts';
import { compareAge } from '../../mesh/service.ts';
import { discovered } from './discovered.ts';
import type { Finding, Resolved } from './finding.ts';
import { gatewayApiRuleSet, gatewayApiRuleSets } from './gateway-api/rule-sets.ts';
import { meshSettings } from './mesh-settings.ts';
import { delegatedRule } from './virtual-service/delegates.ts';
import { gatewayNames } from './virtual-service/gateway-names.ts';
import { httpRule, weightedDestinations } from './virtual-service/http-rule.ts';
import { connectionMatch } from './virtual-service/matches.ts';
import { exportedTo, visibleIn } from './visibility.ts';
import { ageOf, listOf, objectKey, objectOf, originOf, partsOf, type Read, step } from './world.ts';

// VirtualServices as rule sets. One without hosts is a delegate: it is only part of those that include it.

const KIND = 'networking.istio.io/VirtualService';
type VirtualServiceResource = Resource<VirtualService>;

/** One VirtualService, by namespace and name; undefined for delegates and for one that is not there. */
export const virtualService = step('virtual service', (read, key): Resolved<RuleSet> => {
  const [namespace = '', name = ''] = partsOf(key);
  const resource = objectOf(read, KIND, namespace, name);
  if (resource === undefined || (resource.object.spec.hosts ?? []).length === 0) return NOTHING;
  const findings: Finding[] = [];
  return { value: ruleSet(read, resource, findings), findings };
});

const NOTHING = { value: undefined, findings: [] };

/** All rule sets of both APIs, the oldest first. */
export const virtualServices = step('virtual services', (read): readonly RuleSet[] => {
  const { first, byAge } = read.of(gatewayApiRuleSets, '');
  const own = discovered(read, listOf(read, KIND))
    .map((resource) => read.of(virtualService, objectKey(resource)).value)
    .filter((rules) => rules !== undefined);
  return [...first, ...[...own, ...byAge].sort((a, b) => compareAge(a.age, b.age))];
});

/** One rule set by its namespace and name, whichever API it is of. */
export const ruleSetNamed = step('rule set', (read, key): RuleSet | undefined => {
  const [, name = ''] = partsOf(key);
  return name.includes('~') ? read.of(gatewayApiRuleSet, key) : read.of(virtualService, key).value;
});

function ruleSet(read: Read, resource: VirtualServiceResource, findings: Finding[]): RuleSet {
  const { spec } = resource.object;
  const { namespace, name } = resource.key;
  const settings = read.of(meshSettings, '');
  const gateways = spec.gateways ?? [];
  return {
    namespace,
    name,
    hosts: (spec.hosts ?? []).map((host) => fullHost(host, namespace, settings.clusterDomain)),
    gateways: gateways.length === 0 ? [MESH] : gatewayNames(gateways, namespace),
    exportTo: exportedTo(spec.exportTo, namespace, settings.virtualServiceExportTo),
    http: httpRules(read, resource, findings),
    tls: connectionRules(resource, 'tls', settings.clusterDomain),
    tcp: connectionRules(resource, 'tcp', settings.clusterDomain),
    age: ageOf(resource),
    origin: originOf(resource),
  };
}

function httpRules(read: Read, resource: VirtualServiceResource, findings: Finding[]): HttpRule[] {
  const rules = ownHttpRules(read, resource);
  return (resource.object.spec.http ?? []).flatMap((spec, i) => {
    const rule = rules[i];
    if (rule === undefined) return [];
    if (spec.delegate === undefined) return [rule];
    const from = delegateOf(read, resource, spec.delegate);
    const field = `spec.http[${i}].delegate`;
    if (typeof from !== 'string')
      return delegatedRules(rule, ownHttpRules(read, from), field, resource, findings);
    findings.push({ origin: originOf(resource), field, message: from });
    return [];
  });
}

/** The delegate that a rule names, or why it cannot be included. */
function delegateOf(
  read: Read,
  resource: VirtualServiceResource,
  { name = '', namespace = '' }: { readonly name?: string; readonly namespace?: string },
): VirtualServiceResource | string {
  const own = resource.key.namespace;
  const where = namespace || own;
  const from = objectOf(read, KIND, where, name);
  if (from === undefined) return `there is no VirtualService ${where}/${name} to include`;
  if ((from.object.spec.hosts ?? []).length > 0)
    return `VirtualService ${where}/${name} has hosts of its own and cannot be included`;
  const seenBy = exportedTo(
    from.object.spec.exportTo,
    where,
    read.of(meshSettings, '').virtualServiceExportTo,
  );
  return visibleIn(seenBy, own)
    ? from
    : `VirtualService ${where}/${name} is not exported to namespace ${own}`;
}

function delegatedRules(
  root: HttpRule,
  rules: readonly HttpRule[],
  field: string,
  resource: VirtualServiceResource,
  findings: Finding[],
): HttpRule[] {
  const merged = rules.map((rule) => delegatedRule(root, rule)).filter((rule) => rule !== undefined);
  if (merged.length < rules.length) {
    const message = `${rules.length - merged.length} of the delegate's rules match nothing that this rule matches`;
    findings.push({ origin: originOf(resource), field, message });
  }
  return merged;
}

function ownHttpRules(read: Read, resource: VirtualServiceResource): HttpRule[] {
  const { clusterDomain } = read.of(meshSettings, '');
  const { namespace } = resource.key;
  return (resource.object.spec.http ?? []).map((spec, i) =>
    httpRule(spec, { namespace, clusterDomain, origin: originOf(resource, `spec.http[${i}]`) }),
  );
}

function connectionRules(
  resource: VirtualServiceResource,
  field: 'tls' | 'tcp',
  clusterDomain: string,
): ConnectionRule[] {
  const { namespace } = resource.key;
  return (resource.object.spec[field] ?? []).map((spec, i) => {
    const origin = originOf(resource, `spec.${field}[${i}]`);
    return {
      matches: (spec.match ?? []).map((match) => connectionMatch(match, namespace)),
      destinations: weightedDestinations(spec.route ?? [], { namespace, clusterDomain, origin }),
      origin,
    };
  });
}
