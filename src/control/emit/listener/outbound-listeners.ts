import type { Service, ServicePort } from '../../../mesh/service.ts';
import { addressListener } from '../../../xds/names.ts';
import type { Listener } from '../../../xds/resources.ts';
import { endpoints } from '../../resolve/endpoints.ts';
import { listedService, scopedServices, servicesByAge } from '../../resolve/scoped-services.ts';
import { serviceKey } from '../../resolve/services.ts';
import { settingsOfView } from '../../resolve/view-settings.ts';
import { inView, viewAndParts } from '../../resolve/views.ts';
import { type Read, step } from '../../resolve/world.ts';
import { type EmittedListener, emittedListener } from '../emitted.ts';
import { isOnOwnAddress, isOnWildcard, singleAddresses } from './addressing.ts';
import { egressBinds } from './egress-binds.ts';
import { plainListenerParts, sniffedListenerParts } from './outbound-chains.ts';
import { outboundListener } from './outbound-listener.ts';
import { wildcardListener, wildcardPortOf } from './wildcard-listener.ts';

// Listeners of intercepted calls, picked by the address that was called (virtualOutbound hands over to them):
// `ADDRESS_PORT` where a service has an address that tells it from others and its bytes do not (TCP, TLS, unknown
// protocols), `0.0.0.0_PORT` for everything else on a port: HTTP, which is told apart by its host, above all.

/** All of a view, by its key. */
export const outboundListeners = step('outbound listeners', (read, viewKey): readonly EmittedListener[] => {
  const list = read.of(servicesByAge, viewKey);
  const own = list.flatMap((service) => read.of(listenersOfService, inView(viewKey, service.hostname)));
  const wildcards = read
    .of(wildcardPorts, viewKey)
    .map((port) => read.of(wildcardListener, inView(viewKey, port)));
  // Several services may have one address (externalIPs, ServiceEntries): the oldest has it.
  const byName = new Map<string, EmittedListener>();
  for (const listener of [...read.of(egressBinds, viewKey), ...own, ...wildcards].filter(
    (listener) => listener !== undefined,
  ))
    if (!byName.has(listener.name)) byName.set(listener.name, listener);
  return [...byName.values()];
});

/** One of them by view and name; undefined where there is none. Works out no other than that. */
export const outboundListenerNamed = step(
  'outbound listener by name',
  (read, key): EmittedListener | undefined => {
    const { viewKey, parts } = viewAndParts(read, key);
    const [name = ''] = parts;
    const bound = read.of(egressBinds, viewKey).find((listener) => listener.name === name);
    if (bound !== undefined) return bound;
    const owner = read.of(ownersOfAddresses, viewKey).get(name);
    if (owner !== undefined)
      return read.of(listenersOfService, inView(viewKey, owner)).find((one) => one.name === name);
    const port = wildcardPortOf(name);
    return port === undefined ? undefined : read.of(wildcardListener, inView(viewKey, port));
  },
);

/** The service whose listener has a name, by view: the oldest. */
const ownersOfAddresses = step('owners of addresses', (read, viewKey): ReadonlyMap<string, string> => {
  const owners = new Map<string, string>();
  for (const service of read.of(servicesByAge, viewKey))
    for (const port of service.ports)
      if (isOnOwnAddress(service, port))
        for (const [address, number] of addressesOf(read, service, port)) {
          const name = addressListener(address, number);
          if (!owners.has(name)) owners.set(name, service.hostname);
        }
  return owners;
});

/** Ports with a wildcard listener. */
const wildcardPorts = step('wildcard ports', (read, viewKey): readonly number[] => {
  const ports = new Set<number>();
  for (const service of read.of(scopedServices, viewKey).intercepted)
    for (const port of service.ports) if (isOnWildcard(service, port)) ports.add(port.number);
  return [...ports].sort((a, b) => a - b);
});

/** How many endpoints of a headless service get a listener of their own. */
const MAX_HEADLESS_LISTENERS = 1000;

/** Listeners on the addresses of one service, by view and hostname. */
const listenersOfService = step('listeners of a service', (read, key): readonly EmittedListener[] => {
  const { viewKey } = viewAndParts(read, key);
  const service = read.of(listedService, key);
  if (service === undefined) return [];
  return service.ports
    .filter((port) => isOnOwnAddress(service, port))
    .flatMap((port) =>
      addressesOf(read, service, port).map(([address, number]) =>
        emittedListener(listenerAt(read, viewKey, service, port, address, number), [service.origin]),
      ),
    );
});

/** Where clients call the port: the service's addresses, or, without one, its endpoints' own. */
function addressesOf(
  read: Read,
  service: Service,
  port: ServicePort,
): (readonly [address: string, port: number])[] {
  if (service.resolution !== 'headless')
    return singleAddresses(service).map((address) => [address, port.number] as const);
  return read
    .of(endpoints, serviceKey(service))
    .slice(0, MAX_HEADLESS_LISTENERS)
    .flatMap(({ address, ports }) => {
      const own = ports.get(port.number);
      if (own === undefined) return [];
      // By the service's number, as Istio has it; who looks the port up (SRV) calls the endpoint's own.
      return [...new Set([port.number, own])].map((number) => [address, number] as const);
    });
}

function listenerAt(
  read: Read,
  viewKey: string,
  service: Service,
  port: ServicePort,
  address: string,
  number: number,
): Listener {
  const name = addressListener(address, number);
  const parts =
    port.protocol === 'auto'
      ? sniffedListenerParts(read, viewKey, service, port, name)
      : plainListenerParts(read, viewKey, service, port);
  return outboundListener(name, address, number, parts, read.of(settingsOfView, viewKey));
}
