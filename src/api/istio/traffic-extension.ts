import { specKind } from '../kind.ts';
import type { SpecObject } from '../object.ts';
import type { Report } from '../report.ts';
import { type Infer, int32, message, oneOf, text } from '../schema.ts';
import { checkAtMostOne } from './shared/exclusive.ts';
import { checkAttachment, matchLabelsSelector, policyTargetRefs } from './shared/selector.ts';
import { checkTrafficSelectors, checkWasm, trafficSelectors, wasmFields } from './shared/wasm.ts';

const spec = message(
  {},
  {
    selector: matchLabelsSelector,
    targetRefs: policyTargetRefs,
    phase: oneOf('UNSPECIFIED', 'AUTHN', 'AUTHZ', 'STATS'),
    priority: int32,
    match: trafficSelectors,
    wasm: message({ url: text }, wasmFields),
    lua: message({ inlineCode: text }, {}),
  },
);

/** Spec of a TrafficExtension: a WebAssembly module or a Lua script among the filters. */
export type TrafficExtensionSpec = Infer<typeof spec>;
export type TrafficExtension = SpecObject<TrafficExtensionSpec>;

/** extensions.istio.io TrafficExtension. */
export const trafficExtension = specKind(
  {
    group: 'extensions.istio.io',
    kind: 'TrafficExtension',
    versions: ['v1alpha1'],
  },
  spec,
  checkTrafficExtension,
);

/** Scripts travel in the configuration of every proxy. */
const MAX_CODE_LENGTH = 65_536;

function checkTrafficExtension(extension: TrafficExtensionSpec, report: Report): void {
  checkAttachment(extension, report);
  checkAtMostOne(extension, ['wasm', 'lua'], report);
  if (extension.wasm === undefined && extension.lua === undefined)
    report.error([], 'set wasm or lua: what should run?');
  if (extension.wasm !== undefined) checkWasm(extension.wasm, report.at('wasm'));
  const code = extension.lua?.inlineCode;
  if (code === '')
    report.error(
      ['lua', 'inlineCode'],
      'inlineCode is empty; write functions envoy_on_request or envoy_on_response',
    );
  else if (code !== undefined && code.length > MAX_CODE_LENGTH)
    report.error(
      ['lua', 'inlineCode'],
      `inlineCode has ${code.length} characters; at most ${MAX_CODE_LENGTH}`,
    );
  checkTrafficSelectors(extension.match, report.at('match'));
}
