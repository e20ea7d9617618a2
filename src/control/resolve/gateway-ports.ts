import type { Gateway, GatewayHost, GatewayServer } from '../../mesh/gateway.ts';
import { compareSpecificity, hostMatches } from '../../mesh/hostname.ts';
import { isHttp, isTls } from '../../mesh/protocol.ts';
import type { RuleSet } from '../../mesh/route.ts';
import { matchesLabels } from '../../mesh/workload.ts';
import { gateways } from './gateways.ts';
import { viewAndParts } from './views.ts';
import { virtualServices } from './virtual-services.ts';
import { seenFrom } from './visibility.ts';
import { step } from './world.ts';

// What a router opens: the servers of all Gateways that select it, put together by port.

/** A server of a Gateway, as one router has it. */
export interface BoundServer {
  /** `NAMESPACE/NAME`. */
  readonly gateway: string;
  readonly gatewayNamespace: string;
  readonly gatewayName: string;
  readonly server: GatewayServer;
}

/**
 * One port of a router. All its servers are of a kind: HTTP by host, TLS by server name, or one of plain bytes. Beside
 * TLS that was there first there may be plain HTTP: connections tell the two apart.
 */
export interface GatewayPort {
  /** The router's own port. */
  readonly number: number;
  /** '' for all addresses. */
  readonly bind: string;
  readonly kind: 'http' | 'tls' | 'tcp';
  readonly servers: readonly BoundServer[];
}

/** A server that cannot be had beside an older one. */
export interface ServerConflict {
  readonly server: GatewayServer;
  readonly message: string;
}

export interface GatewayPorts {
  readonly ports: readonly GatewayPort[];
  readonly conflicts: readonly ServerConflict[];
}

/** The ports of the routers of a view, by its key; the oldest Gateway has a port first. */
export const gatewayPorts = step('gateway ports', (read, viewKey): GatewayPorts => {
  const { view } = viewAndParts(read, viewKey);
  const selecting = read
    .of(gateways, '')
    .filter(
      ({ selector, workloadNamespace = view.namespace }) =>
        workloadNamespace === view.namespace && matchesLabels(selector, view.labels),
    );
  const ports = new Map<string, { -readonly [K in keyof GatewayPort]: GatewayPort[K] }>();
  const conflicts: ServerConflict[] = [];
  for (const gateway of selecting)
    for (const server of gateway.servers) {
      const number = view.ports.get(server.port) ?? server.port;
      const key = `${server.bind}_${number}`;
      const port = ports.get(key);
      if (port === undefined) {
        ports.set(key, {
          number,
          bind: server.bind,
          kind: kindOf(server),
          servers: [bound(gateway, server)],
        });
        continue;
      }
      const { kept, message } = beside(port, server);
      if (message !== undefined) conflicts.push({ server, message });
      if (kept !== undefined) port.servers = [...port.servers, bound(gateway, kept)];
    }
  return { ports: [...ports.values()].sort((a, b) => a.number - b.number), conflicts };
});

/** Whether routers of a view pass TLS of the mesh on by its server name alone (AUTO_PASSTHROUGH). */
export const passesTlsOn = step('passes TLS on', (read, viewKey): boolean =>
  read
    .of(gatewayPorts, viewKey)
    .ports.some(({ servers }) => servers.some(({ server }) => server.tls?.mode === 'auto-passthrough')),
);

function bound(gateway: Gateway, server: GatewayServer): BoundServer {
  const { namespace, name } = gateway;
  return { gateway: `${namespace}/${name}`, gatewayNamespace: namespace, gatewayName: name, server };
}

/** The servers of a port that take HTTP without TLS. */
export function plainHttpServers({ servers }: GatewayPort): readonly BoundServer[] {
  return servers.filter(({ server }) => kindOf(server) === 'http');
}

function kindOf({ protocol }: GatewayServer): GatewayPort['kind'] {
  if (isTls(protocol)) return 'tls';
  return isHttp(protocol) ? 'http' : 'tcp';
}

/** What of a server can be had beside those that are there. */
function beside(
  port: GatewayPort,
  server: GatewayServer,
): { readonly kept?: GatewayServer; readonly message?: string } {
  const [first] = port.servers;
  const owner = `Gateway ${first?.gateway}, which is older`;
  const kind = kindOf(server);
  if (kind === 'http' && port.kind === 'tls') return { kept: server };
  if (kind !== port.kind)
    return {
      message: `port ${server.port} is used for ${first?.server.protocol} by ${owner}; this server is not opened`,
    };
  if (port.kind === 'tcp')
    return { message: `port ${server.port} is used by ${owner}; this server is not opened` };
  if (port.kind === 'http') return { kept: server };
  const withTls = port.servers.filter((other) => kindOf(other.server) === 'tls');
  const taken = new Set(withTls.flatMap(({ server: { hosts } }) => hosts.map(({ host }) => host)));
  const hosts = server.hosts.filter(({ host }) => !taken.has(host));
  if (hosts.length === server.hosts.length) return { kept: server };
  const lost = server.hosts.filter(({ host }) => taken.has(host)).map(({ host }) => host);
  const message = `${lost.join(', ')} at port ${server.port} ${lost.length > 1 ? 'are' : 'is'} used by an older Gateway`;
  return hosts.length === 0 ? { message } : { kept: { ...server, hosts }, message };
}

/** Rule sets for one Gateway (`NAMESPACE/NAME`) as routers of a view see them, who decides first first; by view and gateway. */
export const rulesOfGateway = step('rules of a gateway', (read, key): readonly RuleSet[] => {
  const { view, parts } = viewAndParts(read, key);
  const [name = ''] = parts;
  const all = read.of(virtualServices, '').filter((rules) => rules.gateways.includes(name));
  return seenFrom(all, view.namespace);
});

/** Hosts of a rule set that a server lets in: the narrower of its host and the server's, without doubles. */
export function sharedHosts(server: readonly GatewayHost[], rules: RuleSet): readonly string[] {
  const shared = new Set<string>();
  for (const own of rules.hosts)
    for (const { namespace, host } of server) {
      if (namespace !== '*' && namespace !== rules.namespace) continue;
      if (hostMatches(host, own)) shared.add(own);
      else if (hostMatches(own, host)) shared.add(host);
    }
  return [...shared].sort(compareSpecificity);
}
