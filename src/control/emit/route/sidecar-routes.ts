import { hostPort, parseHostPort, wellKnownNames } from '../../../xds/names.ts';
import type { RouteConfiguration, VirtualHost } from '../../../xds/resources.ts';
import { meshSettings } from '../../resolve/mesh-settings.ts';
import { outboundMode } from '../../resolve/sidecars.ts';
import { inView, viewAndParts } from '../../resolve/views.ts';
import { type Read, step } from '../../resolve/world.ts';
import { type EmittedRoutes, emittedRoutes } from '../emitted.ts';
import { timeouts } from './http-route.ts';
import { type HostRoutes, hostsByPort, serviceHost, unknownHost, unknownHosts } from './sidecar-hosts.ts';

// Route configurations of sidecars: by port (`9080`), of one service whose protocol is sniffed (`HOST:PORT`), and, where
// calls come to a forward proxy, of all ports together (`http_proxy`).

/** One route configuration by view and name; undefined where the view has none of that name. */
export const sidecarRoutes = step('sidecar routes', (read, key): EmittedRoutes | undefined => {
  const { viewKey, parts } = viewAndParts(read, key);
  const [name = ''] = parts;
  if (name === wellKnownNames.httpProxy) return forwardProxyRoutes(read, viewKey);
  if (/^\d{1,5}$/.test(name)) return routesOfPort(read, viewKey, Number(name));
  const single = parseHostPort(name);
  return single === undefined ? undefined : routesOfService(read, viewKey, single.hostname, single.port);
});

/** Large bodies of direct responses are possible: Istio's limit instead of Envoy's 4 KiB. */
const MAX_DIRECT_RESPONSE_BYTES = 1024 * 1024;

function configuration(
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

function routesOfPort(read: Read, viewKey: string, port: number): EmittedRoutes {
  const hosts = hostsOfPort(read, viewKey, port);
  const all = [...withDistinctDomains(hosts), unknownDestination(read, viewKey)];
  return emittedRoutes(
    configuration(String(port), all, true),
    hosts.flatMap(({ origins }) => origins),
  );
}

function hostsOfPort(read: Read, viewKey: string, port: number): HostRoutes[] {
  const services = read.of(hostsByPort, viewKey).get(port) ?? [];
  const unknown = read.of(unknownHosts, viewKey).get(port) ?? [];
  return [
    ...services.map((hostname) => read.of(serviceHost, inView(viewKey, hostname, port))),
    ...unknown.map(([host, rules]) => unknownHost(read, viewKey, host, rules, port)),
  ].filter((host) => host !== undefined);
}

/** Envoy refuses a configuration with one domain twice: the first keeps it. */
function withDistinctDomains(hosts: readonly HostRoutes[]): VirtualHost[] {
  const taken = new Set<string>();
  return hosts
    .map(({ host }) => {
      const domains = (host.domains ?? []).filter((domain) => !taken.has(domain));
      for (const domain of domains) taken.add(domain);
      return domains.length === host.domains?.length ? host : { ...host, domains };
    })
    .filter(({ domains }) => (domains ?? []).length > 0);
}

/** Whoever reached the service's own address means the service, whatever the host says. */
function routesOfService(
  read: Read,
  viewKey: string,
  hostname: string,
  port: number,
): EmittedRoutes | undefined {
  const hosts = read.of(hostsByPort, viewKey).get(port) ?? [];
  const found = hosts.includes(hostname) ? read.of(serviceHost, inView(viewKey, hostname, port)) : undefined;
  if (found === undefined) return undefined;
  const host = { ...found.host, domains: ['*'] };
  return emittedRoutes(configuration(hostPort(hostname, port), [host], false), found.origins);
}

/** Domains with ports: here the port in the request's authority is all that tells the ports apart. */
function forwardProxyRoutes(read: Read, viewKey: string): EmittedRoutes {
  const ports = new Set([...read.of(hostsByPort, viewKey).keys(), ...read.of(unknownHosts, viewKey).keys()]);
  const hosts = [...ports]
    .sort((a, b) => a - b)
    .flatMap((port) => hostsOfPort(read, viewKey, port).map((host) => withPort(host, port)));
  const all = [...withDistinctDomains(hosts), unknownDestination(read, viewKey)];
  return emittedRoutes(
    configuration(wellKnownNames.httpProxy, all, false),
    hosts.flatMap(({ origins }) => origins),
  );
}

function withPort({ host, origins }: HostRoutes, port: number): HostRoutes {
  const plain = host.domains ?? [];
  // Envoy has no domain for "every name below, at a port".
  const withPorts = plain.filter((domain) => !domain.startsWith('*')).map((domain) => hostPort(domain, port));
  return { host: { ...host, domains: port === 80 ? [...plain, ...withPorts] : withPorts }, origins };
}

/** Hosts that nobody knows: passed through, or refused. */
function unknownDestination(read: Read, viewKey: string): VirtualHost {
  const { view } = viewAndParts(read, viewKey);
  const mode =
    read.of(outboundMode, inView(view.sidecar, view.namespace)) ?? read.of(meshSettings, '').outbound;
  if (mode === 'allow-any' && !view.forwardProxy)
    return {
      name: wellKnownNames.allowAny,
      domains: ['*'],
      routes: [
        {
          name: wellKnownNames.allowAny,
          match: { prefix: '/' },
          route: { cluster: wellKnownNames.passthroughCluster, ...timeouts(undefined) },
        },
      ],
      include_request_attempt_count: true,
    };
  return {
    name: wellKnownNames.blockAll,
    domains: ['*'],
    routes: [{ name: wellKnownNames.blockAll, match: { prefix: '/' }, direct_response: { status: 502 } }],
    include_request_attempt_count: true,
  };
}
