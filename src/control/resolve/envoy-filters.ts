import { RE2JS } from 're2js';
import type { ConfigPatch } from '../../api/istio/envoy-filter/patch.ts';
import type { EnvoyFilter } from '../../api/istio/envoy-filter.ts';
import type { Resource } from '../../api/resources.ts';
import type { Origin } from '../../mesh/origin.ts';
import { compareAge } from '../../mesh/service.ts';
import type { Labels } from '../../mesh/workload.ts';
import { fromJson } from '../../xds/json.ts';
import type { Finding } from './finding.ts';
import { meshSettings } from './mesh-settings.ts';
import { attachedTo } from './policy-attachment.ts';
import { ageOf, keyOf, listOf, objectKey, objectOf, originOf, partsOf, step } from './world.ts';

// Changes that users make to the emitted configuration itself (EnvoyFilter). Each is judged alone: one whose value is
// not what it says, or that needs what weft does not have, is left out with a finding.

const KIND = 'networking.istio.io/EnvoyFilter';

export type PatchMatch = NonNullable<ConfigPatch['match']>;
export type PatchOperation = Exclude<NonNullable<NonNullable<ConfigPatch['patch']>['operation']>, 'INVALID'>;
export type PatchPlace = keyof typeof MESSAGES;

/** One change, ready to be made. */
export interface EnvoyPatch {
  readonly applyTo: PatchPlace;
  readonly operation: PatchOperation;
  readonly match: PatchMatch;
  /** The piece of configuration in the shape of all xDS objects here; empty for REMOVE. */
  readonly value: Readonly<Record<string, unknown>>;
  readonly filterClass: string;
  readonly origin: Origin;
}

/** The message that a patch's value is. */
const MESSAGES = {
  LISTENER: 'envoy.config.listener.v3.Listener',
  LISTENER_FILTER: 'envoy.config.listener.v3.ListenerFilter',
  FILTER_CHAIN: 'envoy.config.listener.v3.FilterChain',
  NETWORK_FILTER: 'envoy.config.listener.v3.Filter',
  HTTP_FILTER: 'envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter',
  ROUTE_CONFIGURATION: 'envoy.config.route.v3.RouteConfiguration',
  VIRTUAL_HOST: 'envoy.config.route.v3.VirtualHost',
  HTTP_ROUTE: 'envoy.config.route.v3.Route',
  CLUSTER: 'envoy.config.cluster.v3.Cluster',
} as const;

interface Patches {
  readonly patches: readonly EnvoyPatch[];
  readonly findings: readonly Finding[];
}

/** The changes of one EnvoyFilter, by namespace and name. */
export const envoyFilter = step('envoy filter', (read, key): Patches => {
  const [namespace = '', name = ''] = partsOf(key);
  const resource = objectOf(read, KIND, namespace, name);
  const patches: EnvoyPatch[] = [];
  const findings: Finding[] = [];
  for (const [i, patch] of (resource?.object.spec.configPatches ?? []).entries()) {
    const field = `spec.configPatches[${i}]`;
    const origin = originOf(resource as Resource<EnvoyFilter>, field);
    const read = patchOf(patch, origin);
    if ('problem' in read) findings.push({ origin, field: `${field}${read.field}`, message: read.problem });
    else patches.push(read);
  }
  return { patches, findings };
});

function patchOf(
  patch: ConfigPatch,
  origin: Origin,
): EnvoyPatch | { readonly field: string; readonly problem: string } {
  const { applyTo = 'INVALID', match = {}, patch: change = {} } = patch;
  const message = MESSAGES[applyTo as PatchPlace];
  if (message === undefined)
    return { field: '.applyTo', problem: `${applyTo} is not supported; this change is not made` };
  if (match.context === 'WAYPOINT' || Object.keys(match.proxy?.metadata ?? {}).length > 0)
    return {
      field: '.match',
      problem: 'waypoints and metadata of proxies are not matched; this change is not made',
    };
  const { value, problems } = fromJson<Record<string, unknown>>(message, change.value ?? {});
  const [first] = problems;
  if (first !== undefined)
    return { field: '.patch.value', problem: `${first.path}: ${first.message}; this change is not made` };
  return {
    applyTo: applyTo as PatchPlace,
    operation: change.operation as PatchOperation,
    match,
    value,
    filterClass: change.filterClass ?? '',
    origin,
  };
}

/** Key of {@link patchSet}: whose configuration it is. */
export function patchesKey(type: string, namespace: string, labels: Labels): string {
  return keyOf(type, namespace, JSON.stringify(labels));
}

/**
 * Which EnvoyFilters hold for a proxy, as the key of {@link patchesOfSet}: proxies with an equal one are changed alike.
 * '' for none. Those of the root namespace come first, then those of its own; by priority, then the older object first.
 */
export const patchSet = step('patch set', (read, key): string => {
  const [type = '', namespace = '', text = '{}'] = partsOf(key);
  const all = listOf(read, KIND);
  if (all.length === 0) return '';
  const labels = JSON.parse(text) as Labels;
  const { rootNamespace } = read.of(meshSettings, '');
  const inOrder = [...new Set([rootNamespace, namespace])].flatMap((from) =>
    all.filter((filter) => filter.key.namespace === from && selects(filter, labels)).sort(byPriority),
  );
  return inOrder.length === 0 ? '' : JSON.stringify([type, ...inOrder.map(objectKey)]);
});

/** All changes of a patch set in the order in which they are made. */
export const patchesOfSet = step('patches', (read, set): readonly EnvoyPatch[] => {
  if (set === '') return [];
  const [type = '', ...filters] = JSON.parse(set) as string[];
  return filters
    .flatMap((filter) => read.of(envoyFilter, filter).patches)
    .filter(({ match }) => concerns(match, type));
});

function byPriority(a: Resource<EnvoyFilter>, b: Resource<EnvoyFilter>): number {
  return (a.object.spec.priority ?? 0) - (b.object.spec.priority ?? 0) || compareAge(ageOf(a), ageOf(b));
}

function selects({ object: { spec } }: Resource<EnvoyFilter>, labels: Labels): boolean {
  const { workloadSelector, targetRefs = [] } = spec;
  return attachedTo({ selector: { matchLabels: workloadSelector?.labels ?? {} }, targetRefs }, labels);
}

/** The version of Istio's proxies that patches are told they change. */
const PROXY_VERSION = '1.32.0';
/** Longer expressions are dear to compile; such a patch concerns no proxy. Validation warns of it. */
const MAX_VERSION_LENGTH = 1024;

function concerns({ context = 'ANY', proxy }: PatchMatch, type: string): boolean {
  if (context === 'GATEWAY' && type !== 'router') return false;
  if (context.startsWith('SIDECAR') && type !== 'sidecar') return false;
  const version = proxy?.proxyVersion ?? '';
  if (version.length > MAX_VERSION_LENGTH) return false;
  return version === '' || RE2JS.compile(version).matcher(PROXY_VERSION).find();
}
