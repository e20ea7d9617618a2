import type { Origin } from '../../../mesh/origin.ts';
import { hostPort, parseHostPort, wellKnownNames } from '../../../xds/names.ts';
import type { RouteConfiguration, VirtualHost } from '../../../xds/resources.ts';
import { inView, viewAndParts } from '../../resolve/views.ts';
import { type Read, step } from '../../resolve/world.ts';
import { distinct, type EmittedRoutes, emittedRoutes } from '../emitted.ts';
import {
  type HostRoutes,
  hostsByPort,
  nearHosts,
  serviceHost,
  unknownHost,
  unknownHosts,
} from './sidecar-hosts.ts';
import { unknownDestination } from './unknown-destination.ts';

// Route configurations of sidecars: by port (`9080`), of one service whose protocol is sniffed (`HOST:PORT`), and, where
// calls come to a forward proxy, of all ports together (`http_proxy`).

/** One route configuration by view, name and the proxy's namespace; undefined where the view has none of that name. */
export const sidecarRoutes = step('sidecar routes', (read, key): EmittedRoutes | undefined => {
  const { viewKey, parts } = viewAndParts(read, key);
  const [name = '', namespace = ''] = parts;
  if (name === wellKnownNames.httpProxy) return forwardProxyRoutes(read, viewKey, namespace);
  if (/^\d{1,5}$/.test(name)) return routesOfPort(read, viewKey, Number(name), namespace);
  const single = parseHostPort(name);
  return single === undefined
    ? undefined
    : read.of(routesOfService, inView(viewKey, single.hostname, single.port));
});

/** What made each virtual host of a route configuration, by the host's name; by view and the configuration's name. */
export const originsOfHosts = step(
  'origins of virtual hosts',
  (read, key): ReadonlyMap<string, readonly Origin[]> => {
    const { viewKey, parts } = viewAndParts(read, key);
    const [name = ''] = parts;
    const ports =
      name === wellKnownNames.httpProxy
        ? [...read.of(hostsByPort, viewKey).keys(), ...read.of(unknownHosts, viewKey).keys()]
        : [Number(name)];
    return new Map(
      [...new Set(ports)].flatMap((port) =>
        read
          .of(hostsOfPort, inView(viewKey, port))
          .hosts.map(({ host, origins }) => [host.name ?? '', origins] as const),
      ),
    );
  },
  Object.is,
);

/** Large bodies of direct responses are possible: Istio's limit instead of Envoy's 4 KiB. */
const MAX_DIRECT_RESPONSE_BYTES = 1024 * 1024;

export function configuration(
  name: string,
  virtual_hosts: readonly VirtualHost[],
  ignorePort: boolean,
): RouteConfiguration {
  return {
    name,
    virtual_hosts,
    // Routes may be there before their clusters are, or after: then requests are answered as such.
    validate_clusters: false,
    max_direct_response_body_size_bytes: MAX_DIRECT_RESPONSE_BYTES,
    ...(ignorePort ? { ignore_port_in_host_matching: true } : {}),
  };
}

function routesOfPort(read: Read, viewKey: string, port: number, namespace: string): EmittedRoutes {
  const { hosts, virtualHosts, origins, taken, places } = read.of(hostsOfPort, inView(viewKey, port));
  const ofNamespace = [...virtualHosts];
  // A few of thousands. The first keeps a shorter name, too: an alias with rules comes before what it is an alias of.
  const near = [...read.of(nearHosts, inView(viewKey, namespace))].flatMap((name) => places.get(name) ?? []);
  const claimed = new Set<string>();
  for (const place of near.sort((a, b) => a - b)) {
    const host = nearHost(read, viewKey, hosts[place]!, port, namespace, taken, claimed);
    for (const domain of host.domains ?? []) claimed.add(domain);
    ofNamespace[place] = host;
  }
  return emittedRoutes(
    configuration(String(port), [...ofNamespace, read.of(unknownDestination, viewKey)], true),
    origins,
  );
}

const NONE: ReadonlySet<string> = new Set();

/**
 * The same virtual host with the shorter names that clients of its namespace have, but for those that are `taken` on the
 * port, or `claimed` by such a host before it.
 */
export function nearHost(
  read: Read,
  viewKey: string,
  far: HostRoutes,
  port: number,
  namespace: string,
  taken: ReadonlySet<string>,
  claimed: ReadonlySet<string> = NONE,
): VirtualHost {
  const host = read.of(serviceHost, inView(viewKey, far.hostname, port, namespace))?.host;
  if (host === undefined) return far.host;
  const own = new Set(far.host.domains);
  const domains = (host.domains ?? []).filter(
    (domain) => own.has(domain) || !(taken.has(domain) || claimed.has(domain)),
  );
  return domains.length === host.domains?.length ? host : { ...host, domains };
}

