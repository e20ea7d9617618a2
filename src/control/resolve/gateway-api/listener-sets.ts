import type { KubernetesGateway } from '../../../api/gateway/gateway.ts';
import type { ListenerSet } from '../../../api/gateway/listener-set.ts';
import type { LabelSelector } from '../../../api/gateway/shared/listeners.ts';
import type { Resource } from '../../../api/resources.ts';
import { compareAge } from '../../../mesh/service.ts';
import { ageOf, listOf, objectOf, type Read } from '../world.ts';
import { selectsLabels } from './label-selector.ts';
import { LISTENER_SETS, listenerSetKinds } from './listener-place.ts';

/** ListenerSets that name the Gateway and that it lets in, the oldest first. */
export function allowedListenerSets(
  read: Read,
  gateway: Resource<KubernetesGateway>,
): readonly Resource<ListenerSet>[] {
  return listenerSetKinds
    .flatMap((kind): readonly Resource<ListenerSet>[] => listOf(read, LISTENER_SETS[kind]))
    .filter((set) => {
      const { name, namespace = set.key.namespace } = set.object.spec.parentRef;
      return name === gateway.key.name && namespace === gateway.key.namespace;
    })
    .filter((set) => isAllowed(read, gateway, set.key.namespace))
    .sort((a, b) => compareAge(ageOf(a), ageOf(b)));
}

/** A Gateway lets nobody's listeners in unless it says so. */
export function isAllowed(read: Read, gateway: Resource<KubernetesGateway>, namespace: string): boolean {
  const { from = 'None', selector = {} } = gateway.object.spec.allowedListeners?.namespaces ?? {};
  return namespaceAllowed(read, { from, selector, own: gateway.key.namespace }, namespace);
}

/** Whether a namespace is among those that `from` and `selector` name. */
export function namespaceAllowed(
  read: Read,
  allowed: {
    readonly from: 'All' | 'Same' | 'Selector' | 'None';
    readonly selector: LabelSelector;
    readonly own: string;
  },
  namespace: string,
): boolean {
  if (allowed.from === 'All') return true;
  if (allowed.from === 'Same') return namespace === allowed.own;
  if (allowed.from === 'None') return false;
  const labels = objectOf(read, '/Namespace', '', namespace)?.object.metadata.labels ?? {};
  return selectsLabels(allowed.selector, { 'kubernetes.io/metadata.name': namespace, ...labels });
}
