import { specKind } from '../kind.ts';
import type { SpecObject } from '../object.ts';
import { type Infer, int32, message, oneOf, text } from '../schema.ts';
import {
  checkAttachment,
  matchLabelsSelector,
  policyTargetRef,
  policyTargetRefs,
} from './shared/selector.ts';
import { checkTrafficSelectors, checkWasm, trafficSelectors, wasmFields } from './shared/wasm.ts';

const spec = message(
  { url: text },
  {
    selector: matchLabelsSelector,
    targetRef: policyTargetRef,
    targetRefs: policyTargetRefs,
    phase: oneOf('UNSPECIFIED_PHASE', 'AUTHN', 'AUTHZ', 'STATS'),
    priority: int32,
    match: trafficSelectors,
    ...wasmFields,
  },
);

/** Spec of a WasmPlugin: a WebAssembly module among the filters. */
export type WasmPluginSpec = Infer<typeof spec>;
export type WasmPlugin = SpecObject<WasmPluginSpec>;

/** extensions.istio.io WasmPlugin. */
export const wasmPlugin = specKind(
  { group: 'extensions.istio.io', kind: 'WasmPlugin', versions: ['v1alpha1'] },
  spec,
  (plugin, report) => {
    checkAttachment(plugin, report);
    checkWasm(plugin, report);
    checkTrafficSelectors(plugin.match, report.at('match'));
  },
);
