import { specKind } from '../kind.ts';
import type { ObjectMeta, SpecObject } from '../object.ts';
import type { Report } from '../report.ts';
import { type Infer, list, message, oneOf, text } from '../schema.ts';
import { checkDryRun } from './annotations.ts';
import { checkRule } from './authorization-policy/check-rule.ts';
import { type AuthorizationRule, authorizationRule } from './authorization-policy/rule.ts';
import { setFields } from './shared/exclusive.ts';
import {
  checkAttachment,
  matchLabelsSelector,
  policyTargetRef,
  policyTargetRefs,
} from './shared/selector.ts';

const spec = message(
  {},
  {
    selector: matchLabelsSelector,
    targetRef: policyTargetRef,
    targetRefs: policyTargetRefs,
    rules: list(authorizationRule),
    action: oneOf('ALLOW', 'DENY', 'AUDIT', 'CUSTOM'),
    provider: message({}, { name: text }),
  },
);

/** Spec of an AuthorizationPolicy. Default action: ALLOW. No rules: nothing matches, so ALLOW without rules denies all. */
export type AuthorizationPolicySpec = Infer<typeof spec>;
export type AuthorizationPolicy = SpecObject<AuthorizationPolicySpec>;

/** security.istio.io AuthorizationPolicy. */
export const authorizationPolicy = specKind(
  { group: 'security.istio.io', kind: 'AuthorizationPolicy', versions: ['v1', 'v1beta1'] },
  spec,
  checkAuthorizationPolicy,
);

function checkAuthorizationPolicy(
  policy: AuthorizationPolicySpec,
  report: Report,
  metadata: ObjectMeta,
  atMetadata: Report,
): void {
  const action = policy.action ?? 'ALLOW';
  const rules = policy.rules ?? [];
  checkAttachment(policy, report);
  checkDryRun(action, metadata, atMetadata);
  if ((action === 'DENY' || action === 'CUSTOM') && rules.length === 0)
    report.error(
      'rules',
      `${action} without rules never applies; add the empty rule {} to apply it to every request`,
    );
  if (action === 'CUSTOM') checkCustom(policy, report);
  else if (policy.provider !== undefined)
    report.error(
      'provider',
      'a provider is asked by action CUSTOM only; set that action or leave provider out',
    );
  for (const [i, rule] of rules.entries()) {
    checkRule(rule, report.at('rules', i));
    if (action === 'DENY') warnDeniesTcp(rule, report.at('rules', i));
  }
}

/** Attributes that an external authorizer is not asked by, because they are not known where it is called. */
const NOT_WITH_CUSTOM = [
  'namespaces',
  'notNamespaces',
  'serviceAccounts',
  'notServiceAccounts',
  'trustDomains',
  'notTrustDomains',
  'principals',
  'notPrincipals',
  'requestPrincipals',
  'notRequestPrincipals',
];

function checkCustom(policy: AuthorizationPolicySpec, report: Report): void {
  if ((policy.provider?.name ?? '') === '')
    report.error(
      ['provider', 'name'],
      'action CUSTOM asks a provider: name one of meshConfig.extensionProviders',
    );
  const why = 'cannot be used with action CUSTOM';
  for (const [i, rule] of (policy.rules ?? []).entries()) {
    const at = report.at('rules', i);
    for (const [j, { source }] of (rule.from ?? []).entries())
      for (const field of setFields(source ?? {}, NOT_WITH_CUSTOM))
        at.error(['from', j, 'source', field], `${field} ${why}`);
    for (const [j, { key }] of (rule.when ?? []).entries())
      if (/^(?:source\.(?:namespace|serviceAccount|trustDomain|principal)$|request\.auth\.)/.test(key))
        at.error(['when', j, 'key'], `${key} ${why}`);
  }
}

const CONNECTION_SOURCES = [
  'principals',
  'notPrincipals',
  'namespaces',
  'notNamespaces',
  'serviceAccounts',
  'notServiceAccounts',
  'ipBlocks',
  'notIpBlocks',
  'remoteIpBlocks',
  'notRemoteIpBlocks',
];

/** On TCP ports attributes of HTTP are unknown, and a DENY rule that cannot be judged denies. */
function warnDeniesTcp(rule: AuthorizationRule, report: Report): void {
  const sources = (rule.from ?? []).map(({ source }) => source ?? {});
  const operations = (rule.to ?? []).map(({ operation }) => operation ?? {});
  const httpSources =
    sources.length > 0 && !sources.some((source) => setFields(source, CONNECTION_SOURCES).length > 0);
  const httpOperations =
    operations.length > 0 && !operations.some((to) => setFields(to, ['ports', 'notPorts']).length > 0);
  if (httpOperations || (httpSources && operations.length === 0))
    report.warn(
      [],
      'this rule looks at HTTP only, so on TCP ports it denies everything; name the ports it is about',
    );
}
