import { durationMs } from '../../api/check/duration.ts';
import { MESH_CONFIG_MAP, meshConfigOf } from '../../api/istio/mesh-config/config-map.ts';
import type { MeshConfig } from '../../api/istio/mesh-config.ts';
import type { AccessLog, MeshSettings } from '../../mesh/settings.ts';
import { retries } from './virtual-service/http-rule.ts';
import { objectOf, type Read, settingsFact, step, type WorldSettings } from './world.ts';

/** What holds for the whole mesh: ConfigMap `istio` of the root namespace over how the control plane was started. */
export const meshSettings = step('mesh settings', (read): MeshSettings => {
  const settings = read.fact(settingsFact, '');
  const rootNamespace = settings.rootNamespace ?? 'istio-system';
  return settingsOf(settings, rootNamespace, settings.meshConfig ?? meshConfig(read, rootNamespace));
});

/** Istio's default policy: two more tries where no answer was begun. */
const DEFAULT_RETRIES = {
  attempts: 2,
  retryOn: 'connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes',
  remoteLocalities: false,
  ignorePreviousHosts: true,
};

const EVERYBODY = ['*'];

function settingsOf(
  settings: WorldSettings,
  rootNamespace: string,
  config: Partial<MeshConfig>,
): MeshSettings {
  return {
    trustDomain: settings.trustDomain ?? config.trustDomain ?? 'cluster.local',
    trustDomainAliases: config.trustDomainAliases ?? [],
    clusterDomain: settings.clusterDomain ?? 'cluster.local',
    rootNamespace,
    outbound: config.outboundTrafficPolicy?.mode === 'REGISTRY_ONLY' ? 'registry-only' : 'allow-any',
    autoMtls: config.enableAutoMtls !== false,
    connectTimeoutMs: config.connectTimeout === undefined ? 10_000 : durationMs(config.connectTimeout),
    retries:
      config.defaultHttpRetryPolicy === undefined ? DEFAULT_RETRIES : retries(config.defaultHttpRetryPolicy),
    accessLog: accessLog(settings, config),
    serviceExportTo: config.defaultServiceExportTo ?? EVERYBODY,
    virtualServiceExportTo: config.defaultVirtualServiceExportTo ?? EVERYBODY,
    destinationRuleExportTo: config.defaultDestinationRuleExportTo ?? EVERYBODY,
    pathNormalization: PATHS[config.pathNormalization?.normalization ?? 'DEFAULT'] ?? 'base',
    dnsUpstreams: settings.dnsUpstreams ?? [],
  };
}

const PATHS: Readonly<Record<string, MeshSettings['pathNormalization']>> = {
  NONE: 'none',
  BASE: 'base',
  MERGE_SLASHES: 'merge-slashes',
  DECODE_AND_MERGE_SLASHES: 'decode-and-merge-slashes',
};

function accessLog(settings: WorldSettings, config: Partial<MeshConfig>): AccessLog | undefined {
  const file = config.accessLogFile || settings.accessLogFile || '';
  if (file === '') return undefined;
  return {
    file,
    encoding: config.accessLogEncoding === 'JSON' ? 'json' : 'text',
    format: config.accessLogFormat ?? '',
  };
}

function meshConfig(read: Read, rootNamespace: string): Partial<MeshConfig> {
  const resource = objectOf(read, '/ConfigMap', rootNamespace, MESH_CONFIG_MAP);
  return resource === undefined ? {} : (meshConfigOf(resource.object) ?? {});
}
