import { parse } from 'yaml';
import type { FieldError } from '../finding.ts';
import { isPlainObject, withoutNulls } from '../plain.ts';
import { openReport } from '../report.ts';
import { checkAgainst } from '../schema-errors.ts';
import { checkProxyDefaults } from './mesh-config/check-proxy-defaults.ts';
import { type ProxyDefaults, proxyDefaults } from './mesh-config/proxy-defaults.ts';

/** Annotation of a Pod: how its proxy is run, in YAML, over what MeshConfig's `defaultConfig` says for all. */
export const PROXY_CONFIG = 'proxy.istio.io/config';

/** What the annotation says; where anything in it is wrong `config` is missing. */
export interface OwnProxyConfig {
  readonly config?: ProxyDefaults;
  readonly errors: readonly FieldError[];
  /** Fields that weft does nothing with. */
  readonly warnings: readonly FieldError[];
}

/** Fields of a proxy's configuration that mean something here, for single proxies. */
const KNOWN: ReadonlySet<string> = new Set([
  'concurrency',
  'proxyMetadata',
  'gatewayTopology',
  'proxyHeaders',
  'connectionSettings',
  // Applications are started when their proxies are ready, whether or not that is asked for.
  'holdApplicationUntilProxyStarts',
]);

/** Reads the text of {@link PROXY_CONFIG}. */
export function readOwnProxyConfig(text: string): OwnProxyConfig {
  const report = openReport();
  let value: unknown;
  try {
    value = withoutNulls(parse(text) ?? {}, proxyDefaults);
  } catch (error) {
    report.error([], `this is not YAML: ${error instanceof Error ? error.message : String(error)}`);
  }
  const config = value === undefined ? undefined : checkAgainst(proxyDefaults, value, report);
  if (config !== undefined) checkProxyDefaults(config, report);
  if (isPlainObject(value))
    for (const name of Object.keys(value))
      if (!KNOWN.has(name)) report.warn(name, 'has no effect: weft does nothing with this setting');
  const sound = config !== undefined && report.errors.length === 0;
  return { errors: report.errors, warnings: report.warnings, ...(sound ? { config } : {}) };
}

/** One configuration over another, as Istio merges them: field by field, of headers and metadata entry by entry. */
export function overProxyDefaults(base: ProxyDefaults, own: ProxyDefaults): ProxyDefaults {
  return {
    ...base,
    ...own,
    ...(base.proxyMetadata === undefined
      ? {}
      : { proxyMetadata: { ...base.proxyMetadata, ...own.proxyMetadata } }),
    ...(base.proxyHeaders === undefined
      ? {}
      : { proxyHeaders: { ...base.proxyHeaders, ...own.proxyHeaders } }),
  };
}
