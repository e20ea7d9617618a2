import { checkMeshConfigMap } from '../istio/mesh-config/config-map.ts';
import { type CoreObject, coreKind } from '../kind.ts';
import { type Infer, lenient, text, textMap } from '../schema.ts';

const secretBody = lenient({}, { type: text, data: textMap, stringData: textMap });

/** v1 Secret. Values of `data` are base64. Never to be logged or shown. */
export type Secret = CoreObject<Infer<typeof secretBody>>;
export const secret = coreKind({ group: '', kind: 'Secret', versions: ['v1'] }, secretBody);

const configMapBody = lenient({}, { data: textMap, binaryData: textMap });

/** v1 ConfigMap. The one named `istio` holds the MeshConfig under the key `mesh`, which is judged here. */
export type ConfigMap = CoreObject<Infer<typeof configMapBody>>;
export const configMap = coreKind(
  { group: '', kind: 'ConfigMap', versions: ['v1'] },
  configMapBody,
  checkMeshConfigMap,
);
