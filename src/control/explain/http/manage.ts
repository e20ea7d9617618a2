import type { PathProblem } from '../../../xds/match/path-normalization.ts';
import { indexHosts, matchHost, withoutPort } from '../../../xds/match/virtual-host.ts';
import {
  type HttpConnectionManager,
  type JwtAuthentication,
  messageOf,
  type RouteConfiguration,
  type VirtualHost,
} from '../../../xds/resources.ts';
import type { EmittedRoutes } from '../../emit/emitted.ts';
import { because } from '../because.ts';
import { answered, type Ending } from '../ending.ts';
import { NOBODY } from '../explanation.ts';
import type { Held, Managed } from '../held.ts';
import type { Scene } from '../scene.ts';
import { kindOfOpened } from '../tls.ts';
import { act } from './act.ts';
import { type Leaf, pickLeaf } from './leaf.ts';
import { localReply } from './local-reply.ts';
import { normalizePath } from './normalize-path.ts';
import { pickRoute } from './pick-route.ts';
import { clientAddress, prepareRequest, withoutUnderscores } from './prepare-request.ts';
import type { Request, Response } from './request.ts';
import { JWT_MESSAGE, runHttpFilters } from './run-filters.ts';
import { verifyToken } from './verify-token.ts';

/** One request through a connection manager: prepare, route, filters, and what the route says. */
export function manage(scene: Scene, held: Held, config: HttpConnectionManager, given: Managed): Ending {
  const inside = { ...given, peer: { ...given.peer, remoteAddress: clientAddress(given, config) } };
  const tls = kindOfOpened(inside.opened);
  const headers = withoutUnderscores(inside.request.headers, config);
  if (headers === undefined) {
    scene.trace.step('a name of a header has an underscore, which is refused');
    return answered('reply', localReply(inside.request, 400, '', 'http1.unexpected_underscore'), tls);
  }
  const path = normalizePath(inside.request.path, config);
  if (typeof path !== 'string') return answered('reply', pathReply(scene, inside.request, path), tls);
  if (path !== inside.request.path) scene.trace.step(`the path becomes ${path}, its normal form`);
  const request = prepareRequest({ ...inside.request, headers, path }, config, held, inside);
  scene.trace.lastRequest = request;
  const verified = verify(scene, config, { ...inside, request });
  if ('outcome' in verified) return verified;
  const managed = verified;
  scene.trace.lastRequest = managed.request;
  const found = findLeaf(scene, held, config, managed);
  if ('outcome' in found) return found;
  const reply = runHttpFilters(scene, config, found.leaf, managed, held);
  if ('ending' in reply) return reply.ending;
  const ending =
    found.leaf === undefined ? notFound(scene, held, managed) : act(scene, held, found.leaf, reply.managed);
  return reply.after(ending);
}

/** Nobody may ask for such a path, or the client is told to ask for its normal form. */
function pathReply({ trace }: Scene, request: Request, problem: PathProblem): Response {
  if (problem.kind === 'invalid') {
    trace.step(`the path is refused: ${problem.message}`);
    return localReply(request, 400, '', 'path_normalization_failed');
  }
  trace.step(`the path holds escaped slashes: the client is sent to ${problem.path}`);
  return localReply(request, 307, '', 'path_normalization_redirect', [['location', problem.path]]);
}

/** Tokens come before everything: where routes look at claims, the route is chosen once they are known. */
function verify(
  scene: Scene,
  { http_filters = [] }: HttpConnectionManager,
  managed: Managed,
): Ending | Managed {
  for (const { typed_config } of http_filters) {
    if (messageOf(typed_config?.['@type'] ?? '') !== JWT_MESSAGE) continue;
    return verifyToken(scene, typed_config as JwtAuthentication, managed);
  }
  return managed;
}

function findLeaf(
  scene: Scene,
  held: Held,
  config: HttpConnectionManager,
  managed: Managed,
): Ending | { readonly leaf: Leaf | undefined } {
  const { request, opened } = managed;
  const emitted = routesOf(held, config);
  const table = emitted?.object ?? config.route_config;
  if (table === undefined) {
    scene.trace.step(`the routes ${config.rds?.route_config_name ?? ''} do not exist`);
    return { leaf: undefined };
  }
  held.hop.routeConfiguration = table.name ?? '';
  const host = pickHost(table, request.authority);
  if (host === undefined) {
    held.hop.problem = 'no-virtual-host';
    scene.trace.step(
      `no virtual host of the routes ${table.name} takes ${request.authority}`,
      NOBODY,
      hostsOf(table),
    );
    return { leaf: undefined };
  }
  held.hop.virtualHost = host.name ?? '';
  sayHost(scene, host, table, emitted, request.authority);
  if ((host.require_tls ?? 'NONE') !== 'NONE' && request.scheme !== 'https') {
    held.hop.problem = 'tls-redirect';
    scene.trace.step(
      'whoever comes without TLS is sent to https',
      because(scene.places.mesh, emitted?.provenance[0]),
    );
    const location = `https://${request.authority}${request.path}`;
    const reply = localReply(request, 301, '', 'redirect', [['location', location]]);
    return answered('reply', reply, kindOfOpened(opened));
  }
  const route = pickRoute(scene, host, emitted?.provenance ?? [], managed);
  if (route === undefined) {
    held.hop.problem = 'no-route';
    return { leaf: undefined };
  }
  held.hop.route = route.route.name ?? '';
  return { leaf: pickLeaf(scene, table, host, route) };
}

function routesOf({ proxy }: Held, { rds }: HttpConnectionManager): EmittedRoutes | undefined {
  return rds?.route_config_name === undefined ? undefined : proxy.routes(rds.route_config_name);
}

function pickHost(table: RouteConfiguration, authority: string): VirtualHost | undefined {
  const hosts = (table.virtual_hosts ?? []).map((value) => ({
    domains: value.domains ?? [],
    value,
    field: '',
  }));
  const named = table.ignore_port_in_host_matching === true ? withoutPort(authority) : authority;
  return matchHost(
    indexHosts(hosts, () => {}),
    named,
  );
}

/** The virtual host's name is its service's, where it has one. */
function sayHost(
  scene: Scene,
  host: VirtualHost,
  table: RouteConfiguration,
  emitted: EmittedRoutes | undefined,
  authority: string,
): void {
  const hostname = (host.name ?? '').replace(/:\d+$/, '');
  const service = scene.places.serviceNamed(hostname);
  const origin = service?.origin ?? emitted?.provenance[0];
  const isBuiltIn = host.name === 'allow_any' || host.name === 'block_all';
  scene.trace.step(
    `virtual host ${host.name} of the routes ${table.name} takes ${authority === '' ? 'a request without a host' : authority}`,
    isBuiltIn ? NOBODY : because(scene.places.mesh, origin),
  );
}

const MAX_HOSTS = 12;

function hostsOf({ virtual_hosts = [] }: RouteConfiguration) {
  return virtual_hosts.slice(0, MAX_HOSTS).map(({ name = '', domains = [] }) => ({
    what: `virtual host ${name}`,
    why: `takes ${domains.slice(0, 4).join(', ')}`,
    because: NOBODY,
  }));
}

function notFound(scene: Scene, { hop }: Held, { request, opened }: Managed): Ending {
  hop.problem ??= 'no-route';
  scene.trace.step('no route: the proxy answers 404');
  return answered('reply', localReply(request, 404, '', 'route_not_found'), kindOfOpened(opened));
}
