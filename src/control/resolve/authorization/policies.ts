import { DRY_RUN_ANNOTATION, OBSERVE_ANNOTATION } from '../../../api/istio/annotations.ts';
import type { AuthorizationPolicy as Written } from '../../../api/istio/authorization-policy.ts';
import type { Resource } from '../../../api/resources.ts';
import type { Authorization, AuthorizationAction, AuthorizationPolicy } from '../../../mesh/authorization.ts';
import type { Finding, Resolved } from '../finding.ts';
import { meshSettings } from '../mesh-settings.ts';
import { holdingAt, labelKeysOf, subjectOf, targetsOf } from '../policy-attachment.ts';
import { listOf, objectKey, objectOf, originOf, partsOf, type Read, step } from '../world.ts';
import { authorizationRule } from './rules.ts';

const KIND = 'security.istio.io/AuthorizationPolicy';

/** One policy, by namespace and name. */
export const authorizationPolicy = step(
  'authorization policy',
  (read, key): Resolved<AuthorizationPolicy> => {
    const [namespace = '', name = ''] = partsOf(key);
    const resource = objectOf(read, KIND, namespace, name);
    if (resource === undefined) return { value: undefined, findings: [] };
    return { value: policyOf(resource), findings: oddities(read, resource) };
  },
);

const ACTIONS: Readonly<Record<string, AuthorizationAction>> = {
  ALLOW: 'allow',
  DENY: 'deny',
  AUDIT: 'audit',
  CUSTOM: 'custom',
};

function policyOf(resource: Resource<Written>): AuthorizationPolicy {
  const { spec, metadata } = resource.object;
  return {
    origin: originOf(resource),
    action: ACTIONS[spec.action ?? 'ALLOW'] ?? 'allow',
    observe: observed(metadata.annotations),
    provider: spec.provider?.name ?? '',
    rules: (spec.rules ?? []).map((rule) => authorizationRule(rule, resource.key.namespace)),
  };
}

function observed(annotations: Readonly<Record<string, string>> = {}): boolean {
  return (
    /^(?:1|t|true)$/i.test(annotations[DRY_RUN_ANNOTATION] ?? '') ||
    annotations[OBSERVE_ANNOTATION] === 'observe'
  );
}

/** Targets that no proxy of the mesh stands for, and providers that nobody defined. */
function oddities(read: Read, resource: Resource<Written>): readonly Finding[] {
  const { spec } = resource.object;
  const origin = originOf(resource);
  const findings: Finding[] = [];
  for (const { kind, name } of targetsOf(spec))
    if (kind !== 'Gateway')
      findings.push({
        origin,
        field: 'spec.targetRefs',
        message: `no proxy enforces policies of ${kind} ${name} as a whole; select its workloads by labels`,
      });
  const provider = spec.provider?.name ?? '';
  if (spec.action === 'CUSTOM' && read.of(meshSettings, '').authorizers[provider] === undefined)
    findings.push({
      origin,
      field: 'spec.provider.name',
      message: `extensionProviders of the mesh configuration have no authorizer "${provider}"; until there is one everything that this policy is about is denied`,
    });
  return findings;
}

/** All policies that hold at a workload, by the key of {@link subjectKey}: the root namespace's, then its own. */
export const authorization = step('authorization', (read, key): Authorization => {
  const all = listOf(read, KIND);
  if (all.length === 0) return NONE;
  const policies = holdingAt(read, all, subjectOf(key)).flatMap(
    (resource) => read.of(authorizationPolicy, objectKey(resource)).value ?? [],
  );
  const of = (action: AuthorizationAction) => policies.filter((policy) => policy.action === action);
  return { custom: of('custom'), deny: of('deny'), allow: of('allow'), audit: of('audit') };
});

const NONE: Authorization = { custom: [], deny: [], allow: [], audit: [] };

/** Labels by which policies tell proxies apart. */
export const labelKeysOfAuthorization = step(
  'label keys of authorization policies',
  (read): readonly string[] => [
    ...new Set(listOf(read, KIND).flatMap(({ object }) => labelKeysOf(object.spec))),
  ],
);
