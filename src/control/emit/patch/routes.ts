import { withoutPort } from '../../../xds/match/virtual-host.ts';
import { parseClusterName, parseHostPort } from '../../../xds/names.ts';
import type { Route, RouteConfiguration, VirtualHost } from '../../../xds/resources.ts';
import type { EnvoyPatch, PatchMatch } from '../../resolve/envoy-filter/patch.ts';
import { changeList } from './list-change.ts';
import { mergeMessages } from './merge.ts';

const PLACES: ReadonlySet<string> = new Set(['ROUTE_CONFIGURATION', 'VIRTUAL_HOST', 'HTTP_ROUTE']);

/** Whether a patch is about routes. */
export function isAboutRoutes({ applyTo }: EnvoyPatch): boolean {
  return PLACES.has(applyTo);
}

/** Whose routes they are; of a gateway, with its own port behind each port of its Service. */
export type RouteSide =
  | { readonly side: 'inbound' | 'outbound' }
  | { readonly side: 'gateway'; readonly ports: ReadonlyMap<number, number> };

/** One patch on a route configuration; the same object where it is not meant. */
export function changeRoutes(
  routes: RouteConfiguration,
  patch: EnvoyPatch,
  side: RouteSide,
): RouteConfiguration {
  if (!isMeant(patch.match, routes, side)) return routes;
  if (patch.applyTo === 'ROUTE_CONFIGURATION')
    return patch.operation === 'MERGE' || patch.operation === 'MERGE_AND_REPLACE_LIST'
      ? mergeMessages(routes, patch.value, patch.operation === 'MERGE' ? 'join' : 'replace')
      : routes;
  const hosts = routes.virtual_hosts ?? [];
  const changed = changeHosts(hosts, patch);
  return changed === hosts ? routes : { ...routes, virtual_hosts: changed };
}

const SIDES = { SIDECAR_INBOUND: 'inbound', SIDECAR_OUTBOUND: 'outbound', GATEWAY: 'gateway' } as const;

function isMeant(match: PatchMatch, { name = '' }: RouteConfiguration, routeSide: RouteSide): boolean {
  const { side } = routeSide;
  const context = SIDES[match.context as keyof typeof SIDES];
  if (context !== undefined && context !== side) return false;
  const wanted = match.routeConfiguration;
  if (wanted === undefined) return true;
  if (wanted.name && wanted.name !== name) return false;
  if (side === 'gateway') {
    // `https.443.PORTNAME.GATEWAY.NAMESPACE` tells them all; `http.80`, which all Gateways of the port share, is nobody's.
    const [, , portName, gateway, namespace] = name.startsWith('https.') ? name.split('.') : [];
    if (wanted.portName && wanted.portName !== portName) return false;
    if (wanted.gateway && wanted.gateway !== `${namespace}/${gateway}`) return false;
  }
  return !wanted.portNumber || portsOf(name, routeSide).includes(wanted.portNumber);
}

/** Gateways' plain ports are meant by the ports of the Service before them, where there is one. */
function portsOf(name: string, routeSide: RouteSide): readonly (number | undefined)[] {
  const port = portOf(name);
  if (routeSide.side !== 'gateway') return [port];
  const before = [...routeSide.ports].filter(([, own]) => own === port).map(([service]) => service);
  return before.length === 0 ? [port] : before;
}

/** The port that a route configuration is for, out of its name; undefined where it says none. */
function portOf(name: string): number | undefined {
  const gateway = /^https?\.(\d+)/.exec(name)?.[1];
  if (gateway !== undefined) return Number(gateway);
  return /^\d+$/.test(name) ? Number(name) : (parseHostPort(name)?.port ?? parseClusterName(name)?.port);
}

function changeHosts(hosts: readonly VirtualHost[], patch: EnvoyPatch): readonly VirtualHost[] {
  const wanted = patch.match.routeConfiguration?.vhost;
  const matches = (host: VirtualHost) =>
    (!wanted?.name || wanted.name === host.name) &&
    (!wanted?.domainName || (host.domains ?? []).some((domain) => withoutPort(domain) === wanted.domainName));
  if (patch.applyTo === 'VIRTUAL_HOST')
    return changeList(hosts, patch, { matches, namesItem: Boolean(wanted?.name || wanted?.domainName) });
  let changed = false;
  const all = hosts.map((host) => {
    const routes = host.routes ?? [];
    const after = matches(host) ? changeRouteList(routes, patch) : routes;
    if (after === routes) return host;
    changed = true;
    return { ...host, routes: after };
  });
  return changed ? all : hosts;
}

const ACTIONS = { ROUTE: 'route', REDIRECT: 'redirect', DIRECT_RESPONSE: 'direct_response' } as const;

function changeRouteList(routes: readonly Route[], patch: EnvoyPatch): readonly Route[] {
  const wanted = patch.match.routeConfiguration?.vhost?.route;
  const action = ACTIONS[wanted?.action as keyof typeof ACTIONS];
  const matches = (route: Route) =>
    (!wanted?.name || wanted.name === route.name) && (action === undefined || route[action] !== undefined);
  return changeList(routes, patch, { matches, namesItem: Boolean(wanted?.name) || action !== undefined });
}
