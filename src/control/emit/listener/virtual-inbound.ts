import type { ServerTls } from '../../../mesh/gateway.ts';
import type { Origin } from '../../../mesh/origin.ts';
import { modeOfPort, type PeerModes } from '../../../mesh/policy.ts';
import { isHttp } from '../../../mesh/protocol.ts';
import type { MeshSettings } from '../../../mesh/settings.ts';
import { addressListener, inboundCluster, inboundVirtualHost, wellKnownNames } from '../../../xds/names.ts';
import type { FilterChain, Route, RouteConfiguration } from '../../../xds/resources.ts';
import { type InboundPort, inboundPorts } from '../../resolve/inbound-ports.ts';
import { peerModes, peerModesKey } from '../../resolve/peer-authentication.ts';
import { proxy } from '../../resolve/proxies.ts';
import { settingsOfProxy } from '../../resolve/view-settings.ts';
import { step } from '../../resolve/world.ts';
import { type EmittedListener, emittedListener } from '../emitted.ts';
import { serverTlsSocket } from '../gateway/server-tls.ts';
import { timeouts } from '../route/http-route.ts';
import { securityOf, type WorkloadSecurity } from '../security/workload-security.ts';
import { socketAddress } from '../sources.ts';
import { checked } from './denial-log.ts';
import { httpFilter } from './http-connection-manager.ts';
import { type ChainContent, inboundChains } from './inbound-chains.ts';
import { httpInspector, originalDestination, sniffingTimeout, tlsInspector } from './listener-filters.ts';
import { CALLED_PORT } from './plaintext-log.ts';
import { inboundTcpFilter, tcpFilter } from './tcp-proxy.ts';

/** Where interception sends what others call. */
const INBOUND_PORT = 15006;

/** The inbound socket of a proxy, by its key: chains for each port that services call, and for all others. */
export const virtualInbound = step('virtual inbound', (read, key): EmittedListener => {
  const settings = settingsOfProxy(read, key);
  const who = read.of(proxy, key);
  const ports = read.of(inboundPorts, key).filter(({ ingress }) => ingress?.socket !== true);
  const modes = read.of(peerModes, peerModesKey(who.namespace, who.labels));
  const security = securityOf(read, who, 'sidecar');
  const { virtualInbound: name } = wellKnownNames;
  const object = {
    name,
    address: socketAddress('0.0.0.0', INBOUND_PORT),
    traffic_direction: 'INBOUND',
    listener_filters: [
      originalDestination,
      tlsInspector(plainPorts(ports, modes)),
      httpInspector(declaredPorts(ports)),
    ],
    ...sniffingTimeout(settings),
    filter_chains: [
      blackHoleChain(settings),
      ...passthroughChains(ports, modes, { settings, security }),
      ...ports.flatMap((port) =>
        portChains(port, port.number, modes, {
          settings,
          security: securityOf(read, who, 'sidecar', ownTls(port, modes)),
          ips: who.ips,
        }),
      ),
    ],
  } as const;
  return emittedListener(object, [...modes.origins, ...security.origins, ...ports.flatMap(originsOf)]);
});

/** What holds for all inbound chains of a workload. */
export interface InboundContext {
  readonly settings: MeshSettings;
  readonly security: WorkloadSecurity;
  /** Addresses of the workload, where chains name one. */
  readonly ips?: readonly string[];
}

function originsOf(port: InboundPort): readonly Origin[] {
  return port.services.map((service) => service.origin);
}

/** Ports whose TLS, if any, is the application's business, and whose bytes need not be looked at for HTTP. */
function plainPorts(ports: readonly InboundPort[], modes: PeerModes): readonly number[] {
  return ports
    .filter(
      ({ number, protocol, ingress }) =>
        modeOfPort(modes, number) === 'disable' && protocol !== 'auto' && ingress?.tls === undefined,
    )
    .map(({ number }) => number);
}

/** Ports of which it is known whether they speak HTTP. */
function declaredPorts(ports: readonly InboundPort[]): readonly number[] {
  return ports.filter(({ protocol }) => protocol !== 'auto').map(({ number }) => number);
}

/** A connection to the socket itself would come back for ever. */
function blackHoleChain(settings: MeshSettings): FilterChain {
  const { virtualInbound: name, blackHoleCluster } = wellKnownNames;
  return {
    name: `${name}-blackhole`,
    filter_chain_match: { destination_port: INBOUND_PORT },
    filters: [tcpFilter(blackHoleCluster, blackHoleCluster, settings)],
  };
}

