import type { MatchLabelsSelector, PolicyTargetRef } from '../../api/istio/shared/selector.ts';
import type { Resource } from '../../api/resources.ts';
import { compareAge } from '../../mesh/service.ts';
import { type Labels, matchesLabels } from '../../mesh/workload.ts';
import { GROUP } from './gateway-api/route-kinds.ts';
import { GATEWAY_NAME, gatewayWorkloads } from './gateway-api/workloads.ts';
import { meshSettings } from './mesh-settings.ts';
import { ageOf, keyOf, objectOf, partsOf, type Read, step } from './world.ts';

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

/** Who stands for the target of a policy: workloads with these labels. */
export interface TargetPlace {
  /** Undefined: of any namespace. */
  readonly namespace: string | undefined;
  readonly labels: Labels;
}

/**
 * Who stands for a target, which is of the policy's own namespace: the proxies that serve a Gateway, the workloads behind
 * a Service. There is no proxy that stands before a Service as a whole, and a policy that nobody enforced would protect
 * nobody. Undefined where nobody stands for the target.
 */
export function placeOfTarget(
  read: Read,
  { kind, name }: PolicyTargetRef,
  namespace: string,
): TargetPlace | undefined {
  if (kind === 'Gateway') {
    if (objectOf(read, `${GROUP}/Gateway`, namespace, name) === undefined)
      return { namespace, labels: { [GATEWAY_NAME]: name } };
    const { selector, workloadNamespace } = read.of(gatewayWorkloads, keyOf(namespace, name));
    return { namespace: workloadNamespace, labels: selector };
  }
  const behind = kind === 'Service' ? serviceSelector : kind === 'ServiceEntry' ? entrySelector : undefined;
  const labels = behind && read.of(behind, keyOf(namespace, name));
  return labels && { namespace, labels };
}

/** Labels of the workloads behind a Service; undefined where it selects none. */
const serviceSelector = step('selector of a service', (read, key): Labels | undefined => {
  const [namespace = '', name = ''] = partsOf(key);
  const { selector = {} } = objectOf(read, '/Service', namespace, name)?.object.spec ?? {};
  return Object.keys(selector).length === 0 ? undefined : selector;
});

const entrySelector = step('selector of a service entry', (read, key): Labels | undefined => {
  const [namespace = '', name = ''] = partsOf(key);
  const found = objectOf(read, 'networking.istio.io/ServiceEntry', namespace, name);
  return found?.object.spec.workloadSelector?.labels;
});

/** A written policy. */
type Policy = Resource<{
  readonly metadata: { readonly creationTimestamp?: string };
  readonly spec: Attached;
}>;

/** Those of `all` that hold at a workload: the root namespace's, its own, then others', each the oldest first. */
export function holdingAt<P extends Policy>(
  read: Read,
  all: readonly P[],
  subject: PolicySubject,
): readonly P[] {
  const { rootNamespace } = read.of(meshSettings, '');
  const rank = ({ key }: P): number =>
    key.namespace === rootNamespace ? 0 : key.namespace === subject.namespace ? 1 : 2;
  return all
    .filter((policy) => holds(read, policy, subject, rank(policy) < 2))
    .sort((a, b) => rank(a) - rank(b) || compareAge(ageOf(a), ageOf(b)));
}

/** `near`: the policy is of the root namespace, or of the subject's. */
function holds(
  read: Read,
  { key, object: { spec } }: Policy,
  { namespace, labels }: PolicySubject,
  near: boolean,
): boolean {
  const refs = targetsOf(spec);
  if (refs.length === 0) return near && matchesLabels(spec.selector?.matchLabels ?? {}, labels);
  return refs.some((ref) => {
    const place = placeOfTarget(read, ref, key.namespace);
    if (place === undefined || !matchesLabels(place.labels, labels)) return false;
    return place.namespace === undefined || place.namespace === namespace;
  });
}

/** Labels by which a policy tells proxies apart. */
export function labelKeysOf(read: Read, { key, object: { spec } }: Policy): readonly string[] {
  const refs = targetsOf(spec);
  if (refs.length === 0) return Object.keys(spec.selector?.matchLabels ?? {});
  return refs.flatMap((ref) => Object.keys(placeOfTarget(read, ref, key.namespace)?.labels ?? {}));
}

/** The objects that a policy is attached to; empty for none. */
export function targetsOf({ targetRef, targetRefs = [] }: Attached): readonly PolicyTargetRef[] {
  return targetRef === undefined ? targetRefs : [targetRef];
}
