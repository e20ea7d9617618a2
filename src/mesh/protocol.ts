/** What is spoken on a port. `auto`: nobody said, so the first bytes tell. */
export type Protocol =
  | 'http'
  | 'http2'
  | 'grpc'
  | 'grpc-web'
  | 'https'
  | 'tls'
  | 'tcp'
  | 'mongo'
  | 'redis'
  | 'mysql'
  | 'udp'
  | 'auto';

/** Whether routes by path and header apply: the proxy reads the requests. */
export function isHttp(protocol: Protocol): boolean {
  return protocol === 'http' || isHttp2(protocol) || protocol === 'grpc-web';
}

/** Whether connections to the service carry HTTP/2. */
export function isHttp2(protocol: Protocol): boolean {
  return protocol === 'http2' || protocol === 'grpc';
}

/** Whether the bytes are TLS that the proxy does not open: routed by server name. */
export function isTls(protocol: Protocol): boolean {
  return protocol === 'https' || protocol === 'tls';
}

/** Whether the bytes are passed on as they come. */
export function isTcp(protocol: Protocol): boolean {
  return !isHttp(protocol) && !isTls(protocol) && protocol !== 'udp' && protocol !== 'auto';
}

const known: Readonly<Record<string, Protocol>> = {
  http: 'http',
  http2: 'http2',
  grpc: 'grpc',
  'grpc-web': 'grpc-web',
  https: 'https',
  tls: 'tls',
  tcp: 'tcp',
  mongo: 'mongo',
  redis: 'redis',
  mysql: 'mysql',
  udp: 'udp',
};

/** Kubernetes' standard names of appProtocol (KEP-3726), beside the plain ones. */
const appProtocols: Readonly<Record<string, Protocol>> = {
  'kubernetes.io/h2c': 'http2',
  'kubernetes.io/ws': 'http',
  'kubernetes.io/wss': 'https',
  'gateway.networking.k8s.io/h2c': 'http2',
  'gateway.networking.k8s.io/ws': 'http',
  'gateway.networking.k8s.io/wss': 'https',
};

/** `HTTP`, `GRPC`, `TLS` as in ServiceEntry and Gateway ports; undefined for a word that is no protocol. */
export function protocolNamed(word: string): Protocol | undefined {
  return known[word.toLowerCase()];
}

/**
 * Protocol of a Service's port: its appProtocol, else its name up to the first `-` (`http-web`), else `auto`.
 * Ports over UDP and SCTP are not proxied. Well-known ports of protocols where the server speaks first are not sniffed.
 */
export function protocolOfPort(port: {
  readonly name?: string | undefined;
  readonly appProtocol?: string | undefined;
  readonly transport?: string | undefined;
  readonly number: number;
}): Protocol {
  if (port.transport !== undefined && port.transport !== 'TCP') return 'udp';
  const declared = port.appProtocol?.toLowerCase();
  if (declared !== undefined) return appProtocols[declared] ?? known[declared] ?? 'auto';
  return protocolOfName(port.name ?? '') ?? (SERVER_FIRST_PORTS.has(port.number) ? 'tcp' : 'auto');
}

/** SMTP, DNS, MySQL, and MongoDB: sniffing would wait for a client that waits for the server (Istio, protocol selection). */
const SERVER_FIRST_PORTS: ReadonlySet<number> = new Set([25, 53, 3306, 27017]);

function protocolOfName(name: string): Protocol | undefined {
  const lower = name.toLowerCase();
  if (lower === 'grpc-web' || lower.startsWith('grpc-web-')) return 'grpc-web';
  return known[lower.split('-', 1)[0] ?? ''];
}
