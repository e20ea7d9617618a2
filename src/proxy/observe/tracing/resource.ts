import { fieldIn, type Refuse } from '../../../xds/match/refuse.ts';
import { type AnyMessage, messageOf } from '../../../xds/resources.ts';
import type { Attributes } from './otlp-encode.ts';

const PREFIX = 'envoy.extensions.tracers.opentelemetry.resource_detectors.v3.';
const DEFAULT_NAME = 'unknown_service:envoy';

/**
 * What sends spans, as OpenTelemetry's resource: the configured name, then what detectors find. Detectors: the
 * environment (OTEL_RESOURCE_ATTRIBUTES, `key=value,key=value`), and attributes in the configuration.
 */
export function readResource(
  serviceName: string,
  detectors: readonly { readonly name?: string; readonly typed_config?: AnyMessage }[],
  refuse: Refuse,
  field: string,
): Attributes {
  const attributes = new Map([
    ['service.name', serviceName || DEFAULT_NAME],
    ['telemetry.sdk.language', 'nodejs'],
    ['telemetry.sdk.name', 'weft'],
  ]);
  for (const [i, { typed_config }] of detectors.entries()) {
    const kind = messageOf(typed_config?.['@type'] ?? '');
    if (kind === `${PREFIX}EnvironmentResourceDetectorConfig`) readEnvironment(attributes);
    else if (kind === `${PREFIX}StaticConfigResourceDetectorConfig`) {
      const fixed = (typed_config?.['attributes'] ?? {}) as Readonly<Record<string, string>>;
      for (const [name, value] of Object.entries(fixed)) attributes.set(name, value);
    } else refuse(fieldIn(`${field}[${i}]`, 'typed_config'), `'${kind}' is not supported by this proxy`);
  }
  return [...attributes];
}

function readEnvironment(attributes: Map<string, string>): void {
  for (const pair of (process.env['OTEL_RESOURCE_ATTRIBUTES'] ?? '').split(',')) {
    const equals = pair.indexOf('=');
    if (equals > 0) attributes.set(pair.slice(0, equals).trim(), pair.slice(equals + 1).trim());
  }
}
