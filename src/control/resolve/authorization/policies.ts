import {
  DRY_RUN_ANNOTATION,
  OBSERVE_ANNOTATION,
  WITHOUT_PROXY_ANNOTATION,
} from '../../../api/istio/annotations.ts';
import type { AuthorizationPolicy as Written } from '../../../api/istio/authorization-policy.ts';
import type { Resource } from '../../../api/resources.ts';
import type { Authorization, AuthorizationAction, AuthorizationPolicy } from '../../../mesh/authorization.ts';
import { isTcp } from '../../../mesh/protocol.ts';
import type { Finding, Resolved } from '../finding.ts';
import { meshSettings } from '../mesh-settings.ts';
import { holdingAt, labelKeysOf, placeOfTarget, subjectOf, targetsOf } from '../policy-attachment.ts';
import { services } from '../services.ts';
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
    ...(metadata.annotations?.[WITHOUT_PROXY_ANNOTATION] === 'ignore' && { ignoredWithoutProxy: true }),
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

/** Targets that no proxy of the mesh stands for, and authorizers that cannot be asked. */
function oddities(read: Read, resource: Resource<Written>): readonly Finding[] {
  const { spec } = resource.object;
  const origin = originOf(resource);
  const findings: Finding[] = [];
  for (const target of targetsOf(spec))
    if (placeOfTarget(read, target, resource.key.namespace) === undefined)
      findings.push({
        origin,
        field: 'spec.targetRefs',
        message: `no proxy enforces policies of ${target.kind} ${target.name}: it is not there, or no workload of the mesh stands for it; select workloads by labels`,
      });
  const trouble = spec.action === 'CUSTOM' ? authorizerTrouble(read, resource) : '';
  if (trouble !== '') findings.push({ origin, field: 'spec.provider.name', message: trouble });
  return findings;
}

/** Why an authorizer cannot be asked all that the policy is about; '' for no trouble. */
function authorizerTrouble(read: Read, { key, object: { spec } }: Resource<Written>): string {
  const { authorizers, rootNamespace } = read.of(meshSettings, '');
  const provider = spec.provider?.name ?? '';
  const authorizer = authorizers[provider];
  if (authorizer === undefined)
    return `extensionProviders of the mesh configuration have no authorizer "${provider}"; until there is one everything that this policy is about is denied`;
  const aboutPorts = (spec.rules ?? []).every(({ to = [] }) =>
    to.some(({ operation }) => (operation?.ports ?? operation?.notPorts ?? []).length > 0),
  );
  if (authorizer.kind !== 'http' || aboutPorts) return '';
  const carriesBytes = read
    .of(services, '')
    .some(
      ({ namespace, ports }) =>
        (namespace === key.namespace || key.namespace === rootNamespace) &&
        ports.some(({ protocol }) => isTcp(protocol)),
    );
  return carriesBytes
    ? `"${provider}" is asked over HTTP, which can ask about requests only: on TCP ports connections that this policy is about are denied; name the ports it is about, or ask over gRPC`
    : '';
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
    ...new Set(listOf(read, KIND).flatMap((resource) => labelKeysOf(read, resource))),
  ],
);
