import type { Sidecar } from '../../api/istio/sidecar.ts';
import type { Resource } from '../../api/resources.ts';
import { hostMatches } from '../../mesh/hostname.ts';
import { compareAge, type Service } from '../../mesh/service.ts';
import { type Labels, matchesLabels } from '../../mesh/workload.ts';
import { meshSettings } from './mesh-settings.ts';
import { ageOf, keyOf, listOf, objectOf, partsOf, step } from './world.ts';

const KIND = 'networking.istio.io/Sidecar';

/** What a Sidecar object lets its proxies know. */
export interface SidecarScope {
  readonly namespace: string;
  readonly name: string;
  /** Services of `namespace` (`*` all, the proxy's own written out) whose hosts match. */
  readonly egress: readonly { readonly namespace: string; readonly host: string }[];
  readonly outbound: 'allow-any' | 'registry-only' | undefined;
}

/** Key of {@link sidecarOf}: the workload's namespace and labels. */
export function sidecarOfKey(namespace: string, labels: Labels): string {
  return keyOf(namespace, JSON.stringify(labels));
}

/** The Sidecar that holds for a workload: one that selects it, else its namespace's, else the root namespace's. */
export const sidecarOf = step(
  'sidecar of a workload',
  (read, key): { namespace: string; name: string } | undefined => {
    const [namespace = '', text = '{}'] = partsOf(key);
    const labels = JSON.parse(text) as Labels;
    const { rootNamespace } = read.of(meshSettings, '');
    const all = listOf(read, KIND);
    const ofNamespace = [...all.filter((sidecar) => sidecar.key.namespace === namespace)].sort((a, b) =>
      compareAge(ageOf(a), ageOf(b)),
    );
    const found =
      ofNamespace.find((sidecar) => selects(sidecar, labels)) ??
      ofNamespace.find((sidecar) => selectorOf(sidecar) === undefined) ??
      all.find((sidecar) => sidecar.key.namespace === rootNamespace && selectorOf(sidecar) === undefined);
    return found === undefined ? undefined : { namespace: found.key.namespace, name: found.key.name };
  },
);

function selectorOf(sidecar: Resource<Sidecar>): Labels | undefined {
  const labels = sidecar.object.spec.workloadSelector?.labels ?? {};
  return Object.keys(labels).length === 0 ? undefined : labels;
}

function selects(sidecar: Resource<Sidecar>, labels: Labels): boolean {
  const selector = selectorOf(sidecar);
  return selector !== undefined && matchesLabels(selector, labels);
}

/** The scope of a Sidecar object (`NAMESPACE/NAME`) for proxies of a namespace; undefined where there is none. */
export const sidecarScope = step('sidecar scope', (read, key): SidecarScope | undefined => {
  const [sidecar = '', proxyNamespace = ''] = partsOf(key);
  const [namespace = '', name = ''] = sidecar.split('/');
  const resource = sidecar === '' ? undefined : objectOf(read, KIND, namespace, name);
  if (resource === undefined) return undefined;
  const { egress, outboundTrafficPolicy } = resource.object.spec;
  const hosts = egress === undefined ? ['*/*'] : egress.flatMap((listener) => listener.hosts ?? []);
  return {
    namespace,
    name,
    egress: hosts.map((host) => egressHost(host, proxyNamespace)),
    outbound: modeOf(outboundTrafficPolicy),
  };
});

/** A policy without a mode is REGISTRY_ONLY, as the API's zero value says. */
function modeOf(policy: Sidecar['spec']['outboundTrafficPolicy']): SidecarScope['outbound'] {
  if (policy === undefined) return undefined;
  return policy.mode === 'ALLOW_ANY' ? 'allow-any' : 'registry-only';
}

/** `.` is the proxy's own namespace; `~` nobody's. */
function egressHost(
  text: string,
  proxyNamespace: string,
): { readonly namespace: string; readonly host: string } {
  const slash = text.indexOf('/');
  const namespace = text.slice(0, Math.max(0, slash));
  return { namespace: namespace === '.' ? proxyNamespace : namespace, host: text.slice(slash + 1) };
}

/** Whether a proxy with this scope knows the service. */
export function inScope(scope: SidecarScope, service: Service): boolean {
  return scope.egress.some(
    ({ namespace, host }) =>
      (namespace === '*' || namespace === service.namespace) && hostMatches(host, service.hostname),
  );
}

/** Whether unknown destinations are let through, by Sidecar and namespace; undefined: the mesh decides. */
export const outboundMode = step('outbound mode', (read, key) => read.of(sidecarScope, key)?.outbound);
