import type { GatewayServer, ServerTls } from '../../../mesh/gateway.ts';
import type { Origin } from '../../../mesh/origin.ts';
import type { ConnectionRule } from '../../../mesh/route.ts';
import { addressListener, gatewayHttpRoutes } from '../../../xds/names.ts';
import type { Address, FilterChain } from '../../../xds/resources.ts';
import {
  type BoundServer,
  type GatewayPort,
  gatewayPorts,
  plainHttpServers,
  rulesOfGateway,
  sharedHosts,
} from '../../resolve/gateway-ports.ts';
import { meshSettings } from '../../resolve/mesh-settings.ts';
import { scopedService } from '../../resolve/scoped-services.ts';
import { settingsOfView } from '../../resolve/view-settings.ts';
import { inView, viewAndParts } from '../../resolve/views.ts';
import { type Read, step } from '../../resolve/world.ts';
import { type EmittedListener, emittedListener, sortedByName } from '../emitted.ts';
import { addressMatch } from '../listener/cidr-ranges.ts';
import { connectionOptions } from '../listener/connection-options.ts';
import { checked } from '../listener/denial-log.ts';
import { httpFilter } from '../listener/http-connection-manager.ts';
import { proxyProtocol, tlsInspector } from '../listener/listener-filters.ts';
import { filtersOfRoutes } from '../listener/route-filters.ts';
import { routedTcpFilter } from '../listener/tcp-proxy.ts';
import { concerns } from '../route/rule-routes.ts';
import { securityOf, type WorkloadSecurity } from '../security/workload-security.ts';
import { socketAddress } from '../sources.ts';
import { passedOnChains } from './auto-passthrough.ts';
import { httpsRoutesName } from './gateway-routes.ts';
import { serverTlsSocket } from './server-tls.ts';

/** All listeners of routers of a view, by its key: one for each port that a Gateway opens. */
export const gatewayListeners = step('gateway listeners', (read, viewKey): readonly EmittedListener[] =>
  sortedByName(
    read
      .of(gatewayPorts, viewKey)
      .ports.map((port) => listenerOf(read, viewKey, port))
      .filter((listener) => listener !== undefined),
  ),
);

interface Chains {
  readonly chains: readonly FilterChain[];
  readonly origins: readonly Origin[];
}

function listenerOf(read: Read, viewKey: string, port: GatewayPort): EmittedListener | undefined {
  const address = port.bind === '' ? '0.0.0.0' : port.bind;
  const name = addressListener(address, port.number);
  const { chains, origins } = chainsOf(read, viewKey, port, name);
  // Bytes that no rule sends anywhere: nobody listens, as if the port were not there.
  if (chains.length === 0) return undefined;
  const { gatewayProxyProtocol, connections } = read.of(settingsOfView, viewKey);
  const buffer = connections.gateway.listenerBufferBytes;
  // Who calls is said before anything else.
  const filters = [
    ...(gatewayProxyProtocol ? [proxyProtocol] : []),
    ...(port.kind === 'tls' ? [tlsInspector()] : []),
  ];
  return emittedListener(
    {
      name,
      address: boundAddress(read, viewKey, address, port.number),
      traffic_direction: 'OUTBOUND',
      ...(filters.length === 0 ? {} : { listener_filters: filters }),
      ...(buffer === undefined ? {} : { per_connection_buffer_limit_bytes: buffer }),
      filter_chains: chains,
    },
    [
      ...port.servers.map(({ server }) => server.origin),
      ...origins,
      ...securityOfView(read, viewKey).origins,
    ],
  );
}

/** Where the port is in truth: on a shared host elsewhere, and on loopback. */
function boundAddress(read: Read, viewKey: string, address: string, port: number): Address {
  if (address.startsWith('unix://')) return { pipe: { path: address.slice('unix://'.length) } };
  const { forwardProxy, boundPorts } = viewAndParts(read, viewKey).view;
  return forwardProxy
    ? socketAddress('127.0.0.1', boundPorts.get(port) ?? port)
    : socketAddress(address, port);
}

const NO_TLS = { transport_protocol: 'raw_buffer' };

function chainsOf(read: Read, viewKey: string, port: GatewayPort, listener: string): Chains {
  const plain = plainHttpServers(port);
  const routes = gatewayHttpRoutes(port.number, port.bind);
  const clear = () => ({ filters: [http(read, viewKey, `outbound_${listener}`, routes)] });
  if (port.kind === 'http') return { chains: [clear()], origins: [] };
  const parts = port.servers
    .filter((server) => !plain.includes(server))
    .map((server) =>
      port.kind === 'tcp' ? tcpChains(read, viewKey, server) : tlsChains(read, viewKey, server, listener),
    );
  const withoutTls = plain.length === 0 ? [] : [{ filter_chain_match: NO_TLS, ...clear() }];
  return {
    chains: distinctMatches([...parts.flatMap(({ chains }) => chains), ...withoutTls]),
    origins: parts.flatMap(({ origins }) => origins),
  };
}

