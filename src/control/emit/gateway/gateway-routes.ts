import type { Origin } from '../../../mesh/origin.ts';
import { gatewayHttpRoutes, gatewayHttpsRoutes, hostPort } from '../../../xds/names.ts';
import type { Route, VirtualHost } from '../../../xds/resources.ts';
import { type BoundServer, gatewayPorts, rulesOfGateway, sharedHosts } from '../../resolve/gateway-ports.ts';
import { inView, viewAndParts } from '../../resolve/views.ts';
import { type Read, step } from '../../resolve/world.ts';
import { type EmittedRoutes, emittedRoutes } from '../emitted.ts';
import { isCatchAll } from '../route/match.ts';
import { ruleRoutes } from '../route/rule-routes.ts';
import { viewContext } from '../route/view-context.ts';

// Routes of routers: `http.PORT` for all plain servers of a port, `https.PORT.PORTNAME.GATEWAY.NAMESPACE` for each
// server that ends TLS.

/** One route configuration by view and name; undefined where the view has none of that name. */
export const gatewayRoutes = step('gateway routes', (read, key): EmittedRoutes | undefined => {
  const { viewKey, parts } = viewAndParts(read, key);
  const [name = ''] = parts;
  const { ports } = read.of(gatewayPorts, viewKey);
  for (const port of ports) {
    if (port.kind === 'http' && gatewayHttpRoutes(port.number) === name)
      return configuration(read, viewKey, name, port.number, port.servers, false);
    const ending = port.servers.find((server) => port.kind === 'tls' && httpsRoutesName(server) === name);
    if (ending !== undefined) return configuration(read, viewKey, name, port.number, [ending], true);
  }
  return undefined;
});

/** Name of the routes of a server that ends TLS: by the port as the Gateway writes it. */
export function httpsRoutesName({ server, gatewayName, gatewayNamespace }: BoundServer): string {
  return gatewayHttpsRoutes(server.port, server.portName, gatewayName, gatewayNamespace);
}

const MAX_DIRECT_RESPONSE_BYTES = 1024 * 1024;

function configuration(
  read: Read,
  viewKey: string,
  name: string,
  port: number,
  servers: readonly BoundServer[],
  tls: boolean,
): EmittedRoutes {
  const hosts = new Map<string, Host>();
  const origins: Origin[] = [];
  for (const server of servers) {
    origins.push(server.server.origin);
    addRules(read, viewKey, server, tls, hosts, origins);
    if (server.server.httpsRedirect && !tls) addRedirects(server, hosts);
  }
  const virtual_hosts = [...hosts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([host, made]) => virtualHost(host, made));
  const object = {
    name,
    virtual_hosts: virtual_hosts.length === 0 ? [nothing(port)] : virtual_hosts,
    validate_clusters: false,
    ignore_port_in_host_matching: true,
    max_direct_response_body_size_bytes: MAX_DIRECT_RESPONSE_BYTES,
  };
  return emittedRoutes(object, origins);
}

interface Host {
  readonly port: number;
  readonly routes: readonly Route[];
  readonly redirect: boolean;
}

function addRules(
  read: Read,
  viewKey: string,
  bound: BoundServer,
  tls: boolean,
  hosts: Map<string, Host>,
  origins: Origin[],
): void {
  const { server, gateway } = bound;
  const { view } = viewAndParts(read, viewKey);
  const caller = { gateways: [gateway], namespace: view.namespace, labels: view.labels };
  for (const rules of read.of(rulesOfGateway, inView(viewKey, gateway))) {
    const shared = sharedHosts(server.hosts, rules);
    if (shared.length === 0) continue;
    const made = ruleRoutes(rules, caller, viewContext(read, viewKey, rules.name, server.port, tls));
    if (made.routes.length === 0) continue;
    origins.push(...made.origins);
    for (const host of shared) {
      const before = hosts.get(host);
      const routes = [...(before?.routes ?? []), ...made.routes];
      hosts.set(host, { port: before?.port ?? server.port, routes, redirect: before?.redirect ?? false });
    }
  }
}

/** Whoever comes without TLS is sent to where it is; before any rule is looked at. */
function addRedirects({ server }: BoundServer, hosts: Map<string, Host>): void {
  for (const { host } of server.hosts) {
    const before = hosts.get(host);
    hosts.set(host, { port: server.port, routes: before?.routes ?? [], redirect: true });
  }
}

/** Rules of several objects for one host: what takes everything comes last, or nothing would get past it. */
function virtualHost(host: string, { port, routes, redirect }: Host): VirtualHost {
  const everything = routes.filter(({ match }) => isCatchAll(match ?? {}));
  const others = routes.filter(({ match }) => !isCatchAll(match ?? {}));
  return {
    name: hostPort(host, port),
    domains: [host.includes(':') ? `[${host}]` : host],
    ...(redirect ? { require_tls: 'ALL' as const } : {}),
    routes: [...others, ...everything],
    include_request_attempt_count: true,
  };
}

/** A virtual host without routes answers 404. */
function nothing(port: number): VirtualHost {
  return { name: hostPort('blackhole', port), domains: ['*'] };
}
