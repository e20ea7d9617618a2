import {
  type FilterChain,
  type HttpConnectionManager,
  messageOf,
  type Route,
  type VirtualHost,
} from '../../xds/resources.ts';
import { callOf } from './call-of.ts';
import { explain } from './explain.ts';
import type { ExplainMesh } from './mesh.ts';
import { Places } from './places.ts';
import type { ExplainedProxy } from './proxy.ts';

// What a client outside can ask the ingress gateway for, in plain HTTP, and get an answer: to be told to people.

/** One host of the gateway with the first path that is answered. */
export interface Door {
  /** '' where any host will do. */
  readonly host: string;
  readonly path: string;
}

/** Doors that are looked for: more are not told. */
const MAX_DOORS = 16;

/** Every door of the ingress gateway, those for any host first. Each was tried: somebody answers, and not with an error. */
export function doorsOf(mesh: ExplainMesh): readonly Door[] {
  const places = new Places(mesh);
  const { gateways } = places;
  const ingress = gateways.find(({ labels }) => labels['istio'] === 'ingressgateway') ?? gateways[0];
  if (ingress === undefined) return [];
  const doors = virtualHostsOf(places.routerOf(ingress)).flatMap((host) => doorOf(mesh, host) ?? []);
  const byHost = new Map(doors.map((door) => [door.host, door]));
  return [...byHost.values()]
    .sort((a, b) => Number(a.host !== '') - Number(b.host !== ''))
    .slice(0, MAX_DOORS);
}

function virtualHostsOf(router: ExplainedProxy): readonly VirtualHost[] {
  const chains = router.listeners.flatMap(({ object }) => object.filter_chains ?? []);
  const names = new Set(chains.flatMap((chain) => routesOf(chain) ?? []));
  return [...names]
    .flatMap((name) => router.routes(name)?.object.virtual_hosts ?? [])
    .slice(0, 4 * MAX_DOORS);
}

const CONNECTION_MANAGER =
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';

/** Name of the routes of plain HTTP. */
function routesOf({ transport_socket, filters = [] }: FilterChain): string | undefined {
  const config = filters.at(-1)?.typed_config;
  if (transport_socket !== undefined || messageOf(config?.['@type'] ?? '') !== CONNECTION_MANAGER)
    return undefined;
  return (config as HttpConnectionManager).rds?.route_config_name;
}

function doorOf(mesh: ExplainMesh, { domains = [], routes = [] }: VirtualHost): Door | undefined {
  const [domain = '*'] = domains;
  const host = domain === '*' ? '' : domain.replace(/^\*/, 'www').replace(/:(\d+|\*)$/, '');
  for (const route of routes) {
    const path = pathOf(route);
    if (path !== undefined && isAnswered(mesh, host, path)) return { host, path };
  }
  return undefined;
}

/** A path that the route takes of anybody; undefined where it asks for more. */
function pathOf({ match = {} }: Route): string | undefined {
  const { headers = [], query_parameters = [], prefix, path, path_separated_prefix } = match;
  if (headers.length > 0 || query_parameters.length > 0) return undefined;
  return path ?? path_separated_prefix ?? prefix;
}

function isAnswered(mesh: ExplainMesh, host: string, path: string): boolean {
  const request = `GET http://${host === '' ? 'localhost' : host}${path}`;
  const call = callOf({ from: 'outside', request, headers: [], plaintext: false });
  if ('problem' in call) return false;
  const { outcome, status } = explain(mesh, call);
  return (outcome === 'forward' || outcome === 'reply') && status > 0 && status < 400;
}