/** Ports that no service names: passed on to the application under the same rules of mutual TLS. */
function passthroughChains(
  ports: readonly InboundPort[],
  modes: PeerModes,
  { settings, security }: InboundContext,
): FilterChain[] {
  const { virtualInbound, inboundPassthroughCluster: cluster } = wellKnownNames;
  const content: ChainContent = {
    name: (content) => (content === 'http' ? `${virtualInbound}-catchall-http` : virtualInbound),
    http: (counted) => [
      httpFilter({
        statPrefix: cluster,
        routes: inboundRoutes(cluster, cluster, 'inbound|http|0', cluster),
        side: 'inbound',
        settings,
        security: security.http,
        ...(counted ? { countedPort: CALLED_PORT } : {}),
      }),
    ],
    tcp: (counted) => [
      ...checked(security.tcp, inboundTcpFilter(cluster, settings, counted ? CALLED_PORT : undefined)),
    ],
  };
  const served = new Set(ports.map(({ number }) => number));
  const own = [...modes.ports].filter(([port, mode]) => !served.has(port) && mode !== modes.mode);
  return [
    ...inboundChains(modes.mode, 'auto', undefined, content, settings),
    ...own.flatMap(([port, mode]) => inboundChains(mode, 'auto', port, content, settings)),
  ];
}

/** The chains of a port; `onPort` undefined: of a socket that takes nothing else. */
export function portChains(
  port: InboundPort,
  onPort: number | undefined,
  modes: PeerModes,
  context: InboundContext,
): FilterChain[] {
  const { settings } = context;
  const mode = modeOfPort(modes, port.number);
  const content = portContent(port, context);
  const own = ownTlsChain(port, ownTls(port, modes), onPort, content, settings);
  return own === undefined ? inboundChains(mode, port.protocol, onPort, content, settings) : [own];
}

/** A Sidecar's own TLS, which counts where there is none of the mesh. */
export function ownTls({ number, ingress }: InboundPort, modes: PeerModes): ServerTls | undefined {
  return modeOfPort(modes, number) === 'disable' ? ingress?.tls : undefined;
}

/** The one chain where a Sidecar ends TLS: without TLS nothing is taken. */
function ownTlsChain(
  { protocol }: InboundPort,
  tls: ServerTls | undefined,
  onPort: number | undefined,
  content: ChainContent,
  settings: MeshSettings,
): FilterChain | undefined {
  const http = protocol === 'https' || isHttp(protocol);
  const socket = tls && serverTlsSocket(tls, settings, http ? 'http' : 'tcp');
  if (socket === undefined) return undefined;
  return {
    name: content.name(http ? 'http' : 'tcp'),
    filter_chain_match: {
      ...(onPort === undefined ? {} : { destination_port: onPort }),
      transport_protocol: 'tls',
    },
    filters: http ? content.http(false) : content.tcp(false),
    transport_socket: socket,
  };
}

/** What is done with connections to a port that a service names. */
export function portContent(
  port: InboundPort,
  { settings, security, ips = [] }: InboundContext,
): ChainContent {
  // A Sidecar speaks of one address, services of all.
  const bound = port.ingress && (port.ingress.bind || ips[0]);
  const name = addressListener(bound ?? '0.0.0.0', port.number);
  const cluster = inboundCluster(port.number);
  return {
    name: () => name,
    http: (counted) => [
      httpFilter({
        statPrefix: `inbound_${name}`,
        routes: portRoutes(port),
        side: 'inbound',
        settings,
        security: security.http,
        ...(counted ? { countedPort: `${port.number}` } : {}),
      }),
    ],
    tcp: (counted) => [
      ...checked(security.tcp, inboundTcpFilter(cluster, settings, counted ? `${port.number}` : undefined)),
    ],
  };
}

function portRoutes(port: InboundPort): RouteConfiguration {
  const cluster = inboundCluster(port.number);
  const operation = `${port.service.hostname}:${port.servicePort.number}/*`;
  // Named by the port that clients call, as Istio does; a Sidecar knows the workload's own only.
  const called = port.ingress === undefined ? port.servicePort.number : port.number;
  return inboundRoutes(cluster, cluster, inboundVirtualHost(called), operation);
}

/** One way in for everything. A request that the application did not begin to read may be sent again. */
function inboundRoutes(
  name: string,
  cluster: string,
  virtualHost: string,
  operation: string,
): RouteConfiguration {
  const route: Route = {
    name: 'default',
    match: { prefix: '/' },
    route: {
      cluster,
      ...timeouts(undefined),
      retry_policy: { retry_on: 'reset-before-request', num_retries: 2 },
    },
    decorator: { operation },
  };
  return {
    name,
    virtual_hosts: [{ name: virtualHost, domains: ['*'], routes: [route] }],
    validate_clusters: false,
  };
}
