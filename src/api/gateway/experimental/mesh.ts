import { specKind } from '../../kind.ts';
import type { SpecObject } from '../../object.ts';
import { type Infer, message, text } from '../../schema.ts';
import { EXPERIMENTAL_GROUP } from '../shared/names.ts';
import { checkRefNames } from '../shared/references.ts';

const spec = message(
  { controllerName: text },
  { parametersRef: message({ group: text, kind: text, name: text }, { namespace: text }), description: text },
);

/** Spec of an XMesh: whose mesh the cluster has, as a GatewayClass says it of Gateways. */
export type MeshSpec = Infer<typeof spec>;
export type Mesh = SpecObject<MeshSpec>;

/** gateway.networking.x-k8s.io XMesh. */
export const mesh = specKind(
  { group: EXPERIMENTAL_GROUP, kind: 'XMesh', versions: ['v1alpha1'], clusterWide: true },
  spec,
  ({ controllerName, parametersRef = {} }, report) => {
    checkRefNames(parametersRef, report.at('parametersRef'));
    if (!/^[a-z0-9.-]+\/.+$/.test(controllerName))
      report.error('controllerName', `"${controllerName}" is not of the form example.com/name`);
  },
);
