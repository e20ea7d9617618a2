import { RE2JS } from 're2js';
import type { EnvoyFilter } from '../../api/istio/envoy-filter.ts';
import type { Resource } from '../../api/resources.ts';
import type { MeshProxy } from '../../mesh/proxy.ts';
import { compareAge } from '../../mesh/service.ts';
import { type Labels, matchesLabels } from '../../mesh/workload.ts';
import { asksControlPlane, hasDefault, withExtensionConfigs } from './envoy-filter/extension-configs.ts';
import { type EnvoyPatch, type PatchMatch, readPatch } from './envoy-filter/patch.ts';
import { PROXY_VERSION, proxyFacts } from './envoy-filter/proxy-facts.ts';
import type { Finding } from './finding.ts';
import { meshSettings } from './mesh-settings.ts';
import { attachedTo } from './policy-attachment.ts';
import { ageOf, keyOf, listOf, objectKey, objectOf, originOf, partsOf, type Read, step } from './world.ts';

// Changes that users make to the emitted configuration itself (EnvoyFilter). Each is judged alone: one whose value is
// not what it says, or that needs what weft does not have, is left out with a finding.

const KIND = 'networking.istio.io/EnvoyFilter';

interface Patches {
  readonly patches: readonly EnvoyPatch[];
  readonly findings: readonly Finding[];
}

/** The changes of one EnvoyFilter, by namespace and name. */
export const envoyFilter = step('envoy filter', (read, key): Patches => {
  const [namespace = '', name = ''] = partsOf(key);
  const resource = objectOf(read, KIND, namespace, name);
  if (resource === undefined) return { patches: [], findings: [] };
  const patches: EnvoyPatch[] = [];
  const findings: Finding[] = unknownTargets(resource);
  for (const [i, written] of (resource.object.spec.configPatches ?? []).entries()) {
    const field = `spec.configPatches[${i}]`;
    const origin = originOf(resource, field);
    const { patch, problems } = readPatch(written, origin);
    for (const problem of problems)
      findings.push({ origin, field: `${field}${problem.field}`, message: problem.message });
    if (patch !== undefined) patches.push(patch);
  }
  return { patches, findings };
});

/** Of the kinds that an EnvoyFilter can be attached to only Gateways have proxies of their own here. */
function unknownTargets(resource: Resource<EnvoyFilter>): Finding[] {
  return (resource.object.spec.targetRefs ?? []).flatMap(({ kind, name }, i): Finding[] => {
    const field = `spec.targetRefs[${i}]`;
    const message = `${kind} ${name} has no proxy of its own (waypoint): nothing is changed for it; name a Gateway`;
    return kind === 'Gateway' ? [] : [{ origin: originOf(resource, field), field, message }];
  });
}

/** What is odd about an EnvoyFilter among all: filters whose configuration nobody brings. */
export const envoyFilterFindings = step('findings of an envoy filter', (read, key): readonly Finding[] => {
  const { patches, findings } = read.of(envoyFilter, key);
  const asking = patches.filter(({ value }) => asksControlPlane(value) && !hasDefault(value));
  if (asking.length === 0) return findings;
  const known = read.of(extensionConfigNames, '');
  return [
    ...findings,
    ...asking
      .filter(({ value }) => !known.includes(String(value['name'])))
      .map(({ value, origin }) => ({
        origin,
        field: `${origin.field ?? ''}.patch.value.config_discovery`,
        message: `there is no patch with applyTo: EXTENSION_CONFIG and the name ${String(value['name'])}; this change is not made`,
      })),
  ];
});

/** The changes of all EnvoyFilters. */
export const allPatches = step('all patches', (read): readonly EnvoyPatch[] =>
  listOf(read, KIND).flatMap((filter) => read.of(envoyFilter, objectKey(filter)).patches),
);

