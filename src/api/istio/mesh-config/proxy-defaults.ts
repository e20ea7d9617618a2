import { probe } from '../../kubernetes/pod-spec.ts';
import {
  anyObject,
  bool,
  double,
  duration,
  type Infer,
  int32,
  lenient,
  mapOf,
  oneOf,
  text,
  textMap,
  texts,
  uint32,
} from '../../schema.ts';
import { clientTls } from '../shared/client-tls.ts';

const switchable = lenient({}, { disabled: bool });
const optIn = lenient({}, { enabled: bool });
const remoteService = lenient({}, { address: text, tlsSettings: clientTls });
const forwardDetails = oneOf(
  'UNDEFINED',
  'SANITIZE',
  'FORWARD_ONLY',
  'APPEND_FORWARD',
  'SANITIZE_SET',
  'ALWAYS_FORWARD_ONLY',
);

const customTag = lenient(
  {},
  {
    literal: lenient({}, { value: text }),
    environment: lenient({}, { name: text, defaultValue: text }),
    header: lenient({}, { name: text, defaultValue: text }),
  },
);

const tracing = lenient(
  {},
  {
    zipkin: lenient({}, { address: text }),
    datadog: lenient({}, { address: text }),
    customTags: mapOf(customTag),
    maxPathTagLength: uint32,
    sampling: double,
    tlsSettings: clientTls,
    enableIstioTags: bool,
  },
);

const proxyHeaders = lenient(
  {},
  {
    forwardedClientCert: forwardDetails,
    setCurrentClientCertDetails: lenient(
      {},
      { subject: bool, cert: bool, chain: bool, dns: bool, uri: bool },
    ),
    requestId: switchable,
    server: lenient({}, { disabled: bool, value: text }),
    attemptCount: switchable,
    envoyDebugHeaders: switchable,
    metadataExchangeHeaders: lenient({}, { mode: oneOf('UNDEFINED', 'IN_MESH') }),
    preserveHttp1HeaderCase: bool,
    xForwardedHost: optIn,
    xForwardedPort: optIn,
  },
);

const connectionSettings = lenient(
  {},
  {
    profile: oneOf('SIDECAR', 'EDGE'),
    listenerPerConnectionBufferLimitBytes: int32,
    clusterPerConnectionBufferLimitBytes: int32,
    httpIdleTimeout: duration,
    httpMaxConnectionDuration: duration,
    httpDrainTimeout: duration,
    httpRequestTimeout: duration,
    httpRequestHeadersTimeout: duration,
    httpStreamIdleTimeout: duration,
    httpMaxStreamDuration: duration,
    httpMaxConcurrentStreams: int32,
    http2InitialStreamWindowSize: int32,
    http2InitialConnectionWindowSize: int32,
    httpHeadersWithUnderscoresAction: text,
    httpMergeSlashes: bool,
    httpPathWithEscapedSlashesAction: text,
    listenerConnectionLimit: int32,
    globalDownstreamConnectionLimit: int32,
  },
);

/** How proxies are run: MeshConfig's `defaultConfig`, and the annotation `proxy.istio.io/config` of a Pod. */
export const proxyDefaults = lenient(
  {},
  {
    concurrency: int32,
    configPath: text,
    binaryPath: text,
    serviceCluster: text,
    tracingServiceName: text,
    drainDuration: duration,
    terminationDrainDuration: duration,
    discoveryAddress: text,
    proxyAdminPort: int32,
    statusPort: int32,
    controlPlaneAuthPolicy: text,
    customConfigFile: text,
    statNameLength: int32,
    interceptionMode: oneOf('REDIRECT', 'TPROXY', 'NONE'),
    tracing,
    envoyAccessLogService: remoteService,
    envoyMetricsService: remoteService,
    proxyMetadata: textMap,
    runtimeValues: textMap,
    extraStatTags: texts,
    gatewayTopology: lenient(
      {},
      { numTrustedProxies: uint32, forwardClientCertDetails: forwardDetails, proxyProtocol: anyObject },
    ),
    meshId: text,
    readinessProbe: probe,
    proxyStatsMatcher: lenient(
      {},
      { inclusionPrefixes: texts, inclusionSuffixes: texts, inclusionRegexps: texts },
    ),
    holdApplicationUntilProxyStarts: bool,
    caCertificatesPem: texts,
    image: lenient({}, { imageType: text }),
    privateKeyProvider: anyObject,
    proxyHeaders,
    fileFlushInterval: duration,
    fileFlushMinSizeKb: uint32,
    statsCompression: bool,
    connectionSettings,
  },
);
export type ProxyDefaults = Infer<typeof proxyDefaults>;
