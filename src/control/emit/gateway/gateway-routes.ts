import { isWildcard } from '../../../mesh/hostname.ts';
import type { Origin } from '../../../mesh/origin.ts';
import { gatewayHttpRoutes, gatewayHttpsRoutes, hostPort } from '../../../xds/names.ts';
import type { Route, VirtualHost } from '../../../xds/resources.ts';
import {
  type BoundServer,
  gatewayPorts,
  plainHttpServers,
  rulesOfGateway,
  sharedHosts,
} from '../../resolve/gateway-ports.ts';
import { inView, viewAndParts } from '../../resolve/views.ts';
import { type Read, step } from '../../resolve/world.ts';
import { type EmittedRoutes, emittedRoutes } from '../emitted.ts';
import { isCatchAll } from '../route/match.ts';
import { type RuleRoutes, ruleRoutes } from '../route/rule-routes.ts';
import { attemptCount, viewContext } from '../route/view-context.ts';

// Routes of routers: `http.PORT` for all plain servers of a port, `https.PORT.PORTNAME.GATEWAY.NAMESPACE` for each
// server that ends TLS; servers with a bind address add it.

/** One route configuration by view and name; undefined where the view has none of that name. */
export const gatewayRoutes = step('gateway routes', (read, key): EmittedRoutes | undefined => {
  const { viewKey, parts } = viewAndParts(read, key);
  const [name = ''] = parts;
  const { ports } = read.of(gatewayPorts, viewKey);
  for (const port of ports) {
    const plain = plainHttpServers(port);
    if (plain.length > 0 && gatewayHttpRoutes(port.number, port.bind) === name)
      return configuration(read, viewKey, name, port.number, plain, false);
    const ending = port.servers.find(
      (server) => port.kind === 'tls' && !plain.includes(server) && httpsRoutesName(server) === name,
    );
    if (ending !== undefined) return configuration(read, viewKey, name, port.number, [ending], true);
  }
  return undefined;
});

/** Name of the routes of a server that ends TLS: by the port as the Gateway writes it. */
export function httpsRoutesName({ server, gatewayName, gatewayNamespace }: BoundServer): string {
  return gatewayHttpsRoutes(server.port, server.portName, gatewayName, gatewayNamespace, server.bind);
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
  const made = new Map<string, RuleRoutes>();
  for (const server of servers) {
    origins.push(server.server.origin);
    addRules(read, viewKey, server, tls, hosts, made, origins);
    if (server.server.httpsRedirect && !tls) addRedirects(server, hosts);
    if (tls) addMisdirected(server, hosts);
  }
  const virtual_hosts = alike(hosts)
    .map((group) => virtualHost(read, viewKey, group))
    .sort((a, b) => ((a.name ?? '') < (b.name ?? '') ? -1 : 1));
  const object = {
    name,
    virtual_hosts: virtual_hosts.length === 0 ? [nothing(servers[0]?.server.port ?? port)] : virtual_hosts,
    validate_clusters: false,
    ignore_port_in_host_matching: true,
    max_direct_response_body_size_bytes: MAX_DIRECT_RESPONSE_BYTES,
  };
  return emittedRoutes(object, origins);
}

interface Host {
  readonly port: number;
  /** Routes of each rule set, the oldest first. */
  readonly parts: readonly (readonly Route[])[];
  readonly redirect: boolean;
}

function addRules(
  read: Read,
  viewKey: string,
  bound: BoundServer,
  tls: boolean,
  hosts: Map<string, Host>,
  known: Map<string, RuleRoutes>,
  origins: Origin[],
): void {
  const { server, gateway } = bound;
  const { view } = viewAndParts(read, viewKey);
  const caller = { gateways: [gateway], namespace: view.namespace, labels: view.labels };
  for (const rules of read.of(rulesOfGateway, inView(viewKey, gateway))) {
    const shared = sharedHosts(server.hosts, rules);
    if (shared.length === 0) continue;
    const key = `${gateway} ${server.port} ${rules.namespace}/${rules.name}`;
    const made =
      known.get(key) ?? ruleRoutes(rules, caller, viewContext(read, viewKey, rules.name, server.port, tls));
    known.set(key, made);
    if (made.routes.length === 0) continue;
    origins.push(...made.origins);
    for (const host of shared) {
      const before = hosts.get(host);
      const parts = [...(before?.parts ?? []), made.routes];
      // What a server redirects, rules do not let pass.
      const redirect = before?.redirect === true || (server.httpsRedirect && !tls);
      hosts.set(host, { port: before?.port ?? server.port, parts, redirect });
    }
  }
}

/** Whoever comes without TLS is sent to where it is; before any rule is looked at. */
function addRedirects({ server }: BoundServer, hosts: Map<string, Host>): void {
  for (const { host } of server.hosts) {
    const before = hosts.get(host);
    hosts.set(host, { port: before?.port ?? server.port, parts: before?.parts ?? [], redirect: true });
  }
}

interface HostGroup extends Host {
  readonly names: readonly string[];
}

/** Hosts with the same routes are one virtual host, called by the narrowest (Istio). */
function alike(hosts: ReadonlyMap<string, Host>): HostGroup[] {
  const numbers = new Map<readonly Route[], number>();
  const numberOf = (part: readonly Route[]) => {
    const number = numbers.get(part) ?? numbers.size;
    numbers.set(part, number);
    return number;
  };
  const groups = new Map<string, HostGroup>();
  for (const [name, host] of [...hosts].sort(([a], [b]) => compareLength(a, b))) {
    const key = `${host.redirect} ${host.parts.map(numberOf).join(',')}`;
    const group = groups.get(key);
    groups.set(
      key,
      group === undefined ? { ...host, names: [name] } : { ...group, names: [...group.names, name] },
    );
  }
  return [...groups.values()];
}

/** Names before wildcards, long ones before short ones. */
function compareLength(a: string, b: string): number {
  const wild = Number(isWildcard(a)) - Number(isWildcard(b));
  return wild || b.length - a.length || (a < b ? -1 : 1);
}

/** Who asks for another server's host on a connection for this one is told to ask on another (421). */
function addMisdirected({ server }: BoundServer, hosts: Map<string, Host>): void {
  const { misdirected = [], port } = server;
  const add = (host: string, parts: Host['parts']): void => {
    if (!hosts.has(host)) hosts.set(host, { port, parts, redirect: false });
  };
  if (misdirected.length === 0) return;
  // What this one has no rules for is not the other's either.
  for (const { host } of server.hosts) add(host, []);
  for (const host of misdirected) add(host, [MISDIRECTED]);
}

const MISDIRECTED: readonly Route[] = [{ match: { prefix: '/' }, direct_response: { status: 421 } }];

/** Rules of several objects for one host: what takes everything comes last, or nothing would get past it. */
function virtualHost(read: Read, viewKey: string, { names, port, parts, redirect }: HostGroup): VirtualHost {
  const routes = parts.flat();
  const everything = routes.filter(({ match }) => isCatchAll(match ?? {}));
  const others = routes.filter(({ match }) => !isCatchAll(match ?? {}));
  return {
    name: hostPort(names[0] ?? '', port),
    domains: names.map((host) => (host.includes(':') ? `[${host}]` : host)),
    ...(redirect ? { require_tls: 'ALL' as const } : {}),
    routes: [...others, ...everything],
    ...attemptCount(read, viewKey),
  };
}

/** A virtual host without routes answers 404. */
function nothing(port: number): VirtualHost {
  return { name: hostPort('blackhole', port), domains: ['*'] };
}
