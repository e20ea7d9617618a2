// Names of protocols of ports, of any case.

const HTTP = new Set(['HTTP', 'HTTP2', 'HTTP_PROXY', 'GRPC', 'GRPC-WEB']);
const TLS = new Set(['HTTPS', 'TLS']);
const OTHER = new Set(['TCP', 'UDP', 'MONGO', 'REDIS', 'MYSQL']);

/** Upper case; '' stands for "find out by looking". */
export function protocolOf(text: string | undefined): string {
  return (text ?? '').toUpperCase();
}

/** HTTP in clear text: HTTP, HTTP2, HTTP_PROXY, GRPC, GRPC-WEB. */
export function isHttpProtocol(text: string | undefined): boolean {
  return HTTP.has(protocolOf(text));
}

/** TLS on the wire: HTTPS, TLS. */
export function isTlsProtocol(text: string | undefined): boolean {
  return TLS.has(protocolOf(text));
}

/** Connections rather than requests as far as a client's sidecar can see: TCP, databases, and TLS that it does not end. */
export function isTcpProtocol(text: string | undefined): boolean {
  const protocol = protocolOf(text);
  return TLS.has(protocol) || (OTHER.has(protocol) && protocol !== 'UDP');
}

/** What is wrong with a protocol's name, or undefined. */
export function protocolProblem(text: string): string | undefined {
  const protocol = protocolOf(text);
  if (HTTP.has(protocol) || TLS.has(protocol) || OTHER.has(protocol)) return undefined;
  const known = 'HTTP, HTTPS, HTTP2, GRPC, GRPC-WEB, HTTP_PROXY, TLS, TCP, UDP, MONGO, REDIS, MYSQL';
  return `"${text}" is not a protocol weft knows; use one of ${known}`;
}
