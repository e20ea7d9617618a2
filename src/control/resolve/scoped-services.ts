import type { View } from '../../mesh/proxy.ts';
import type { Destination, RuleSet } from '../../mesh/route.ts';
import { compareAge, type Service } from '../../mesh/service.ts';
import { sidecarRules } from './rules-for.ts';
import { indexed, type ServiceIndex, visibleServices } from './services.ts';
import { asListened, inScope, intercepted, sidecarScope, takenPorts } from './sidecars.ts';
import { viewAndParts } from './views.ts';
import { keyOf, type Read, step } from './world.ts';

/** What the proxies of a view know; what only rules lead to is led to, too. */
export interface ScopedServices extends ServiceIndex {
  /** Those of `list` by hostname. */
  readonly listed: ReadonlyMap<string, Service>;
  /** Those of `list` whose calls are intercepted, with the ports on which they are. */
  readonly intercepted: readonly Service[];
}

/** The services that the proxies of a view know, by the view's key. */
export const scopedServices = step('services of a view', (read, key): ScopedServices => {
  const { view } = viewAndParts(read, key);
  const visible = read.of(visibleServices, view.namespace);
  const scope = read.of(sidecarScope, keyOf(view.sidecar, view.namespace));
  if (scope === undefined) return { ...visible, listed: visible.byHost, intercepted: visible.list };
  const taken = takenPorts(scope, visible.list);
  const known = visible.list
    .map((service) => inScope(scope, service, taken))
    .filter((service) => service !== undefined);
  const proxy = visible.byHost.get(scope.egressProxy?.host ?? '');
  const all = [...known, ...routedTo(read, view, visible), ...(proxy === undefined ? [] : [proxy])];
  const { list: reached, ledTo, byHost } = indexed(withAllPorts(all), view.namespace);
  const { list, byHost: listed } = indexed(
    distinctHosts(known.map((service) => asListened(scope, service))),
    view.namespace,
  );
  const byRules = reached.filter(({ hostname }) => !listed.has(hostname));
  const seen = list.map((service) => intercepted(scope, service)).filter((service) => service !== undefined);
  return { list, ledTo: [...ledTo, ...byRules], byHost, listed, intercepted: seen };
});

/** All services of a view, whether they can be called by a name or are only led to. */
export function everyService(read: Read, viewKey: string): readonly Service[] {
  const { list, ledTo } = read.of(scopedServices, viewKey);
  return ledTo.length === 0 ? list : [...list, ...ledTo];
}

/** The intercepted ones, the oldest first: of several that want one address, the oldest has it. By the view's key. */
export const servicesByAge = step('services by age', (read, key): readonly Service[] =>
  [...read.of(scopedServices, key).intercepted].sort((a, b) => compareAge(a.age, b.age)),
);

/** A service that is reached in several ways has the ports of all of them, in the order of the first. */
function withAllPorts(all: readonly Service[]): readonly Service[] {
  const byHost = new Map<string, Service>();
  for (const service of all) {
    const other = byHost.get(service.hostname);
    const more = service.ports.filter(({ number }) => !other?.ports.some((port) => port.number === number));
    if (other === undefined) byHost.set(service.hostname, service);
    else if (more.length > 0) byHost.set(service.hostname, { ...other, ports: [...other.ports, ...more] });
  }
  return [...byHost.values()];
}

/** A service that is known in several ways is known as it is first: with the ports that the Sidecar names. */
function distinctHosts(all: readonly Service[]): readonly Service[] {
  const seen = new Set<string>();
  return all.filter(({ hostname }) => (seen.has(hostname) ? false : seen.add(hostname)));
}

/** One service of a view by hostname, as listeners have it; undefined where it is only reached by rules or sockets. */
export const listedService = step('listed service of a view', (read, key): Service | undefined => {
  const { viewKey, parts } = viewAndParts(read, key);
  return read.of(interceptedByHost, viewKey).get(parts[0] ?? '');
});

const interceptedByHost = step(
  'intercepted services',
  (read, viewKey): ReadonlyMap<string, Service> =>
    new Map(read.of(scopedServices, viewKey).intercepted.map((service) => [service.hostname, service])),
);

/** One service of a view by hostname. */
export const scopedService = step('service of a view', (read, key): Service | undefined => {
  const { viewKey, parts } = viewAndParts(read, key);
  return read.of(scopedServices, viewKey).byHost.get(parts[0] ?? '');
});

/** Where the rules lead that hold here: whoever may call their hosts, services or not, must be able to get there. */
function routedTo(read: Read, view: View, visible: ServiceIndex): Service[] {
  return sidecarRules(read, view)
    .flatMap(destinationsOf)
    .map(({ host, port }) => onPort(visible.byHost.get(host), port))
    .filter((service) => service !== undefined);
}

/** The service with the one port that is led to, where one is named. */
function onPort(service: Service | undefined, number: number | undefined): Service | undefined {
  if (service === undefined || number === undefined) return service;
  const ports = service.ports.filter((port) => port.number === number);
  return ports.length === service.ports.length ? service : { ...service, ports };
}

/** All hosts that a rule set names as destinations. */
export function destinationHosts(rules: RuleSet): string[] {
  return destinationsOf(rules).map(({ host }) => host);
}

function destinationsOf(rules: RuleSet): Destination[] {
  const forwards = [...rules.tls, ...rules.tcp].flatMap(({ destinations }) => destinations);
  for (const { action } of rules.http) if (action.type === 'forward') forwards.push(...action.destinations);
  const mirrors = rules.http.flatMap((rule) => rule.mirrors);
  return [...forwards, ...mirrors].map(({ destination }) => destination);
}
