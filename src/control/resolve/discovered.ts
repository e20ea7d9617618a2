import { MESH_CONFIG_MAP, meshConfigOf } from '../../api/istio/mesh-config/config-map.ts';
import type { Resource } from '../../api/resources.ts';
import { selectsLabels } from './gateway-api/label-selector.ts';
import { meshSettings } from './mesh-settings.ts';
import { objectOf, type Read, settingsFact, step } from './world.ts';

/** The label that Kubernetes gives every namespace. */
const NAME_LABEL = 'kubernetes.io/metadata.name';

/**
 * Whether a namespace is looked at: where the mesh has discoverySelectors, one of them must select it. The root
 * namespace always is.
 */
export const isDiscovered = step('discovered namespace', (read, namespace): boolean => {
  const { rootNamespace } = read.of(meshSettings, '');
  const { meshConfig } = read.fact(settingsFact, '');
  const configMap = objectOf(read, '/ConfigMap', rootNamespace, MESH_CONFIG_MAP);
  const config = meshConfig ?? (configMap && meshConfigOf(configMap.object));
  const selectors = config?.discoverySelectors ?? [];
  if (selectors.length === 0 || namespace === rootNamespace) return true;
  const own = objectOf(read, '/Namespace', '', namespace)?.object.metadata.labels ?? {};
  const labels = { [NAME_LABEL]: namespace, ...own };
  return selectors.some(({ matchLabels = {}, matchExpressions = [] }) =>
    selectsLabels({ matchLabels, matchExpressions }, labels),
  );
});

/** Those of a list whose namespace is looked at. */
export function discovered<T extends Resource>(read: Read, list: readonly T[]): readonly T[] {
  return list.filter(({ key }) => read.of(isDiscovered, key.namespace));
}
