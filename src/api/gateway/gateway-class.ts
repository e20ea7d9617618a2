import { specKind } from '../kind.ts';
import type { SpecObject } from '../object.ts';
import { type Infer, message, text } from '../schema.ts';
import { GATEWAY_API_GROUP } from './shared/names.ts';
import { checkRefNames } from './shared/references.ts';

const spec = message(
  { controllerName: text },
  { parametersRef: message({ group: text, kind: text, name: text }, { namespace: text }), description: text },
);

const MAX_DESCRIPTION_LENGTH = 64;

/** Spec of a GatewayClass: whose Gateways these are. */
export type GatewayClassSpec = Infer<typeof spec>;
export type GatewayClass = SpecObject<GatewayClassSpec>;

/** gateway.networking.k8s.io GatewayClass. */
export const gatewayClass = specKind(
  { group: GATEWAY_API_GROUP, kind: 'GatewayClass', versions: ['v1', 'v1beta1'], clusterWide: true },
  spec,
  ({ controllerName, parametersRef = {}, description = '' }, report) => {
    if (description.length > MAX_DESCRIPTION_LENGTH)
      report.error('description', `the description is longer than ${MAX_DESCRIPTION_LENGTH} characters`);
    checkRefNames(parametersRef, report.at('parametersRef'));
    if (!/^[a-z0-9.-]+\/.+$/.test(controllerName))
      report.error('controllerName', `"${controllerName}" is not of the form example.com/name`);
  },
);
