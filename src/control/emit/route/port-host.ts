import { type HostIndex, indexHosts, matchWildcard } from '../../../xds/match/virtual-host.ts';
import type { RouteConfiguration, VirtualHost } from '../../../xds/resources.ts';
import { inView, viewAndParts } from '../../resolve/views.ts';
import { type Read, step } from '../../resolve/world.ts';
import { nearHosts } from './sidecar-hosts.ts';
import { configuration, hostsOfPort, nearHost } from './sidecar-routes.ts';
import { unknownDestination } from './unknown-destination.ts';

// The virtual host of a port's route configuration that answers for one host, without the configuration: who asks for
// hosts one by one needs none of it. A change that leaves all names alone leaves what is looked up here alone.

/** The route configuration of a port without its virtual hosts. */
export function headOfPort(name: string): RouteConfiguration {
  const { virtual_hosts: _none, ...head } = configuration(name, [], true);
  return head;
}

/** The virtual host that the whole configuration would pick for clients of a namespace; `host` without port. */
export function hostOfPort(
  read: Read,
  viewKey: string,
  port: number,
  namespace: string,
  host: string,
): VirtualHost {
  const all = read.of(indexOfPort, inView(viewKey, port));
  const near = read.of(nearIndex, inView(viewKey, port, namespace));
  const place =
    all.exact.get(host.toLowerCase()) ?? near.exact.get(host.toLowerCase()) ?? wildcard(all, near, host);
  return place === undefined
    ? read.of(unknownDestination, viewKey)
    : read.of(hostAtPlace, inView(viewKey, port, namespace, place));
}

/** No two domains are equal, so of two that match one is longer. */
function wildcard(all: HostIndex<number>, near: HostIndex<number>, host: string): number | undefined {
  const found = matchWildcard(all, host);
  const other = matchWildcard(near, host);
  if (found === undefined || other === undefined) return (found ?? other)?.value ?? all.any;
  const otherFirst = other.kind === found.kind ? other.length > found.length : other.kind === 'suffix';
  return (otherFirst ? other : found).value;
}

/** Domains of each host, at its place, that clients of all namespaces have for it; by view and port. */
const domainsOfPort = step('domains of a port', (read, key): readonly (readonly string[])[] =>
  read.of(hostsOfPort, key).virtualHosts.map(({ domains = [] }) => domains),
);

const indexOfPort = step('index of a port', (read, key) => indexOf(read.of(domainsOfPort, key).entries()));

/** Domains that only clients of a namespace have; by view, port and namespace. */
const nearIndex = step('near hosts of a port', (read, key): HostIndex<number> => {
  const { viewKey, parts } = viewAndParts(read, key);
  const [port = '', namespace = ''] = parts;
  const { virtualHosts, places } = read.of(hostsOfPort, inView(viewKey, port));
  const own: (readonly [number, readonly string[]])[] = [];
  for (const hostname of read.of(nearHosts, inView(viewKey, namespace)))
    for (const place of places.get(hostname) ?? []) {
      const far = new Set(virtualHosts[place]?.domains);
      const { domains = [] } = read.of(hostAtPlace, inView(viewKey, port, namespace, place));
      own.push([place, domains.filter((domain) => !far.has(domain))]);
    }
  // Of a domain that two have, the first one's counts.
  return indexOf(own.sort(([a], [b]) => a - b));
});

/** By view, port, namespace and place. */
const hostAtPlace = step('virtual host at a place', (read, key): VirtualHost => {
  const { viewKey, parts } = viewAndParts(read, key);
  const [port = '', namespace = '', place = ''] = parts;
  const { hosts, taken } = read.of(hostsOfPort, inView(viewKey, port));
  const host = hosts[Number(place)]!;
  const isNear = read.of(nearHosts, inView(viewKey, namespace)).has(host.hostname);
  return isNear ? nearHost(read, viewKey, host, Number(port), namespace, taken) : host.host;
});

function indexOf(domains: Iterable<readonly [place: number, readonly string[]]>): HostIndex<number> {
  const hosts = [...domains].map(([value, domains]) => ({ domains, value, field: '' }));
  return indexHosts(hosts, () => {});
}
