const NOT_YET = 'no test yet';

/** What no TrafficTest shows, and why. */
export const DESTINATION_RULE: Readonly<Record<string, string>> = {
  'trafficPolicy.tunnel': NOT_YET,
  'trafficPolicy.proxyProtocol': NOT_YET,
  'trafficPolicy.tls.clientCertificate': NOT_YET,
  'trafficPolicy.tls.privateKey': NOT_YET,
  'trafficPolicy.tls.caCertificates': NOT_YET,
  'trafficPolicy.tls.caCrl': NOT_YET,
  'trafficPolicy.tunnel.targetHost': NOT_YET,
  'trafficPolicy.tunnel.targetPort': NOT_YET,
  'trafficPolicy.tunnel.protocol': NOT_YET,
  'trafficPolicy.proxyProtocol.version': NOT_YET,
  'trafficPolicy.proxyProtocol.version: V1': NOT_YET,
  'trafficPolicy.proxyProtocol.version: V2': NOT_YET,
};
