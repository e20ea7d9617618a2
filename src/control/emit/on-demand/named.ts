import type { Origin } from '../../../mesh/origin.ts';
import { type HostIndex, indexHosts, matchHost, withoutPort } from '../../../xds/match/virtual-host.ts';
import { parseClusterName, parseVirtualHostResource } from '../../../xds/names.ts';
import type { RouteConfiguration, VirtualHost } from '../../../xds/resources.ts';
import { proxy } from '../../resolve/proxies.ts';
import { inView, viewAndParts, viewKeyOf } from '../../resolve/views.ts';
import { keyOf, partsOf, type Read, step } from '../../resolve/world.ts';
import { clustersOfService } from '../cluster/outbound-cluster.ts';
import {
  type EmittedCluster,
  type EmittedDnsTable,
  type EmittedEndpoints,
  type EmittedListener,
  type EmittedRoutes,
  type EmittedVirtualHost,
  emittedRoutes,
  emittedVirtualHost,
} from '../emitted.ts';
import { assignmentsOfService } from '../endpoint/assignments.ts';
import { dnsTableNamed } from '../listener/dns-listener.ts';
import { outboundListenerNamed } from '../listener/outbound-listeners.ts';
import { patchedClusters } from '../patch/clusters.ts';
import { patchedListeners } from '../patch/listeners.ts';
import { isAboutRoutes } from '../patch/routes.ts';
import { namedKey, patchesOf, proxyRoutes } from '../proxy-resources.ts';
import { headOfPort, hostOfPort } from '../route/port-host.ts';
import { originsOfHosts } from '../route/sidecar-routes.ts';
import { hasManyHosts } from '../route-names.ts';
import { adsSource } from '../sources.ts';

// What a sidecar gets on demand, each by the proxy's key and a name (`demandKey`). Undefined: there is no such thing.

/** Key of the steps of this file. */
export function demandKey(proxyKey: string, name: string): string {
  return keyOf(proxyKey, name);
}

/** The parts of such a key. */
export function splitDemandKey(key: string): readonly [proxyKey: string, name: string] {
  const [proxyKey = '', name = ''] = partsOf(key);
  return [proxyKey, name];
}

/** An outbound listener by the address that is called. */
export const listenerOnDemand = step('listener on demand', (read, key): EmittedListener | undefined => {
  const [proxyKey, name] = splitDemandKey(key);
  const listener = read.of(outboundListenerNamed, inView(read.of(viewKeyOf, proxyKey), name));
  if (listener === undefined) return undefined;
  return patchedListeners([listener], patchesOf(read, proxyKey), false).find((one) => one.name === name);
});

/** A cluster for calls to a service. */
export const clusterOnDemand = step('cluster on demand', (read, key): EmittedCluster | undefined => {
  const [proxyKey, name] = splitDemandKey(key);
  const cluster = read.of(outboundClusterNamed, inView(read.of(viewKeyOf, proxyKey), name));
  if (cluster === undefined) return undefined;
  return patchedClusters([cluster], patchesOf(read, proxyKey)).find((one) => one.name === name);
});

/** An outbound cluster by view and name, before any patch. */
export const outboundClusterNamed = step(
  'outbound cluster by name',
  (read, key): EmittedCluster | undefined => {
    const { viewKey, parts } = viewAndParts(read, key);
    const [name = ''] = parts;
    const parsed = parseClusterName(name);
    if (parsed?.direction !== 'outbound') return undefined;
    return read.of(clustersOfService, inView(viewKey, parsed.hostname)).find((one) => one.name === name);
  },
);

/** The endpoints of an outbound cluster. */
export const endpointsOnDemand = step('endpoints on demand', (read, key): EmittedEndpoints | undefined => {
  const [proxyKey, name] = splitDemandKey(key);
  const parsed = parseClusterName(name);
  if (parsed?.direction !== 'outbound') return undefined;
  const service = inView(read.of(viewKeyOf, proxyKey), parsed.hostname);
  return read.of(assignmentsOfService, service).find((one) => one.name === name);
});

/** The addresses of a name. */
export const dnsTableOnDemand = step('dns table on demand', (read, key): EmittedDnsTable | undefined => {
  const [proxyKey, name] = splitDemandKey(key);
  return read.of(dnsTableNamed, inView(read.of(viewKeyOf, proxyKey), name.toLowerCase()));
});

