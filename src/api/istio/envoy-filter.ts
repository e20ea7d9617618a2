import { specKind } from '../kind.ts';
import type { SpecObject } from '../object.ts';
import { type Infer, int32, list, message } from '../schema.ts';
import { checkEnvoyFilter } from './envoy-filter/check.ts';
import { configPatch } from './envoy-filter/patch.ts';
import { labelsSelector, policyTargetRefs } from './shared/selector.ts';

const spec = message(
  {},
  {
    workloadSelector: labelsSelector,
    targetRefs: policyTargetRefs,
    configPatches: list(configPatch),
    priority: int32,
  },
);

/** Spec of an EnvoyFilter: changes to generated xDS. Names of fields within patches are Envoy's. */
export type EnvoyFilterSpec = Infer<typeof spec>;
export type EnvoyFilter = SpecObject<EnvoyFilterSpec>;

/** networking.istio.io EnvoyFilter. */
export const envoyFilter = specKind(
  { group: 'networking.istio.io', kind: 'EnvoyFilter', versions: ['v1alpha3'] },
  spec,
  checkEnvoyFilter,
);
