import type { MatchLabelsSelector, PolicyTargetRef } from '../../api/istio/shared/selector.ts';
import type { Resource } from '../../api/resources.ts';
import { compareAge } from '../../mesh/service.ts';
import { type Labels, matchesLabels } from '../../mesh/workload.ts';
import { meshSettings } from './mesh-settings.ts';
import { ageOf, keyOf, partsOf, type Read } from './world.ts';

// For which proxies a policy holds: by a selector of labels, or by the object that it is attached to.

/** Whom policies are looked for. */
export interface PolicySubject {
  readonly namespace: string;
  readonly labels: Labels;
}

/** Key of steps that look for the policies of a workload. */
export function subjectKey({ namespace, labels }: PolicySubject): string {
  return keyOf(namespace, JSON.stringify(labels));
}

/** The subject of a key of {@link subjectKey}. */
export function subjectOf(key: string): PolicySubject {
  const [namespace = '', labels = '{}'] = partsOf(key);
  return { namespace, labels: JSON.parse(labels) as Labels };
}

/** What a policy says about where it holds. */
export interface Attached {
  readonly selector?: MatchLabelsSelector;
  readonly targetRef?: PolicyTargetRef;
  readonly targetRefs?: readonly PolicyTargetRef[];
}

/** Label of the proxies that were made for a Gateway of the Kubernetes Gateway API. */
export const GATEWAY_NAME = 'gateway.networking.k8s.io/gateway-name';

/**
 * Whether a policy of the subject's namespace, or of the root namespace, holds for it. A policy attached to a Gateway
 * holds for the proxies that were made for that one; without selector and target it holds for all.
 */
export function attachedTo(policy: Attached, labels: Labels): boolean {
  const refs = targetsOf(policy);
  if (refs.length > 0)
    return refs.some(({ kind, name }) => kind === 'Gateway' && labels[GATEWAY_NAME] === name);
  return matchesLabels(policy.selector?.matchLabels ?? {}, labels);
}

/** A written policy. */
type Policy = Resource<{
  readonly metadata: { readonly creationTimestamp?: string };
  readonly spec: Attached;
}>;

/** Those of `all` that hold at a workload: the root namespace's, then its own, each the oldest first. */
export function holdingAt<P extends Policy>(
  read: Read,
  all: readonly P[],
  subject: PolicySubject,
): readonly P[] {
  const { rootNamespace } = read.of(meshSettings, '');
  return [...new Set([rootNamespace, subject.namespace])].flatMap((from) =>
    all
      .filter(({ key, object }) => key.namespace === from && attachedTo(object.spec, subject.labels))
      .sort((a, b) => compareAge(ageOf(a), ageOf(b))),
  );
}

/** Labels by which policies tell proxies apart. */
export function labelKeysOf(policy: Attached): readonly string[] {
  return targetsOf(policy).length > 0 ? [GATEWAY_NAME] : Object.keys(policy.selector?.matchLabels ?? {});
}

/** The objects that a policy is attached to; empty for none. */
export function targetsOf({ targetRef, targetRefs = [] }: Attached): readonly PolicyTargetRef[] {
  return targetRef === undefined ? targetRefs : [targetRef];
}
