import {
  DRY_RUN_ANNOTATION,
  OBSERVE_ANNOTATION,
  WITHOUT_PROXY_ANNOTATION,
} from '../../../api/istio/annotations.ts';
import type { AuthorizationPolicy as Written } from '../../../api/istio/authorization-policy.ts';
import type { Resource } from '../../../api/resources.ts';
import type { Authorization, AuthorizationAction, AuthorizationPolicy } from '../../../mesh/authorization.ts';
import { holdingAt, labelKeysOf, subjectOf } from '../policy-attachment.ts';
import { listOf, objectKey, objectOf, originOf, partsOf, step } from '../world.ts';
import { authorizationRule } from './rules.ts';

const KIND = 'security.istio.io/AuthorizationPolicy';

/** One policy, by namespace and name. What is odd about it is told in oddities.ts. */
const authorizationPolicy = step('authorization policy', (read, key): AuthorizationPolicy | undefined => {
  const [namespace = '', name = ''] = partsOf(key);
  const resource = objectOf(read, KIND, namespace, name);
  return resource && policyOf(resource);
});

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
    ...(metadata.annotations?.[WITHOUT_PROXY_ANNOTATION] === 'ignore' && { ignoredWithoutProxy: true }),
    provider: spec.provider?.name ?? '',
    rules: (spec.rules ?? []).map((rule) => authorizationRule(rule, resource.key.namespace)),
  };
}

/** Whether a policy is only counted and logged. */
export function observed(annotations: Readonly<Record<string, string>> = {}): boolean {
  return (
    /^(?:1|t|true)$/i.test(annotations[DRY_RUN_ANNOTATION] ?? '') ||
    annotations[OBSERVE_ANNOTATION] === 'observe'
  );
}

/** All policies that hold at a workload, by the key of {@link subjectKey}: the root namespace's, then its own. */
export const authorization = step('authorization', (read, key): Authorization => {
  const all = listOf(read, KIND);
  if (all.length === 0) return NONE;
  const policies = holdingAt(read, all, subjectOf(key)).flatMap(
    (resource) => read.of(authorizationPolicy, objectKey(resource)) ?? [],
  );
  const of = (action: AuthorizationAction) => policies.filter((policy) => policy.action === action);
  return { custom: of('custom'), deny: of('deny'), allow: of('allow'), audit: of('audit') };
});

const NONE: Authorization = { custom: [], deny: [], allow: [], audit: [] };

/** Labels by which policies tell proxies apart. */
export const labelKeysOfAuthorization = step(
  'label keys of authorization policies',
  (read): readonly string[] => [
    ...new Set(listOf(read, KIND).flatMap((resource) => labelKeysOf(read, resource))),
  ],
);
