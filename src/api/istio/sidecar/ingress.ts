import { ipAddressProblem, UNIX_PREFIX, unixPathProblem } from '../../check/address.ts';
import { portProblem } from '../../check/port.ts';
import { isHttpProtocol, isTlsProtocol } from '../../check/protocol.ts';
import type { Report } from '../../report.ts';
import { type ConnectionPool, checkConnectionPool } from '../shared/connection-pool.ts';
import { checkPort, portNameProblem } from '../shared/port.ts';
import { checkServerTls, type ServerTls } from '../shared/server-tls.ts';

/** The port of a Sidecar's listener. */
export interface SidecarPort {
  readonly number?: number;
  readonly protocol?: string;
  readonly name?: string;
  readonly targetPort?: number;
}

interface IngressListener {
  readonly port?: SidecarPort;
  readonly bind?: string;
  readonly defaultEndpoint?: string;
  readonly tls?: ServerTls;
  readonly connectionPool?: ConnectionPool;
}

/** The ports that a sidecar accepts on for its workload. */
export function checkIngress(listeners: readonly IngressListener[], report: Report): void {
  const ports = new Set<number>();
  for (const [i, listener] of listeners.entries()) {
    const at = report.at(i);
    if (listener.port === undefined) {
      at.error('port', 'port is required: number, name and protocol');
      continue;
    }
    checkIngressPort(listener.port, listener.bind ?? '', at);
    const number = listener.port.number ?? 0;
    if (ports.has(number)) at.error(['port', 'number'], `there is already a listener on port ${number}`);
    ports.add(number);
    if (listener.defaultEndpoint) checkDefaultEndpoint(listener.defaultEndpoint, at);
    if (listener.tls !== undefined) checkIngressTls(listener.tls, listener.port, at.at('tls'));
    checkPool(listener, at);
  }
}

/** Name and targetPort of any Sidecar port. */
export function checkSidecarPort(port: SidecarPort, report: Report): void {
  const problem = port.name === undefined || port.name === '' ? undefined : portNameProblem(port.name);
  if (problem !== undefined) report.error('name', problem);
  if ((port.targetPort ?? 0) > 0)
    report.error('targetPort', 'targetPort has no effect in a Sidecar; leave it out');
}

function checkIngressPort(port: SidecarPort, bind: string, report: Report): void {
  checkSidecarPort(port, report.at('port'));
  checkPort(port, report.at('port'));
  const problem = bind === '' ? undefined : ipAddressProblem(bind);
  if (problem !== undefined) report.error('bind', problem);
}

const LOCAL_ADDRESSES = ['', '127.0.0.1', '0.0.0.0', '[::1]', '[::]'];

/** Where the workload itself listens: on loopback, on the Pod's address (0.0.0.0), or on a Unix socket. */
function checkDefaultEndpoint(endpoint: string, report: Report): void {
  if (endpoint.startsWith(UNIX_PREFIX)) {
    const problem = unixPathProblem(endpoint.slice(UNIX_PREFIX.length));
    if (problem !== undefined) report.error('defaultEndpoint', problem);
    return;
  }
  const colon = endpoint.lastIndexOf(':');
  const [address, port] = [endpoint.slice(0, Math.max(colon, 0)), endpoint.slice(colon + 1)];
  if (colon < 0 || !LOCAL_ADDRESSES.includes(address) || !/^\d+$/.test(port))
    report.error(
      'defaultEndpoint',
      `"${endpoint}" is not possible; write 127.0.0.1:PORT, 0.0.0.0:PORT, [::1]:PORT, [::]:PORT or unix:///PATH`,
    );
  else {
    const problem = portProblem(Number(port));
    if (problem !== undefined) report.error('defaultEndpoint', problem);
  }
}

const UNUSED = [
  'subjectAltNames',
  'httpsRedirect',
  'credentialName',
  'credentialNames',
  'tlsCertificates',
] as const;

function checkIngressTls(tls: ServerTls, port: SidecarPort, report: Report): void {
  for (const field of UNUSED) {
    const value = tls[field];
    if (value === true || (value !== undefined && value !== false && value.length > 0))
      report.error(field, `${field} is not possible in a Sidecar; it belongs to Gateways`);
  }
  if (tls.mode === 'ISTIO_MUTUAL' || tls.mode === 'AUTO_PASSTHROUGH')
    report.error('mode', `${tls.mode} is not possible in a Sidecar; use SIMPLE or MUTUAL`);
  if (!isTlsProtocol(port.protocol))
    report.error([], 'only ports with protocol HTTPS or TLS can have tls settings');
  checkServerTls(tls, report);
}

function checkPool(listener: IngressListener, report: Report): void {
  checkConnectionPool(listener.connectionPool, report.at('connectionPool'));
  if (listener.connectionPool?.http !== undefined && !isHttpProtocol(listener.port?.protocol))
    report.warn(
      ['connectionPool', 'http'],
      `the protocol of this port is not HTTP, so http settings have no effect`,
    );
}
