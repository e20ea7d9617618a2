import { parse } from 'yaml';
import type { FieldError } from '../finding.ts';
import { nearestName } from '../nearest-name.ts';
import { withoutNulls } from '../plain.ts';
import { openReport, type Report } from '../report.ts';
import { checkAgainst } from '../schema-errors.ts';
import { checkMeshConfig } from './mesh-config/check.ts';
import type { ExtensionProvider } from './mesh-config/providers.ts';
import type { ProxyDefaults } from './mesh-config/proxy-defaults.ts';
import { meshConfigSchema, type WrittenMeshConfig } from './mesh-config/schema.ts';

const defaults = {
  trustDomain: 'cluster.local',
  rootNamespace: 'istio-system',
  enableAutoMtls: true,
  outboundTrafficPolicy: { mode: 'ALLOW_ANY' },
  inboundTrafficPolicy: { mode: 'PASSTHROUGH' },
  accessLogFile: '',
  accessLogEncoding: 'TEXT',
  accessLogFormat: '',
  connectTimeout: '10s',
  protocolDetectionTimeout: '0s',
  dnsRefreshRate: '60s',
  enableTracing: true,
  enablePrometheusMerge: true,
  localityLbSetting: { enabled: true },
  trustDomainAliases: [],
  defaultServiceExportTo: ['*'],
  defaultVirtualServiceExportTo: ['*'],
  defaultDestinationRuleExportTo: ['*'],
  extensionProviders: [
    { name: 'prometheus', prometheus: {} },
    { name: 'stackdriver', stackdriver: {} },
    { name: 'envoy', envoyFileAccessLog: { path: '/dev/stdout' } },
  ],
  defaultProviders: {},
  defaultConfig: {
    drainDuration: '45s',
    terminationDrainDuration: '5s',
    statusPort: 15020,
    proxyAdminPort: 15000,
  },
} as const satisfies WrittenMeshConfig;

type DefaultedField = Exclude<keyof typeof defaults, 'extensionProviders'>;

/** The settings of the whole mesh: what was written, on top of the defaults. */
export type MeshConfig = WrittenMeshConfig & {
  readonly [K in DefaultedField]-?: NonNullable<WrittenMeshConfig[K]>;
} & { readonly extensionProviders: readonly ExtensionProvider[]; readonly defaultConfig: ProxyDefaults };

/** The mesh without a MeshConfig. The values are Istio's. */
export const defaultMeshConfig: MeshConfig = defaults;

/** A MeshConfig with what is wrong in it; where that is anything, `config` is missing. */
export interface ParsedMeshConfig {
  readonly config?: MeshConfig;
  readonly errors: readonly FieldError[];
  readonly warnings: readonly FieldError[];
}

/** YAML text, as it stands under the key `mesh` of the ConfigMap `istio` or in the file of `--mesh-config`. */
export function parseMeshConfig(text: string): ParsedMeshConfig {
  const report = openReport();
  const written = readMeshConfig(text, report);
  const sound = written !== undefined && report.errors.length === 0;
  return {
    errors: report.errors,
    warnings: report.warnings,
    ...(sound ? { config: mergeMeshConfig(written) } : {}),
  };
}

/** What was written on top of the defaults: field by field; defaultConfig and providers entry by entry. */
export function mergeMeshConfig(written: WrittenMeshConfig): MeshConfig {
  const own = written.extensionProviders ?? [];
  const kept = defaults.extensionProviders.filter(
    ({ name }) => !own.some((provider) => provider.name === name),
  );
  return {
    ...defaults,
    ...written,
    defaultConfig: { ...defaults.defaultConfig, ...written.defaultConfig },
    defaultProviders: { ...defaults.defaultProviders, ...written.defaultProviders },
    extensionProviders: [...kept, ...own],
  };
}

function readMeshConfig(text: string, report: Report): WrittenMeshConfig | undefined {
  let value: unknown;
  try {
    value = withoutNulls(parse(text) ?? {}, meshConfigSchema);
  } catch (error) {
    report.error([], `this is not YAML: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
  warnUnknownFields(value, report);
  const written = checkAgainst(meshConfigSchema, value, report);
  if (written !== undefined) checkMeshConfig(written, report);
  return written;
}

/** Other versions have other fields, so an unknown one is no reason to go without the others. */
function warnUnknownFields(value: unknown, report: Report): void {
  if (typeof value !== 'object' || value === null) return;
  const known = Object.keys(meshConfigSchema.shape);
  for (const name of Object.keys(value)) {
    if (known.includes(name)) continue;
    const nearest = nearestName(name, known);
    report.warn(
      name,
      `weft does not know the setting ${name}${nearest === undefined ? '' : `; did you mean ${nearest}?`}`,
    );
  }
}
