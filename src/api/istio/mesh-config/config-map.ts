import type { ObjectMeta } from '../../object.ts';
import type { Report } from '../../report.ts';
import { type MeshConfig, parseMeshConfig } from '../mesh-config.ts';

interface ConfigMapLike {
  readonly metadata: ObjectMeta;
  readonly data?: Readonly<Record<string, string>>;
}

/** Name of the ConfigMap with the MeshConfig; of a revision: `istio-REVISION`. */
export const MESH_CONFIG_MAP = 'istio';
const MESH_KEY = 'mesh';

/** Judges the MeshConfig in a ConfigMap named `istio`; other ConfigMaps may hold anything. */
export function checkMeshConfigMap(configMap: ConfigMapLike, report: Report): void {
  const text = configMap.metadata.name === MESH_CONFIG_MAP ? configMap.data?.[MESH_KEY] : undefined;
  if (text === undefined) return;
  const { errors, warnings } = parseMeshConfig(text);
  const named = (field: string): string => (field === '' ? '' : `${field}: `);
  for (const { field, message } of errors) report.error(['data', MESH_KEY], `${named(field)}${message}`);
  for (const { field, message } of warnings) report.warn(['data', MESH_KEY], `${named(field)}${message}`);
}

/** The MeshConfig of a valid ConfigMap `istio`, on top of the defaults; undefined where it holds none. */
export function meshConfigOf(configMap: ConfigMapLike): MeshConfig | undefined {
  const text = configMap.data?.[MESH_KEY];
  return text === undefined ? undefined : parseMeshConfig(text).config;
}
