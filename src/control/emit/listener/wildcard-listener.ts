import { shortNames } from '../../../mesh/hostname.ts';
import { isHttp, isTls } from '../../../mesh/protocol.ts';
import type { Service, ServicePort } from '../../../mesh/service.ts';
import type { OutboundMode } from '../../../mesh/settings.ts';
import { addressListener, parseAddressListener } from '../../../xds/names.ts';
import type { FilterChain, Listener } from '../../../xds/resources.ts';
import { meshSettings } from '../../resolve/mesh-settings.ts';
import { viewOutboundMode } from '../../resolve/outbound-mode.ts';
import { servicesByAge } from '../../resolve/scoped-services.ts';
import { settingsOfView } from '../../resolve/view-settings.ts';
import { viewAndParts } from '../../resolve/views.ts';
import { type Read, step } from '../../resolve/world.ts';
import { type EmittedListener, emittedListener } from '../emitted.ts';
import { addressRanges, isOnWildcard } from './addressing.ts';
import { closedChains } from './closed-chain.ts';
import { httpInspector, tlsInspector } from './listener-filters.ts';
import { connectionChains, httpChain, passthroughChain } from './outbound-chains.ts';
import { outboundListener } from './outbound-listener.ts';

const ANY_ADDRESS = '0.0.0.0';

/** `0.0.0.0_PORT`: what is called on a port and cannot be told by its address. By view and port. */
export const wildcardListener = step('wildcard listener', (read, key): EmittedListener | undefined => {
  const { viewKey, parts } = viewAndParts(read, key);
  const port = Number(parts[0]);
  const users = usersOf(read, viewKey, port);
  if (users.length === 0) return undefined;
  const name = addressListener(ANY_ADDRESS, port);
  const content = {
    ...chainsOf(read, viewKey, users, name, port),
    // Where only bytes are passed on, nobody looks at them: the server may be the one to speak first.
    ...(users.some(isLookedInto) ? { listener_filters: [tlsInspector(), httpInspector()] } : {}),
  };
  const object = outboundListener(name, ANY_ADDRESS, port, content, read.of(settingsOfView, viewKey));
  return emittedListener(
    object,
    users.map(({ service }) => service.origin),
  );
});

/** The port of a wildcard listener's name. */
export function wildcardPortOf(name: string): number | undefined {
  const parsed = parseAddressListener(name);
  return parsed?.address === ANY_ADDRESS ? parsed.port : undefined;
}

interface User {
  readonly service: Service;
  readonly port: ServicePort;
}

/** Services with the port that have no address of their own for it. */
function usersOf(read: Read, viewKey: string, number: number): User[] {
  return read.of(servicesByAge, viewKey).flatMap((service) => {
    const port = service.ports.find((port) => port.number === number);
    return port === undefined || !isOnWildcard(service, port) ? [] : [{ service, port }];
  });
}

function isLookedInto({ port: { protocol } }: User): boolean {
  return isHttp(protocol) || isTls(protocol) || protocol === 'auto';
}

function chainsOf(
  read: Read,
  viewKey: string,
  users: readonly User[],
  name: string,
  port: number,
): Partial<Listener> {
  const http = users.some(({ port }) => isHttp(port.protocol) || port.protocol === 'auto');
  const byName = users
    .filter(({ port }) => isTls(port.protocol))
    .flatMap(({ service, port }) =>
      connectionChains(read, viewKey, service, port, true, {
        serverNames: serverNames(read, service),
        ranges: addressRanges(service),
      }),
    );
  const bytes = users.filter(({ port }) => !isHttp(port.protocol) && !isTls(port.protocol));
  const ranged = bytes.flatMap((user) => rangedChains(read, viewKey, user));
  return {
    filter_chains: [
      ...closedChains(read, read.of(settingsOfView, viewKey)),
      ...distinctMatches([...byName, ...ranged]),
      ...(http ? [httpChain(read, viewKey, name, String(port))] : []),
    ],
    default_filter_chain: fallbackChain(read, viewKey, onlyUser(bytes, read.of(viewOutboundMode, viewKey))),
  };
}

/** What clients may ask for by TLS: the service's name, in full or without the cluster's domain. */
function serverNames(read: Read, { hostname }: Service): readonly string[] {
  return [hostname, ...shortNames(hostname, '', read.of(meshSettings, '').clusterDomain)];
}

/** Services that have ranges of addresses are told apart by them; rules may mean a part of a range. */
function rangedChains(read: Read, viewKey: string, { service, port }: User): FilterChain[] {
  const ranges = addressRanges(service);
  return ranges.length === 0 ? [] : connectionChains(read, viewKey, service, port, false, { ranges });
}

/** Envoy refuses two chains with one match: the first service has it. */
function distinctMatches(chains: readonly FilterChain[]): FilterChain[] {
  const seen = new Set<string>();
  return chains.filter(({ filter_chain_match }) => {
    const text = JSON.stringify(filter_chain_match);
    return seen.has(text) ? false : seen.add(text);
  });
}

/**
 * Who gets bytes that no address tells. Of several services none may answer for another: their bytes go where the
 * client wanted, which, where unknown destinations are refused, takes one that leads there.
 */
function onlyUser(users: readonly User[], mode: OutboundMode): User | undefined {
  const candidates = users.filter(({ service }) => service.addresses.length === 0);
  if (candidates.length <= 1) return candidates[0];
  return mode === 'registry-only'
    ? candidates.find(
        ({ service: { resolution } }) => resolution === 'passthrough' || resolution === 'headless',
      )
    : undefined;
}

/** Bytes that nothing tells: to the one service without any address, else on to where the client wanted, or nowhere. */
function fallbackChain(read: Read, viewKey: string, user: User | undefined): FilterChain {
  if (user !== undefined) {
    const [chain] = connectionChains(read, viewKey, user.service, user.port, false).reverse();
    if (chain !== undefined) return chain;
  }
  return passthroughChain(read, viewKey);
}
