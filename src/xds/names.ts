// The grammar of resource names, as Istio writes them: names that tell what a resource is for, which people know from
// logs and which tools parse. Format and parse are each other's inverse. A parse of anything else is undefined.

/** Names that stand for themselves. */
export const wellKnownNames = {
  virtualOutbound: 'virtualOutbound',
  virtualInbound: 'virtualInbound',
  passthroughCluster: 'PassthroughCluster',
  blackHoleCluster: 'BlackHoleCluster',
  allowAnyDynamicDnsCluster: 'AllowAnyDynamicDNSCluster',
  inboundPassthroughCluster: 'InboundPassthroughCluster',
  allowAny: 'allow_any',
  allowAnyDynamicDns: 'allow_any_dynamic_dns',
  blockAll: 'block_all',
  httpProxy: 'http_proxy',
  dns: 'dns',
  /** SDS: the proxy's own certificate and key. */
  ownCertificate: 'default',
  /** SDS: whom the proxy trusts. */
  trustBundle: 'ROOTCA',
} as const;

/** `outbound|9080|v1|reviews.default.svc.cluster.local`: calls to a port of a service, or of a subset of it. */
export interface OutboundClusterName {
  readonly direction: 'outbound';
  readonly port: number;
  /** '' for the service as a whole. */
  readonly subset: string;
  readonly hostname: string;
}

/** `inbound|9080||`: what arrives at a port of the workload itself. */
export interface InboundClusterName {
  readonly direction: 'inbound';
  readonly port: number;
}

export type ClusterName = OutboundClusterName | InboundClusterName;

const CLUSTER = /^(outbound|inbound)\|(\d+)\|([^|]*)\|([^|]*)$/;
const SNI = /^outbound_\.(\d+)_\.([^.]*)_\.(.+)$/;

export function outboundCluster(port: number, subset: string, hostname: string): string {
  return `outbound|${port}|${subset}|${hostname}`;
}

export function inboundCluster(port: number): string {
  return `inbound|${port}||`;
}

export function formatClusterName(name: ClusterName): string {
  return name.direction === 'inbound'
    ? inboundCluster(name.port)
    : outboundCluster(name.port, name.subset, name.hostname);
}

export function parseClusterName(text: string): ClusterName | undefined {
  const [, direction, digits, subset = '', hostname = ''] = CLUSTER.exec(text) ?? [];
  const port = parsePort(digits);
  if (port === undefined) return undefined;
  if (direction === 'inbound') return subset === '' && hostname === '' ? { direction, port } : undefined;
  return hostname === '' ? undefined : { direction: 'outbound', port, subset, hostname };
}

/** The server name by which a mesh peer is told which cluster a connection is for: `outbound_.9080_.v1_.HOST`. */
export function clusterSni(port: number, subset: string, hostname: string): string {
  return `outbound_.${port}_.${subset}_.${hostname}`;
}

export function parseClusterSni(text: string): OutboundClusterName | undefined {
  const [, digits, subset = '', hostname = ''] = SNI.exec(text) ?? [];
  const port = parsePort(digits);
  return port === undefined ? undefined : { direction: 'outbound', port, subset, hostname };
}

/** `0.0.0.0_9080`, `10.96.3.1_3306`, `fd00::1_443`: a listener or inbound filter chain by its address. */
export function addressListener(address: string, port: number): string {
  return `${address}_${port}`;
}

export function parseAddressListener(
  text: string,
): { readonly address: string; readonly port: number } | undefined {
  const at = text.lastIndexOf('_');
  const address = text.slice(0, Math.max(at, 0));
  const port = parsePort(text.slice(at + 1));
  return port === undefined || !/^[\da-fA-F]*[.:][\da-fA-F.:]*$/.test(address)
    ? undefined
    : { address, port };
}

/** `reviews.default.svc.cluster.local:9080`: a virtual host, or the routes of a port whose protocol is sniffed. */
export function hostPort(hostname: string, port: number): string {
  return `${hostname}:${port}`;
}

