import { durationMs } from '../../api/check/duration.ts';
import { MESH_CONFIG_MAP, meshConfigOf } from '../../api/istio/mesh-config/config-map.ts';
import type { MeshConfig } from '../../api/istio/mesh-config.ts';
import { isKnownCipherSuite } from '../../api/istio/shared/cipher-suites.ts';
import { defined } from '../../lib/defined.ts';
import type {
  AccessLog,
  ClientCertificates,
  HeaderSettings,
  MeshSettings,
  OutboundMode,
  TlsDefaults,
} from '../../mesh/settings.ts';
import { authorizers } from './authorization/authorizers.ts';
import { connectionLimits } from './connection-limits.ts';
import { localityOf, localityPreference } from './destination-rule/load-balancer.ts';
import { clientTls, connectionPool, outlierDetection } from './destination-rule/traffic-policy.ts';
import { extraTrust } from './federation.ts';
import { retries } from './virtual-service/http-rule.ts';
import { objectOf, type Read, settingsFact, step, type WorldSettings } from './world.ts';

/** What holds for the whole mesh: ConfigMap `istio` of the root namespace over how the control plane was started. */
export const meshSettings = step('mesh settings', (read): MeshSettings => {
  const settings = read.fact(settingsFact, '');
  return settingsOf(settings, rootNamespaceOf(settings), read.of(writtenMeshConfig, ''));
});

/** The mesh configuration as it is written. */
export const writtenMeshConfig = step('mesh configuration', (read): Partial<MeshConfig> => {
  const settings = read.fact(settingsFact, '');
  return settings.meshConfig ?? meshConfig(read, rootNamespaceOf(settings));
});

function rootNamespaceOf(settings: WorldSettings): string {
  return settings.rootNamespace ?? 'istio-system';
}

/** Istio's default policy: two more tries where no answer was begun. */
const DEFAULT_RETRIES = {
  attempts: 2,
  retryOn: 'connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes',
  remoteLocalities: false,
};

const EVERYBODY = ['*'];

function settingsOf(
  settings: WorldSettings,
  rootNamespace: string,
  config: Partial<MeshConfig>,
): MeshSettings {
  const trustDomain = settings.trustDomain ?? config.trustDomain ?? 'cluster.local';
  const names = new Set([...(settings.trustDomainAliases ?? []), ...(config.trustDomainAliases ?? [])]);
  const trustDomainAliases = [...names].filter((name) => name !== trustDomain);
  return {
    trustDomain,
    trustDomainAliases,
    ...extraTrust(config.caCertificates, [trustDomain, ...trustDomainAliases]),
    clusterDomain: settings.clusterDomain ?? 'cluster.local',
    rootNamespace,
    outbound: OUTBOUND[config.outboundTrafficPolicy?.mode ?? 'ALLOW_ANY'] ?? 'allow-any',
    outboundTls: config.outboundTrafficPolicy?.tls && clientTls(config.outboundTrafficPolicy.tls, true),
    inbound: config.inboundTrafficPolicy?.mode === 'LOCALHOST' ? 'localhost' : 'passthrough',
    autoMtls: config.enableAutoMtls !== false,
    connectTimeoutMs: config.connectTimeout === undefined ? 10_000 : durationMs(config.connectTimeout),
    retries:
      config.defaultHttpRetryPolicy === undefined ? DEFAULT_RETRIES : retries(config.defaultHttpRetryPolicy),
    pool:
      config.defaultTrafficPolicy?.connectionPool &&
      connectionPool(config.defaultTrafficPolicy.connectionPool),
    outlier:
      config.defaultTrafficPolicy?.outlierDetection &&
      outlierDetection(config.defaultTrafficPolicy.outlierDetection),
    keepalive:
      config.tcpKeepalive && connectionPool({ tcp: { tcpKeepalive: config.tcpKeepalive } }).keepalive,
    http2Upgrade: config.h2UpgradePolicy === 'UPGRADE',
    locality: localityOf(config) ?? localityPreference({}),
    accessLog: accessLog(settings, config),
    ...proxySettings(config.defaultConfig),
    meshTls: tlsDefaults(config.meshMTLS),
    tlsDefaults: tlsDefaults(config.tlsDefaults),
    sniffingTimeoutMs:
      config.protocolDetectionTimeout === undefined ? 0 : durationMs(config.protocolDetectionTimeout),
    serviceExportTo: config.defaultServiceExportTo ?? EVERYBODY,
    virtualServiceExportTo: config.defaultVirtualServiceExportTo ?? EVERYBODY,
    destinationRuleExportTo: config.defaultDestinationRuleExportTo ?? EVERYBODY,
    pathNormalization: PATHS[config.pathNormalization?.normalization ?? 'DEFAULT'] ?? 'base',
    dnsUpstreams: settings.dnsUpstreams ?? [],
    ingress: {
      mode: INGRESS[config.ingressControllerMode ?? 'STRICT'] ?? 'strict',
      className: config.ingressClass || 'istio',
      selector: config.ingressSelector || 'ingressgateway',
    },
    authorizers: authorizers(config.extensionProviders ?? []),
  };
}

