import { withoutPort } from '../../../xds/match/virtual-host.ts';
import { parseClusterName, parseHostPort } from '../../../xds/names.ts';
import type { Route, RouteConfiguration, VirtualHost } from '../../../xds/resources.ts';
import type { EnvoyPatch, PatchMatch } from '../../resolve/envoy-filters.ts';
import { changeList } from './list-change.ts';
import { mergeMessages } from './merge.ts';

const PLACES: ReadonlySet<string> = new Set(['ROUTE_CONFIGURATION', 'VIRTUAL_HOST', 'HTTP_ROUTE']);

/** Whether a patch is about routes. */
export function isAboutRoutes({ applyTo }: EnvoyPatch): boolean {
  return PLACES.has(applyTo);
}

/** One patch on a route configuration; the same object where it is not meant. */
export function changeRoutes(
  routes: RouteConfiguration,
  patch: EnvoyPatch,
  side: 'inbound' | 'outbound' | 'gateway',
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

function isMeant(match: PatchMatch, { name = '' }: RouteConfiguration, side: string): boolean {
  const context = SIDES[match.context as keyof typeof SIDES];
  if (context !== undefined && context !== side) return false;
  const wanted = match.routeConfiguration;
  if (wanted === undefined) return true;
  if (wanted.name && wanted.name !== name) return false;
  // `https.443.PORTNAME.GATEWAY.NAMESPACE` tells them all; `http.80` is shared by all Gateways of the port.
  const [, , portName, gateway, namespace] = name.startsWith('https.') ? name.split('.') : [];
  if (wanted.portName && portName !== undefined && wanted.portName !== portName) return false;
  if (wanted.gateway && gateway !== undefined && wanted.gateway !== `${namespace}/${gateway}`) return false;
  return !wanted.portNumber || wanted.portNumber === portOf(name);
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