/** What is on a port, the same for clients of all namespaces. */
interface PortHosts {
  readonly hosts: readonly HostRoutes[];
  /** Those of `hosts`, at the same places. */
  readonly virtualHosts: readonly VirtualHost[];
  /** Where in `hosts` a service's are. */
  readonly places: ReadonlyMap<string, readonly number[]>;
  readonly origins: readonly Origin[];
  /** All domains. */
  readonly taken: ReadonlySet<string>;
}

/** Virtual hosts of a port with the names that everybody has for them; by view and port. */
export const hostsOfPort = step('hosts of a port', (read, key): PortHosts => {
  const { viewKey, parts } = viewAndParts(read, key);
  const port = Number(parts[0]);
  const services = read.of(hostsByPort, viewKey).get(port) ?? [];
  const unknown = read.of(unknownHosts, viewKey).get(port) ?? [];
  // What rules name in full counts before the short names of services.
  const all = [
    ...unknown.map(([host, rules]) => unknownHost(read, viewKey, host, rules, port)),
    ...services.map((hostname) => read.of(serviceHost, inView(viewKey, hostname, port, ''))),
  ].filter((host) => host !== undefined);
  const taken = new Set<string>();
  const hosts = withDistinctDomains(all, taken);
  const places = new Map<string, number[]>();
  for (const [place, { hostname }] of hosts.entries()) {
    const known = places.get(hostname);
    if (known === undefined) places.set(hostname, [place]);
    else known.push(place);
  }
  return {
    hosts,
    virtualHosts: hosts.map(({ host }) => host),
    places,
    origins: distinct(all.flatMap(({ origins }) => origins)),
    taken,
  };
});

/** Envoy refuses a configuration with one domain twice: the first keeps it. */
function withDistinctDomains(hosts: readonly HostRoutes[], taken: Set<string>): HostRoutes[] {
  return hosts
    .map((host) => {
      const all = host.host.domains ?? [];
      const domains = all.filter((domain) => !taken.has(domain));
      for (const domain of domains) taken.add(domain);
      return domains.length === all.length ? host : { ...host, host: { ...host.host, domains } };
    })
    .filter(({ host }) => (host.domains ?? []).length > 0);
}

/** Whoever reached the service's own address means the service, whatever the host says. By view, hostname and port. */
const routesOfService = step('routes of a service', (read, key): EmittedRoutes | undefined => {
  const { viewKey, parts } = viewAndParts(read, key);
  const [hostname = '', port = ''] = parts;
  const hosts = read.of(hostsByPort, viewKey).get(Number(port)) ?? [];
  const found = hosts.includes(hostname)
    ? read.of(serviceHost, inView(viewKey, hostname, port, ''))
    : undefined;
  if (found === undefined) return undefined;
  const host = { ...found.host, domains: ['*'] };
  return emittedRoutes(configuration(hostPort(hostname, Number(port)), [host], false), found.origins);
});

/** Domains with ports: here the port in the request's authority is all that tells the ports apart. */
function forwardProxyRoutes(read: Read, viewKey: string, namespace: string): EmittedRoutes {
  const ports = new Set([...read.of(hostsByPort, viewKey).keys(), ...read.of(unknownHosts, viewKey).keys()]);
  const near = read.of(nearHosts, inView(viewKey, namespace));
  const hosts = [...ports]
    .sort((a, b) => a - b)
    .flatMap((port) =>
      read.of(hostsOfPort, inView(viewKey, port)).hosts.map((host) => {
        const ofNamespace = near.has(host.hostname)
          ? read.of(serviceHost, inView(viewKey, host.hostname, port, namespace))
          : undefined;
        return withPort(ofNamespace ?? host, port);
      }),
    );
  const distinctHosts = withDistinctDomains(hosts, new Set()).map(({ host }) => host);
  const object = configuration(
    wellKnownNames.httpProxy,
    [...distinctHosts, read.of(unknownDestination, viewKey)],
    false,
  );
  return emittedRoutes(
    object,
    hosts.flatMap(({ origins }) => origins),
  );
}

function withPort({ hostname, host, origins }: HostRoutes, port: number): HostRoutes {
  const plain = host.domains ?? [];
  // Envoy has no domain for "every name below, at a port".
  const withPorts = plain.filter((domain) => !domain.startsWith('*')).map((domain) => hostPort(domain, port));
  const domains = port === 80 ? [...plain, ...withPorts] : withPorts;
  return { hostname, host: { ...host, domains }, origins };
}