const extensionConfigNames = step('extension configs', (read): readonly string[] =>
  read
    .of(allPatches, '')
    .filter(({ applyTo }) => applyTo === 'EXTENSION_CONFIG')
    .map(({ value }) => String(value['name'])),
);

/** What is asked about proxies, beside type, namespace and labels. */
const metadataKeys = step('metadata that patches match', (read): readonly string[] => {
  const patches = listOf(read, KIND).flatMap(({ object }) => object.spec.configPatches ?? []);
  return [...new Set(patches.flatMap(({ match }) => Object.keys(match?.proxy?.metadata ?? {})))].sort();
});

/** Key of {@link patchSet}: whose configuration it is, as far as any patch looks at that. */
export function patchesKey(read: Read, proxy: MeshProxy): string {
  const { type, namespace, labels } = proxy;
  const facts = proxyFacts(proxy, read.of(metadataKeys, ''));
  return keyOf(type, namespace, JSON.stringify(labels), JSON.stringify(facts));
}

/**
 * Which EnvoyFilters hold for a proxy, as the key of {@link patchesOfSet}: proxies with an equal one are changed alike.
 * '' for none. By priority, then those of the root namespace before those of its own, then the older object first.
 */
export const patchSet = step('patch set', (read, key): string => {
  const [type = '', namespace = '', labelsText = '{}', facts = '{}'] = partsOf(key);
  const all = listOf(read, KIND);
  if (all.length === 0) return '';
  const labels = JSON.parse(labelsText) as Labels;
  const { rootNamespace } = read.of(meshSettings, '');
  const inOrder = all
    .filter((filter) => filter.key.namespace === rootNamespace || filter.key.namespace === namespace)
    .filter((filter) => selects(filter, namespace, labels))
    .sort((a, b) => compareFilters(a, b, rootNamespace));
  return inOrder.length === 0 ? '' : JSON.stringify([type, facts, ...inOrder.map(objectKey)]);
});

/** All changes of a patch set in the order in which they are made. */
export const patchesOfSet = step('patches', (read, set): readonly EnvoyPatch[] => {
  if (set === '') return [];
  const [type = '', factsText = '{}', ...filters] = JSON.parse(set) as string[];
  const facts = JSON.parse(factsText) as Labels;
  const patches = filters
    .flatMap((filter) => read.of(envoyFilter, filter).patches)
    .filter(({ match }) => concerns(match, type, facts));
  return withExtensionConfigs(patches);
});

function compareFilters(a: Resource<EnvoyFilter>, b: Resource<EnvoyFilter>, root: string): number {
  return (
    (a.object.spec.priority ?? 0) - (b.object.spec.priority ?? 0) ||
    Number(b.key.namespace === root) - Number(a.key.namespace === root) ||
    compareAge(ageOf(a), ageOf(b))
  );
}

/** A filter attached to a Kubernetes Gateway, which is of its own namespace, holds for the proxies made for it. */
function selects(
  { key, object: { spec } }: Resource<EnvoyFilter>,
  namespace: string,
  labels: Labels,
): boolean {
  const { workloadSelector, targetRefs = [] } = spec;
  if (targetRefs.length > 0 && key.namespace !== namespace) return false;
  return attachedTo({ selector: { matchLabels: workloadSelector?.labels ?? {} }, targetRefs }, labels);
}

/** Longer expressions match no proxy: compiling them would be dear. */
const MAX_VERSION_LENGTH = 1024;

function concerns({ context = 'ANY', proxy }: PatchMatch, type: string, facts: Labels): boolean {
  if (context === 'GATEWAY' && type !== 'router') return false;
  if (context.startsWith('SIDECAR') && type !== 'sidecar') return false;
  if (!matchesLabels(proxy?.metadata ?? {}, facts)) return false;
  const version = proxy?.proxyVersion ?? '';
  if (version === '') return true;
  return version.length <= MAX_VERSION_LENGTH && RE2JS.compile(version).matcher(PROXY_VERSION).find();
}