/** A route configuration: that of a port has no virtual hosts and says where they come from (VHDS). */
export const routesOnDemand = step('routes on demand', (read, key): EmittedRoutes | undefined => {
  const [proxyKey, name] = splitDemandKey(key);
  if (!hasManyHosts(name)) return read.of(proxyRoutes, namedKey(proxyKey, name));
  const head = headOfRoutes(read, proxyKey, name);
  return head && emittedRoutes({ ...head, vhds: { config_source: adsSource } });
});

/** A route configuration of many hosts without them; undefined where there is none of the name. */
export function headOfRoutes(read: Read, proxyKey: string, name: string): RouteConfiguration | undefined {
  if (isPlainPort(read, proxyKey, name)) return headOfPort(name);
  const routes = read.of(proxyRoutes, namedKey(proxyKey, name))?.object;
  if (routes === undefined) return undefined;
  const { virtual_hosts: _hosts, ...head } = routes;
  return head;
}

/** The routes of a port, as nobody's patches change them: hosts are found without the whole of them. */
function isPlainPort(read: Read, proxyKey: string, name: string): boolean {
  return /^\d{1,5}$/.test(name) && !patchesOf(read, proxyKey).some(isAboutRoutes);
}

/**
 * The virtual host that answers for a host, by `ROUTES/HOST`: the one that the whole configuration would pick, so that
 * wildcards and hosts that nobody knows need no thought where requests arrive. Its only domain is the host; no host
 * at all (`ROUTES/`) is what a catch-all answers.
 */
export const virtualHostOnDemand = step(
  'virtual host on demand',
  (read, key): EmittedVirtualHost | undefined => {
    const [proxyKey, name] = splitDemandKey(key);
    const found = virtualHostFor(read, proxyKey, name);
    if (found === undefined) return undefined;
    const { host, object, origins } = found;
    return emittedVirtualHost(name, { ...object, domains: [host || '*'] }, origins);
  },
);

/** What answers for the host of a name `ROUTES/HOST`, as the whole configuration has it; undefined where nothing does. */
export function virtualHostFor(
  read: Read,
  proxyKey: string,
  name: string,
): { readonly host: string; readonly object: VirtualHost; readonly origins: readonly Origin[] } | undefined {
  const { routes: routesName, host } = parseVirtualHostResource(name) ?? { routes: '', host: '' };
  if (!hasManyHosts(routesName)) return undefined;
  const object = isPlainPort(read, proxyKey, routesName)
    ? plainHost(read, proxyKey, Number(routesName), withoutPort(host))
    : hostIn(read.of(proxyRoutes, namedKey(proxyKey, routesName))?.object, host);
  if (object === undefined) return undefined;
  const origins = read.of(originsOfHost, inView(read.of(viewKeyOf, proxyKey), routesName, object.name ?? ''));
  return { host, object, origins };
}

/** By view, name of the route configuration and name of the virtual host. */
const originsOfHost = step('origins of a virtual host', (read, key): readonly Origin[] => {
  const { viewKey, parts } = viewAndParts(read, key);
  const [routesName = '', host = ''] = parts;
  return read.of(originsOfHosts, inView(viewKey, routesName)).get(host) ?? [];
});

function plainHost(read: Read, proxyKey: string, port: number, host: string): VirtualHost {
  return hostOfPort(read, read.of(viewKeyOf, proxyKey), port, read.of(proxy, proxyKey).namespace, host);
}

function hostIn(routes: RouteConfiguration | undefined, host: string): VirtualHost | undefined {
  if (routes === undefined) return undefined;
  return matchHost(indexOf(routes), routes.ignore_port_in_host_matching ? withoutPort(host) : host);
}

/** Made once for each configuration: every host that a proxy asks for is looked up in it. */
const indexes = new WeakMap<RouteConfiguration, HostIndex<VirtualHost>>();

function indexOf(routes: RouteConfiguration): HostIndex<VirtualHost> {
  let index = indexes.get(routes);
  if (index === undefined) {
    const hosts = (routes.virtual_hosts ?? []).map((value) => ({
      domains: value.domains ?? [],
      value,
      field: '',
    }));
    index = indexHosts(hosts, () => {}); // of a domain that two have, the first one's counts
    indexes.set(routes, index);
  }
  return index;
}
