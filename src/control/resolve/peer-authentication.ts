import type { PeerAuthentication } from '../../api/istio/peer-authentication.ts';
import type { Resource } from '../../api/resources.ts';
import type { PeerMode, PeerModes } from '../../mesh/policy.ts';
import { compareAge } from '../../mesh/service.ts';
import { type Labels, matchesLabels } from '../../mesh/workload.ts';
import { meshSettings } from './mesh-settings.ts';
import { ageOf, keyOf, listOf, originOf, partsOf, type Read, step } from './world.ts';

const KIND = 'security.istio.io/PeerAuthentication';
type Policy = Resource<PeerAuthentication>;

/** Key of {@link peerModes}: the workload's namespace and labels. */
export function peerModesKey(namespace: string, labels: Labels): string {
  return keyOf(namespace, JSON.stringify(labels));
}

/**
 * What a workload takes: of the mesh (root namespace, no selector), overridden by the namespace's, overridden by the
 * one that selects it, overridden by its ports. Of several at one level the oldest holds. Default: PERMISSIVE.
 */
export const peerModes = step('peer modes', (read, key): PeerModes => {
  const [namespace = '', labels = '{}'] = partsOf(key);
  const { rootNamespace } = read.of(meshSettings, '');
  const wide = read.of(policiesOfNamespace, rootNamespace).find(isNamespaceWide);
  const ofNamespace =
    namespace === rootNamespace ? wide : read.of(policiesOfNamespace, namespace).find(isNamespaceWide);
  const own = ownPolicy(read, namespace, JSON.parse(labels) as Labels);
  const levels = [own, ofNamespace, wide].filter((policy) => policy !== undefined);
  const decider = levels.find((policy) => modeOf(policy) !== undefined);
  const origins = [...new Set(levels)].map((policy) => originOf(policy));
  return {
    mode: modeOf(decider) ?? 'permissive',
    ports: portModes(own),
    origins,
    decidedBy: decider && originOf(decider),
    own: own && origins[0],
  };
});

/** Whether any policy wants plain text, anywhere: where none does, nobody needs to ask for single workloads. */
export const plainTextWanted = step('plain text wanted', (read): boolean =>
  listOf(read, KIND).some(({ object }) => {
    const { mtls, portLevelMtls = {} } = object.spec;
    return [mtls, ...Object.values(portLevelMtls)].some((own) => own?.mode === 'DISABLE');
  }),
);

/** Policies of a namespace, the oldest first. */
const policiesOfNamespace = step(
  'peer authentications of a namespace',
  (read, namespace): readonly Policy[] =>
    listOf(read, KIND)
      .filter((policy) => policy.key.namespace === namespace)
      .sort((a, b) => compareAge(ageOf(a), ageOf(b))),
  sameItems,
);

function sameItems(a: readonly Policy[], b: readonly Policy[]): boolean {
  return a.length === b.length && a.every((policy, i) => policy === b[i]);
}

function ownPolicy(read: Read, namespace: string, labels: Labels): Policy | undefined {
  return read.of(policiesOfNamespace, namespace).find((policy) => {
    const selector = policy.object.spec.selector?.matchLabels;
    return !isNamespaceWide(policy) && selector !== undefined && matchesLabels(selector, labels);
  });
}

function isNamespaceWide(policy: Policy): boolean {
  return Object.keys(policy.object.spec.selector?.matchLabels ?? {}).length === 0;
}

const MODES: Readonly<Record<string, PeerMode>> = {
  STRICT: 'strict',
  PERMISSIVE: 'permissive',
  DISABLE: 'disable',
};

/** UNSET and a missing mode leave the matter to the wider policy. */
function modeOf(policy: Policy | undefined): PeerMode | undefined {
  return MODES[policy?.object.spec.mtls?.mode ?? ''];
}

/** A port that says UNSET is as if it were not named. */
function portModes(policy: Policy | undefined): ReadonlyMap<number, PeerMode> {
  const entries = Object.entries(policy?.object.spec.portLevelMtls ?? {}).flatMap(([port, mtls]) => {
    const mode = MODES[mtls.mode ?? ''];
    return mode === undefined ? [] : [[Number(port), mode] as const];
  });
  return new Map(entries.sort(([a], [b]) => a - b));
}
