import { isTls } from '../../../mesh/protocol.ts';
import { type ConnectionRule, MESH } from '../../../mesh/route.ts';
import type { Service, ServicePort } from '../../../mesh/service.ts';
import { hostPort, outboundCluster, wellKnownNames } from '../../../xds/names.ts';
import type { FilterChain, FilterChainMatch, RouteConfiguration } from '../../../xds/resources.ts';
import { meshSettings } from '../../resolve/mesh-settings.ts';
import { unknownCluster } from '../../resolve/outbound-mode.ts';
import { connectionRulesForHost } from '../../resolve/rules-for.ts';
import { scopedService } from '../../resolve/scoped-services.ts';
import { settingsOfView } from '../../resolve/view-settings.ts';
import { inView, viewAndParts } from '../../resolve/views.ts';
import type { Read } from '../../resolve/world.ts';
import { type Caller, concerns } from '../route/rule-routes.ts';
import { unknownRoutes } from '../route/unknown-destination.ts';
import { addressMatch, cidrRanges } from './cidr-ranges.ts';
import { connectionOptions } from './connection-options.ts';
import { httpFilter } from './http-connection-manager.ts';
import { httpInspector, tlsInspector } from './listener-filters.ts';
import type { ListenerParts } from './outbound-listener.ts';
import { filtersOfRoutes } from './route-filters.ts';
import { routedTcpFilter, tcpFilter } from './tcp-proxy.ts';

/** First bytes that are plain HTTP, as the HTTP inspector names them. */
export const PLAIN_HTTP: FilterChainMatch = {
  transport_protocol: 'raw_buffer',
  application_protocols: ['http/1.0', 'http/1.1', 'h2c'],
};

/** The chain that speaks HTTP with routes of a name. */
export function httpChain(
  read: Read,
  viewKey: string,
  listener: string,
  routes: string | RouteConfiguration,
): FilterChain {
  const settings = read.of(settingsOfView, viewKey);
  const filters = filtersOfRoutes(read, viewKey, 'sidecars');
  return {
    filter_chain_match: PLAIN_HTTP,
    filters: [
      httpFilter({ statPrefix: `outbound_${listener}`, routes, side: 'outbound', settings, ...filters }),
    ],
  };
}

/** The chain for HTTP at ports that no service has: to the host that each request names. */
export function unknownHttpChain(read: Read, viewKey: string): FilterChain {
  const name = wellKnownNames.allowAnyDynamicDns;
  const routes = unknownRoutes(read, viewKey);
  const { filters = [] } = httpChain(read, viewKey, `${wellKnownNames.virtualOutbound}_${name}`, routes);
  // Nothing is asked of the transport: there would be no way back from it to the chain for all other bytes.
  return {
    name,
    filter_chain_match: { application_protocols: PLAIN_HTTP.application_protocols ?? [] },
    filters,
  };
}

/** A port of unknown protocol at an address of its own: HTTP where the first bytes are, else the bytes as they come. */
export function sniffedListenerParts(
  read: Read,
  viewKey: string,
  service: Service,
  port: ServicePort,
  listener: string,
): ListenerParts {
  const tcp = connectionChains(read, viewKey, service, port, false);
  const [fallback, ...others] = [...tcp].reverse();
  return {
    listener_filters: [tlsInspector(), httpInspector()],
    filter_chains: [
      ...others.reverse(),
      httpChain(read, viewKey, listener, hostPort(service.hostname, port.number)),
    ],
    ...(fallback === undefined ? {} : { default_filter_chain: fallback }),
  };
}

/** A port whose bytes are passed on, at an address of its own. */
export function plainListenerParts(
  read: Read,
  viewKey: string,
  service: Service,
  port: ServicePort,
): ListenerParts {
  const chains = connectionChains(read, viewKey, service, port, isTls(port.protocol));
  const byName = chains.some(({ filter_chain_match: match }) => match?.server_names !== undefined);
  const all = chains.some(({ filter_chain_match: match }) => match === undefined);
  return {
    filter_chains: chains,
    ...(all ? {} : { default_filter_chain: passthroughChain(read, viewKey) }),
    ...(byName ? { listener_filters: [tlsInspector()] } : {}),
  };
}