/** What of the mesh's settings a single proxy may have otherwise. */
export function proxySettings(
  config: Partial<MeshConfig>['defaultConfig'],
): Pick<MeshSettings, 'headers' | 'gatewayProxyProtocol' | 'connections'> {
  return {
    headers: headers(config),
    gatewayProxyProtocol: config?.gatewayTopology?.proxyProtocol !== undefined,
    connections: connectionLimits(config?.connectionSettings),
  };
}

/** Settings of the headers that proxies write. */
function headers({
  gatewayTopology,
  proxyHeaders,
}: Partial<MeshConfig>['defaultConfig'] & object = {}): HeaderSettings {
  const { forwardedClientCert, requestId, envoyDebugHeaders, server, attemptCount } = proxyHeaders ?? {};
  const { subject, cert, chain, dns, uri } = proxyHeaders?.setCurrentClientCertDetails ?? {};
  return {
    trustedProxies: gatewayTopology?.numTrustedProxies ?? 0,
    edgeCertificates: certificates(gatewayTopology?.forwardClientCertDetails),
    inboundCertificates: certificates(forwardedClientCert),
    inboundDetails: {
      subject: subject !== false,
      cert: cert === true,
      chain: chain === true,
      dns: dns !== false,
      uri: uri !== false,
    },
    attemptCount: attemptCount?.disabled !== true,
    forwardedHost: proxyHeaders?.xForwardedHost?.enabled === true,
    forwardedPort: proxyHeaders?.xForwardedPort?.enabled === true,
    keepCase: proxyHeaders?.preserveHttp1HeaderCase === true,
    requestId: requestId?.disabled !== true,
    envoyDebug: envoyDebugHeaders?.disabled !== true,
    server: server?.disabled === true ? undefined : server?.value || undefined,
  };
}

function certificates(mode: ClientCertificates | 'UNDEFINED' | undefined): ClientCertificates | undefined {
  return mode === 'UNDEFINED' ? undefined : mode;
}

function tlsDefaults(config: Partial<MeshConfig>['meshMTLS']): TlsDefaults {
  const { minProtocolVersion = 'TLS_AUTO', cipherSuites = [], ecdhCurves = [] } = config ?? {};
  return {
    cipherSuites: [...new Set(cipherSuites)].filter((name) => name !== '' && isKnownCipherSuite(name)),
    curves: ecdhCurves,
    ...defined({
      minVersion: minProtocolVersion === 'TLS_AUTO' ? undefined : minProtocolVersion.replace('TLSV', 'TLSv'),
    }),
  };
}

const OUTBOUND: Readonly<Record<string, OutboundMode>> = {
  ALLOW_ANY: 'allow-any',
  REGISTRY_ONLY: 'registry-only',
  ALLOW_ANY_DYNAMIC_DNS: 'dynamic-dns',
};

const INGRESS: Readonly<Record<string, MeshSettings['ingress']['mode']>> = {
  OFF: 'off',
  DEFAULT: 'default',
  STRICT: 'strict',
};

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
