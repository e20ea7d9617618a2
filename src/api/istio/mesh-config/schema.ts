import {
  bool,
  duration,
  type Infer,
  int32,
  lenient,
  list,
  oneOf,
  text,
  textMap,
  texts,
  uint32,
} from '../../schema.ts';
import { clientTls } from '../shared/client-tls.ts';
import { connectionPool } from '../shared/connection-pool.ts';
import { httpRetry } from '../shared/http-retry.ts';
import { localityLb, zoneAwareLb } from '../shared/locality.ts';
import { outlierDetection } from '../shared/outlier-detection.ts';
import { extensionProvider } from './providers.ts';
import { proxyDefaults } from './proxy-defaults.ts';

/** Objects by labels (Kubernetes' meta/v1 LabelSelector). */
const labelSelector = lenient(
  {},
  { matchLabels: textMap, matchExpressions: list(lenient({ key: text, operator: text }, { values: texts })) },
);

const tlsConfig = lenient(
  {},
  { minProtocolVersion: oneOf('TLS_AUTO', 'TLSV1_2', 'TLSV1_3'), ecdhCurves: texts, cipherSuites: texts },
);

const visibility = oneOf('VISIBILITY_UNSPECIFIED', 'NONE', 'NAMESPACE', 'PUBLIC');

/** MeshConfig as written: every field optional. Spec: istio.io, Global Mesh Options. */
export const meshConfigSchema = lenient(
  {},
  {
    accessLogFile: text,
    accessLogEncoding: oneOf('TEXT', 'JSON'),
    accessLogFormat: text,
    enableEnvoyAccessLogService: bool,
    disableEnvoyListenerLog: bool,
    outboundTrafficPolicy: lenient(
      {},
      { mode: oneOf('REGISTRY_ONLY', 'ALLOW_ANY', 'ALLOW_ANY_DYNAMIC_DNS'), tls: clientTls },
    ),
    inboundTrafficPolicy: lenient({}, { mode: oneOf('PASSTHROUGH', 'LOCALHOST') }),
    enableAutoMtls: bool,
    trustDomain: text,
    trustDomainAliases: texts,
    rootNamespace: text,
    caCertificates: list(
      lenient({}, { pem: text, spiffeBundleUrl: text, certSigners: texts, trustDomains: texts }),
    ),
    connectTimeout: duration,
    protocolDetectionTimeout: duration,
    hboneIdleTimeout: duration,
    dnsRefreshRate: duration,
    tcpKeepalive: lenient({}, { probes: uint32, time: duration, interval: duration }),
    h2UpgradePolicy: oneOf('DO_NOT_UPGRADE', 'UPGRADE'),
    defaultHttpRetryPolicy: httpRetry,
    defaultTrafficPolicy: lenient({}, { connectionPool, outlierDetection }),
    localityLbSetting: localityLb,
    zoneAwareLbSetting: zoneAwareLb,
    pathNormalization: lenient(
      {},
      { normalization: oneOf('DEFAULT', 'NONE', 'BASE', 'MERGE_SLASHES', 'DECODE_AND_MERGE_SLASHES') },
    ),
    defaultServiceExportTo: texts,
    defaultVirtualServiceExportTo: texts,
    defaultDestinationRuleExportTo: texts,
    meshMTLS: tlsConfig,
    tlsDefaults: tlsConfig,
    enablePrometheusMerge: bool,
    enableTracing: bool,
    extensionProviders: list(extensionProvider),
    defaultProviders: lenient({}, { tracing: texts, metrics: texts, accessLogging: texts }),
    discoverySelectors: list(labelSelector),
    serviceSettings: list(lenient({}, { settings: lenient({}, { clusterLocal: bool }), hosts: texts })),
    serviceScopeConfigs: list(
      lenient(
        {},
        {
          namespaceSelector: labelSelector,
          servicesSelector: labelSelector,
          scope: oneOf('LOCAL', 'GLOBAL'),
        },
      ),
    ),
    serviceEntryVisibility: lenient(
      {},
      {
        defaultVisibility: visibility,
        applyToSidecars: bool,
        policies: list(
          lenient({}, { visibility, matchingRules: list(lenient({}, { namespaceSelector: labelSelector })) }),
        ),
      },
    ),
    ingressService: text,
    ingressSelector: text,
    ingressClass: text,
    ingressControllerMode: oneOf('UNSPECIFIED', 'OFF', 'DEFAULT', 'STRICT'),
    inboundClusterStatName: text,
    outboundClusterStatName: text,
    proxyListenPort: int32,
    proxyInboundListenPort: int32,
    proxyHttpPort: int32,
    verifyCertificateAtClient: bool,
    ca: lenient({}, { address: text, tlsSettings: clientTls, requestTimeout: duration, istiodSide: bool }),
    defaultConfig: proxyDefaults,
  },
);

/** MeshConfig as written. */
export type WrittenMeshConfig = Infer<typeof meshConfigSchema>;