/** Bytes that nothing tells: on to where the client wanted, or nowhere. */
export function passthroughChain(read: Read, viewKey: string): FilterChain {
  const cluster = read.of(unknownCluster, viewKey);
  return {
    name: 'PassthroughFilterChain',
    filters: [tcpFilter(cluster, cluster, read.of(meshSettings, ''))],
  };
}

/** What tells a service from others that share a listener with it: the chains' matches where rules name none. */
export interface SharedBy {
  readonly serverNames?: readonly string[];
  readonly ranges?: readonly string[];
}

/**
 * Chains for connections to a service: those that TLS and TCP rules ask for, and last one for all that no rule means.
 * The last has no match unless others share the listener.
 */
export function connectionChains(
  read: Read,
  viewKey: string,
  service: Service,
  port: ServicePort,
  tls: boolean,
  { serverNames, ranges = [] }: SharedBy = {},
): FilterChain[] {
  const { view } = viewAndParts(read, viewKey);
  const rules = read.of(connectionRulesForHost, inView(viewKey, service.hostname, tls ? 'tls' : 'tcp'));
  const caller = { gateways: [MESH], namespace: view.namespace, labels: view.labels };
  const match: FilterChainMatch = {
    ...(ranges.length === 0 ? {} : { prefix_ranges: cidrRanges(ranges) }),
    ...(serverNames === undefined ? {} : { server_names: serverNames }),
  };
  const ruled = ruledChains(read, viewKey, rules, caller, port.number, match);
  // Where rules go by server name, a name that none of them means is nobody's.
  if (tls && ruled.length > 0) return ruled;
  if (ruled.some(({ filter_chain_match }) => filter_chain_match === undefined)) return ruled;
  const plain: FilterChain = {
    ...(Object.keys(match).length === 0 ? {} : { filter_chain_match: match }),
    filters: [serviceFilter(read, viewKey, service, port)],
  };
  const taken = new Set(ruled.map(({ filter_chain_match }) => JSON.stringify(filter_chain_match)));
  return taken.has(JSON.stringify(plain.filter_chain_match)) ? ruled : [...ruled, plain];
}

/** The filter that passes bytes on to a service about which no TCP or TLS rule says anything. */
function serviceFilter(read: Read, viewKey: string, { hostname }: Service, { number }: ServicePort) {
  const cluster = outboundCluster(number, '', hostname);
  const destination = { host: hostname, subset: '', port: number };
  const options = connectionOptions(read, viewKey, [destination], number);
  return tcpFilter(cluster, cluster, read.of(meshSettings, ''), options);
}

function ruledChains(
  read: Read,
  viewKey: string,
  rules: readonly ConnectionRule[],
  caller: Caller,
  port: number,
  shared: FilterChainMatch,
): FilterChain[] {
  const chains = new Map<string, FilterChain>();
  for (const rule of rules)
    for (const match of matchesOf(rule, caller, port)) {
      const full = { ...shared, ...match };
      const text = JSON.stringify(full);
      // Rules are tried in order, chains by how narrow they are: of equal ones the first rule's counts.
      if (!chains.has(text)) chains.set(text, chainOf(read, viewKey, rule, full, port));
      // It takes everything: narrower ones after it must not get what they would match.
      if (Object.keys(match).length === 0) return [...chains.values()];
    }
  return [...chains.values()];
}

function chainOf(
  read: Read,
  viewKey: string,
  rule: ConnectionRule,
  match: FilterChainMatch,
  port: number,
): FilterChain {
  const find = (hostname: string) => read.of(scopedService, inView(viewKey, hostname));
  const destinations = rule.destinations.map(({ destination }) => destination);
  const name = `outbound|${port}||${destinations.map(({ host }) => host).join(',')}`;
  const options = connectionOptions(read, viewKey, destinations, port);
  return {
    ...(Object.keys(match).length === 0 ? {} : { filter_chain_match: match }),
    filters: [routedTcpFilter(name, rule.destinations, port, find, read.of(meshSettings, ''), options)],
  };
}

/** The parts of a rule's matches that a filter chain can look at; a rule without matches means every connection. */
function matchesOf(rule: ConnectionRule, caller: Caller, port: number): FilterChainMatch[] {
  if (rule.matches.length === 0) return [{}];
  return rule.matches
    .filter((match) => concerns(match, caller, port))
    .map((match) => ({
      ...addressMatch(match),
      ...(match.sniHosts.length === 0 ? {} : { server_names: match.sniHosts }),
    }));
}