export function parseHostPort(
  text: string,
): { readonly hostname: string; readonly port: number } | undefined {
  const at = text.lastIndexOf(':');
  const port = parsePort(text.slice(at + 1));
  return at <= 0 || port === undefined ? undefined : { hostname: text.slice(0, at), port };
}

/** VHDS: what answers for a host in a route configuration: `80/reviews`. */
export function virtualHostResource(routes: string, host: string): string {
  return `${routes}/${host}`;
}

/** Names of route configurations hold no slash, hosts may. */
export function parseVirtualHostResource(
  text: string,
): { readonly routes: string; readonly host: string } | undefined {
  const at = text.indexOf('/');
  return at <= 0 ? undefined : { routes: text.slice(0, at), host: text.slice(at + 1) };
}

/** Metadata of a node that holds only what it asks for, beside what it cannot do without: `true`, of an Envoy `envoy`. */
export const ON_DEMAND = 'WEFT_ON_DEMAND';

/** Asks as Envoy can: for virtual hosts and clusters. */
export const ON_DEMAND_ENVOY = 'envoy';

/** Routes of a gateway's plain HTTP port: `http.8080`. */
export function gatewayHttpRoutes(port: number, bind: string): string {
  return `http.${port}${bindSuffix(bind)}`;
}

/** Servers at an address of their own have routes of their own. */
function bindSuffix(bind: string): string {
  return bind === '' ? '' : `.${bind}`;
}

/** Routes of one TLS server of a gateway: `https.443.PORTNAME.GATEWAY.NAMESPACE`. */
export function gatewayHttpsRoutes(
  port: number,
  portName: string,
  gateway: string,
  namespace: string,
  bind: string,
): string {
  return `https.${port}.${portName}.${gateway}.${namespace}${bindSuffix(bind)}`;
}

/** Virtual host of an inbound port: `inbound|http|9080`. */
export function inboundVirtualHost(port: number): string {
  return `inbound|http|${port}`;
}

/** SDS name of a gateway's certificate: `kubernetes://NAME`, or `kubernetes://NAMESPACE/NAME` as the user wrote it. */
export function credentialSecret(credentialName: string): string {
  return /^[a-z-]+:\/\//.test(credentialName) ? credentialName : `kubernetes://${credentialName}`;
}

/** SDS name of the CA certificates that belong to a gateway's certificate. */
export function credentialCaSecret(credentialName: string): string {
  return `${credentialSecret(credentialName)}-cacert`;
}

export type ProxyType = 'sidecar' | 'router';

/** A node id: `TYPE~IP~NAME.NAMESPACE~DOMAIN`. */
export interface NodeId {
  readonly type: ProxyType;
  /** '' where the proxy does not know it. */
  readonly ip: string;
  readonly name: string;
  readonly namespace: string;
  /** `NAMESPACE.svc.CLUSTER_DOMAIN`. */
  readonly domain: string;
}

export function formatNodeId(id: NodeId): string {
  return [id.type, id.ip, `${id.name}.${id.namespace}`, id.domain].join('~');
}

export function parseNodeId(text: string): NodeId | undefined {
  const [type, ip, workload, domain, rest] = text.split('~');
  if ((type !== 'sidecar' && type !== 'router') || workload === undefined || rest !== undefined)
    return undefined;
  // Names may hold dots, namespaces may not.
  const dot = workload.lastIndexOf('.');
  if (dot <= 0 || dot === workload.length - 1) return undefined;
  return {
    type,
    ip: ip ?? '',
    name: workload.slice(0, dot),
    namespace: workload.slice(dot + 1),
    domain: domain ?? '',
  };
}

function parsePort(digits: string | undefined): number | undefined {
  if (digits === undefined || !/^(?:0|[1-9]\d{0,4})$/.test(digits)) return undefined;
  const port = Number(digits);
  return port <= 65535 ? port : undefined;
}

/** Static cluster of a proxy's bootstrap that reports go to: the control plane's port, with the proxy's own certificate. */
export const REPORTS_CLUSTER = 'weft-reports';

/** Name of the access log of what policies deny, or would deny. */
export const DENIAL_LOG = 'weft-denials';

/** Method of the access log service (envoy.service.accesslog.v3) as a path. */
export const ACCESS_LOG_PATH = '/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs';
