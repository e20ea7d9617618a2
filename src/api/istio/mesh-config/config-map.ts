import type { FieldError } from '../../finding.ts';
import type { ObjectMeta } from '../../object.ts';
import type { Report } from '../../report.ts';
import { type MeshConfig, parseMeshConfig } from '../mesh-config.ts';
import { type MeshNetworks, parseMeshNetworks } from '../mesh-networks.ts';

interface ConfigMapLike {
  readonly metadata: ObjectMeta;
  readonly data?: Readonly<Record<string, string>>;
}

/** Name of the ConfigMap with the MeshConfig; of a revision: `istio-REVISION`. */
export const MESH_CONFIG_MAP = 'istio';
const MESH_KEY = 'mesh';
const NETWORKS_KEY = 'meshNetworks';

/** Judges the MeshConfig in a ConfigMap named `istio`; other ConfigMaps may hold anything. */
export function checkMeshConfigMap(configMap: ConfigMapLike, report: Report): void {
  if (configMap.metadata.name !== MESH_CONFIG_MAP) return;
  const { [MESH_KEY]: mesh, [NETWORKS_KEY]: networks } = configMap.data ?? {};
  const { errors, warnings } = parseMeshConfig(mesh ?? '');
  for (const one of errors) report.error(['data', MESH_KEY], textOf(one));
  for (const one of warnings) report.warn(['data', MESH_KEY], textOf(one));
  for (const one of parseMeshNetworks(networks ?? '').errors)
    report.error(['data', NETWORKS_KEY], textOf(one));
}

function textOf({ field, message }: FieldError): string {
  return field === '' ? message : `${field}: ${message}`;
}

/** The MeshNetworks of a valid ConfigMap `istio`. */
export function meshNetworksOf(configMap: ConfigMapLike): MeshNetworks {
  return parseMeshNetworks(configMap.data?.[NETWORKS_KEY] ?? '').networks ?? {};
}

/** The MeshConfig of a valid ConfigMap `istio`, on top of the defaults; undefined where it holds none. */
export function meshConfigOf(configMap: ConfigMapLike): MeshConfig | undefined {
  const text = configMap.data?.[MESH_KEY];
  return text === undefined ? undefined : parseMeshConfig(text).config;
}
