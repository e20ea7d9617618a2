import { portProblem } from '../../check/port.ts';
import { moduleUrlProblem } from '../../check/url.ts';
import type { Report } from '../../report.ts';
import { anyObject, type Infer, list, message, oneOf, text, uint32 } from '../../schema.ts';

const vmConfig = message(
  {},
  { env: list(message({ name: text }, { valueFrom: oneOf('INLINE', 'HOST'), value: text })) },
);

/** The fields of a Wasm module that WasmPlugin and TrafficExtension have in common; `url` is required in both. */
export const wasmFields = {
  sha256: text,
  imagePullPolicy: oneOf('UNSPECIFIED_POLICY', 'IfNotPresent', 'Always'),
  imagePullSecret: text,
  verificationKey: text,
  pluginConfig: anyObject,
  pluginName: text,
  failStrategy: oneOf('FAIL_CLOSE', 'FAIL_OPEN', 'FAIL_RELOAD'),
  type: oneOf('UNSPECIFIED_PLUGIN_TYPE', 'HTTP', 'NETWORK'),
  vmConfig,
};

/** Directions and ports of traffic that an extension sees. */
export const trafficSelectors = list(
  message(
    {},
    {
      mode: oneOf('UNDEFINED', 'CLIENT', 'SERVER', 'CLIENT_AND_SERVER'),
      ports: list(message({ number: uint32 }, {})),
    },
  ),
);
export type TrafficSelectors = Infer<typeof trafficSelectors>;

interface WasmModule {
  readonly url: string;
  readonly sha256?: string;
  readonly imagePullSecret?: string;
  readonly pluginName?: string;
  readonly vmConfig?: Infer<typeof vmConfig>;
}

const MAX_SECRET_LENGTH = 253;
const MAX_NAME_LENGTH = 256;

/** Where the module is, what it is checked against, what it gets. */
export function checkWasm(module: WasmModule, report: Report): void {
  const url = moduleUrlProblem(module.url);
  if (url !== undefined) report.error('url', url);
  if (module.sha256 && !/^[0-9a-f]{64}$/.test(module.sha256))
    report.error('sha256', 'sha256 is 64 hexadecimal digits in lower case');
  checkLength(module.imagePullSecret, MAX_SECRET_LENGTH, report, 'imagePullSecret');
  checkLength(module.pluginName, MAX_NAME_LENGTH, report, 'pluginName');
  const seen = new Set<string>();
  for (const [i, { name, value = '', valueFrom = 'INLINE' }] of (module.vmConfig?.env ?? []).entries()) {
    const at = report.at('vmConfig', 'env', i);
    if (name === '') at.error('name', 'the name of the variable is missing');
    else if (seen.has(name)) at.error('name', `there is already a variable ${name}`);
    checkLength(name, MAX_NAME_LENGTH, at, 'name');
    if (valueFrom === 'HOST' && value !== '')
      at.error('value', 'the value comes from the host; leave value out');
    seen.add(name);
  }
}

/** Ports of the traffic selectors. */
export function checkTrafficSelectors(selectors: TrafficSelectors | undefined, report: Report): void {
  for (const [i, { ports = [] }] of (selectors ?? []).entries())
    for (const [j, { number }] of ports.entries()) {
      const problem = portProblem(number);
      if (problem !== undefined) report.error([i, 'ports', j, 'number'], problem);
    }
}

function checkLength(text: string | undefined, max: number, report: Report, field: string): void {
  if (text !== undefined && text.length > max)
    report.error(field, `${field} has ${text.length} characters; at most ${max} are allowed`);
}
