import { wellKnownNames } from '../../xds/names.ts';
import type { HttpConnectionManager, Listener } from '../../xds/resources.ts';

/** Names of the route configurations that a listener asks for, in the order of its chains. */
export function routeNamesOf(listener: Listener): readonly string[] {
  const chains = [...(listener.filter_chains ?? [])];
  if (listener.default_filter_chain !== undefined) chains.push(listener.default_filter_chain);
  return chains
    .flatMap(({ filters }) => filters ?? [])
    .map(({ typed_config }) => (typed_config as HttpConnectionManager | undefined)?.rds?.route_config_name)
    .filter((name) => name !== undefined);
}

/** Whether routes of this name are those of a port, or of all ports together; those of one service are one virtual host. */
export function hasManyHosts(routes: string): boolean {
  return /^\d{1,5}$/.test(routes) || routes === wellKnownNames.httpProxy;
}
