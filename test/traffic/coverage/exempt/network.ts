type Exempt = Readonly<Record<string, string>>;

const REGISTRATION =
  'read by who registers machines: WorkloadEntries are written by hand here, and tests show those';
const OF_GATEWAYS = 'the same message and the same code as of a Gateway, whose tests show it';
const LIMITS =
  'limits and times of connections: one call after the other does not reach them; unit tests show the clusters';
const NOT_IN_SIDECARS =
  'refused in a Sidecar, with the reason: secrets of the control plane are for gateways';
const NEEDS_FILE = 'a file beside the proxy that no test can bring; unit tests show the context';
const PLATFORM = 'for the platform that runs the Pod: it does not decide where a call goes';
const OBSERVED = 'written by the platform, which tests do not play; unit tests show what it does';

/** What no TrafficTest shows of an Istio Gateway, and why. */
export const GATEWAY: Exempt = {
  'servers.defaultEndpoint': 'accepted without effect, as in Istio',
  'servers.port.targetPort': 'refused with the reason: it never had an effect on a Gateway',
  'servers.tls.caCrl': `${NEEDS_FILE}; revoked clients are shown with a Secret`,
  'servers.tls.tlsCertificates.caCertificates': 'not read: caCertificates of the server counts, as in Istio',
  'servers.tls.minProtocolVersion: TLSV1_0': 'no client of today speaks it',
  'servers.tls.minProtocolVersion: TLSV1_1': 'no client of today speaks it',
};

export const SERVICE_ENTRY: Exempt = {};

export const WORKLOAD_ENTRY: Exempt = {};

export const WORKLOAD_GROUP: Exempt = {
  'template.address': 'refused by Istio in a template',
  'template.labels': REGISTRATION,
  'probe.tcpSocket': REGISTRATION,
  'probe.exec': REGISTRATION,
  'probe.grpc': REGISTRATION,
  'probe.httpGet.host': REGISTRATION,
  'probe.httpGet.scheme': REGISTRATION,
  'probe.httpGet.httpHeaders': REGISTRATION,
};

export const SIDECAR: Exempt = {
  'ingress.bind': 'an address of the Pod, which no test knows; unit tests show the listener',
  'ingress.port.targetPort': 'refused with the reason: defaultEndpoint says where the application is',
  'ingress.tls.httpsRedirect': OF_GATEWAYS,
  'ingress.tls.caCrl': OF_GATEWAYS,
  'ingress.tls.tlsCertificates': OF_GATEWAYS,
  'ingress.tls.credentialName': NOT_IN_SIDECARS,
  'ingress.tls.credentialNames': NOT_IN_SIDECARS,
  'ingress.tls.caCertCredentialName': NOT_IN_SIDECARS,
  'ingress.tls.subjectAltNames': OF_GATEWAYS,
  'ingress.tls.verifyCertificateSpki': OF_GATEWAYS,
  'ingress.tls.verifyCertificateHash': OF_GATEWAYS,
  'ingress.tls.minProtocolVersion': OF_GATEWAYS,
  'ingress.tls.maxProtocolVersion': OF_GATEWAYS,
  'ingress.tls.cipherSuites': OF_GATEWAYS,
  'ingress.tls.ecdhCurves': OF_GATEWAYS,
  'ingress.tls.insecureSkipVerify': OF_GATEWAYS,
  'ingress.tls.mode: PASSTHROUGH': 'what a Sidecar does without tls',
  'ingress.tls.mode: AUTO_PASSTHROUGH': 'has no meaning behind a sidecar',
  'ingress.tls.mode: ISTIO_MUTUAL': 'what PeerAuthentication says',
  'ingress.tls.mode: OPTIONAL_MUTUAL': OF_GATEWAYS,
  'inboundConnectionPool.tcp.tcpKeepalive': LIMITS,
  'inboundConnectionPool.tcp.maxConnectionDuration': LIMITS,
  'inboundConnectionPool.tcp.idleTimeout': LIMITS,
  'inboundConnectionPool.http.maxRetries': LIMITS,
  'inboundConnectionPool.http.idleTimeout': LIMITS,
  'inboundConnectionPool.http.h2UpgradePolicy': LIMITS,
  'inboundConnectionPool.http.useClientProtocol': LIMITS,
  'inboundConnectionPool.http.maxConcurrentStreams': LIMITS,
  'inboundConnectionPool.http.http2KeepAlive': LIMITS,
};

export const PROXY_CONFIG: Exempt = {
  selector: 'how proxies are started, not what they do with calls',
  concurrency: 'how proxies are started, not what they do with calls',
  environmentVariables: 'how proxies are started, not what they do with calls',
  image: 'how proxies are started, not what they do with calls',
};

export const SERVICE: Exempt = {
  status: OBSERVED,
  'spec.clusterIPs': OBSERVED,
  'spec.publishNotReadyAddresses': 'workloads of tests are always ready; unit tests show it',
  'spec.sessionAffinity':
    'the platform without proxies keeps it; a proxy balances as DestinationRules say, as in Istio',
  'spec.ipFamilies': OBSERVED,
  'spec.ports.protocol': 'UDP does not go through proxies',
  'spec.ports.nodePort': 'of the platform’s nodes, which tests do not have',
};

export const ENDPOINT_SLICE: Exempt = {
  'endpoints.hostname': OBSERVED,
  'endpoints.nodeName': OBSERVED,
  'endpoints.zone': OBSERVED,
  'endpoints.targetRef': OBSERVED,
  'ports.appProtocol': 'the Service says it',
  'endpoints.conditions.serving': OBSERVED,
  'endpoints.conditions.terminating': OBSERVED,
};

export const POD: Exempt = {
  status: OBSERVED,
  'spec.initContainers': PLATFORM,
  'spec.serviceAccount': 'the old name of serviceAccountName',
  'spec.hostNetwork': PLATFORM,
  'spec.restartPolicy': PLATFORM,
  'spec.terminationGracePeriodSeconds': PLATFORM,
  'spec.containers.command': PLATFORM,
  'spec.containers.args': PLATFORM,
  'spec.containers.workingDir': PLATFORM,
  'spec.containers.env': PLATFORM,
  'spec.containers.readinessProbe': PLATFORM,
  'spec.containers.livenessProbe': PLATFORM,
  'spec.containers.startupProbe': PLATFORM,
  'spec.containers.restartPolicy': PLATFORM,
  'spec.containers.ports.protocol': PLATFORM,
  'spec.containers.ports.hostPort': PLATFORM,
};