/** Envoy refuses two chains with one match: the older server's counts. */
function distinctMatches(chains: readonly FilterChain[]): FilterChain[] {
  const seen = new Set<string>();
  return chains.filter(({ filter_chain_match }) => {
    const text = JSON.stringify(filter_chain_match ?? {});
    return seen.has(text) ? false : seen.add(text);
  });
}

function http(read: Read, viewKey: string, statPrefix: string, routes: string, tls?: ServerTls) {
  const filters = filtersOfRoutes(read, viewKey, 'gateways');
  const settings = read.of(settingsOfView, viewKey);
  const security = securityOfView(read, viewKey, tls).http;
  return httpFilter({ statPrefix, routes, side: 'gateway', settings, security, ...filters });
}

/** The policies that hold for routers of a view. */
function securityOfView(read: Read, viewKey: string, tls?: ServerTls): WorkloadSecurity {
  const { namespace, labels } = viewAndParts(read, viewKey).view;
  return securityOf(read, { namespace, labels }, 'router', tls);
}

/** A server that ends TLS, for HTTP or bytes, or one that passes it on by server name. */
function tlsChains(read: Read, viewKey: string, bound: BoundServer, listener: string): Chains {
  const { server } = bound;
  if (server.tls?.mode === 'auto-passthrough')
    return { chains: passedOnChains(read, viewKey, bound), origins: [] };
  const ends = server.protocol === 'https' && server.tls?.mode !== 'passthrough';
  const socket = server.tls && serverTlsSocket(server.tls, read.of(meshSettings, ''), ends ? 'http' : 'tcp');
  if (socket === undefined) return passthroughChains(read, viewKey, bound);
  const hosts = server.hosts.map(({ host }) => host);
  const match = hosts.includes('*') ? {} : { filter_chain_match: { server_names: hosts } };
  if (ends) {
    const filters = [http(read, viewKey, `outbound_${listener}`, httpsRoutesName(bound), server.tls)];
    return { chains: [{ ...match, filters, transport_socket: socket }], origins: [] };
  }
  const inner = tcpChains(read, viewKey, bound);
  const chains = inner.chains.map((chain) => {
    const both = { ...match.filter_chain_match, ...chain.filter_chain_match };
    const matched = Object.keys(both).length === 0 ? {} : { filter_chain_match: both };
    return { ...chain, ...matched, transport_socket: socket };
  });
  return { chains, origins: inner.origins };
}

/** TLS that is not ended here goes by its server name, as TLS rules say. */
function passthroughChains(read: Read, viewKey: string, bound: BoundServer): Chains {
  return ruleChains(read, viewKey, bound, 'tls');
}

/** Bytes go as TCP rules say. */
function tcpChains(read: Read, viewKey: string, bound: BoundServer): Chains {
  return ruleChains(read, viewKey, bound, 'tcp');
}

function ruleChains(
  read: Read,
  viewKey: string,
  { gateway, server }: BoundServer,
  kind: 'tls' | 'tcp',
): Chains {
  const chains: FilterChain[] = [];
  const origins: Origin[] = [];
  for (const rules of read.of(rulesOfGateway, inView(viewKey, gateway))) {
    if (sharedHosts(server.hosts, rules).length === 0) continue;
    for (const rule of rules[kind]) {
      const made = chainsOfRule(read, viewKey, rule, gateway, server);
      chains.push(...made);
      if (made.length > 0) origins.push(rule.origin);
    }
  }
  return { chains, origins };
}

function chainsOfRule(
  read: Read,
  viewKey: string,
  rule: ConnectionRule,
  gateway: string,
  { port, tls }: GatewayServer,
): FilterChain[] {
  const { view } = viewAndParts(read, viewKey);
  const caller = { gateways: [gateway], namespace: view.namespace, labels: view.labels };
  const find = (hostname: string) => read.of(scopedService, inView(viewKey, hostname));
  const destinations = rule.destinations.map(({ destination }) => destination);
  const name = `outbound|${port}||${destinations.map(({ host }) => host).join(',')}`;
  const options = connectionOptions(read, viewKey, destinations, port);
  const filters = [
    ...checked(
      securityOfView(read, viewKey, tls).tcp,
      routedTcpFilter(name, rule.destinations, port, find, read.of(meshSettings, ''), options),
    ),
  ];
  if (rule.matches.length === 0) return [{ filters }];
  return rule.matches
    .filter((match) => concerns(match, caller, port))
    .map((wanted) => {
      const { sniHosts } = wanted;
      const match = {
        ...(sniHosts.length === 0 || sniHosts.includes('*') ? {} : { server_names: sniHosts }),
        ...addressMatch(wanted),
      };
      return { ...(Object.keys(match).length === 0 ? {} : { filter_chain_match: match }), filters };
    });
}
