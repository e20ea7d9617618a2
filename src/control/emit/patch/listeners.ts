import { wellKnownNames } from '../../../xds/names.ts';
import type { FilterChain, HttpConnectionManager, Listener } from '../../../xds/resources.ts';
import type { EnvoyPatch, PatchMatch } from '../../resolve/envoy-filter/patch.ts';
import { type EmittedListener, emittedListener, sortedByName } from '../emitted.ts';
import { applied, changedEach, notTaken } from './apply.ts';
import { changeList } from './list-change.ts';
import { mergeFilter, mergeMessages } from './merge.ts';
import { inPhases } from './phases.ts';
import { changeRoutes, isAboutRoutes } from './routes.ts';

const PLACES: ReadonlySet<string> = new Set([
  'LISTENER',
  'LISTENER_FILTER',
  'FILTER_CHAIN',
  'NETWORK_FILTER',
  'HTTP_FILTER',
]);

type Filter = NonNullable<FilterChain['filters']>[number];
type HttpFilter = NonNullable<HttpConnectionManager['http_filters']>[number];

/** The listeners of a proxy with its patches; the same list where none is about listeners. */
export function patchedListeners(
  listeners: readonly EmittedListener[],
  all: readonly EnvoyPatch[],
  router: boolean,
): readonly EmittedListener[] {
  const changed = changedListeners(listeners, all, router);
  const added = addedListeners(all, [changed]);
  return added.length === 0 ? changed : sortedByName([...changed, ...added]);
}

/** The listeners as patches change them, without those that patches remove; the same list where none is about listeners. */
export function changedListeners(
  listeners: readonly EmittedListener[],
  all: readonly EnvoyPatch[],
  router: boolean,
): readonly EmittedListener[] {
  // Routes of inbound listeners are within them.
  const patches = all.filter(
    (patch) => (PLACES.has(patch.applyTo) || isAboutRoutes(patch)) && !addsListener(patch),
  );
  if (patches.length === 0) return listeners;
  const isRemoval = ({ applyTo, operation }: EnvoyPatch) => applyTo === 'LISTENER' && operation === 'REMOVE';
  const removals = patches.filter(isRemoval);
  const changes = inPhases(patches.filter((patch) => !isRemoval(patch)));
  const change = (listener: EmittedListener): EmittedListener | undefined =>
    removals.some((patch) => isMeant(patch, listener.object, router))
      ? undefined
      : applied(listener, changes, (object, patch) => changeListener(object, patch, router));
  return sortedByName(changedEach(listeners, all, change));
}

/** The listeners that patches add; one whose name is taken is not added. */
export function addedListeners(
  all: readonly EnvoyPatch[],
  present: readonly (readonly EmittedListener[])[],
): readonly EmittedListener[] {
  const added = all
    .filter(addsListener)
    .map((patch) => [patch, emittedListener(patch.value as Listener, [patch.origin])] as const);
  return notTaken(added, present);
}

function addsListener({ applyTo, operation }: EnvoyPatch): boolean {
  return applyTo === 'LISTENER' && operation === 'ADD';
}

function changeListener(listener: Listener, patch: EnvoyPatch, router: boolean): Listener {
  if (isAboutRoutes(patch)) return changeChains(listener, patch, () => true);
  if (!isMeant(patch, listener, router)) return listener;
  const { operation, applyTo, value } = patch;
  if (applyTo === 'LISTENER')
    return operation === 'REPLACE'
      ? (value as Listener)
      : mergeMessages(listener, value, operation === 'MERGE' ? 'join' : 'replace');
  if (applyTo === 'LISTENER_FILTER') return changeListenerFilters(listener, patch);
  if (applyTo === 'FILTER_CHAIN') return changeChainList(listener, patch);
  return changeChains(listener, patch, (chain) => chainIsMeant(patch.match, chain, listener));
}

/** Whether the listener is on the right side and port and has the right name. */
function isMeant(
  { applyTo, match: { context = 'ANY', listener: wanted } }: EnvoyPatch,
  listener: Listener,
  router: boolean,
): boolean {
  const inbound = listener.traffic_direction === 'INBOUND';
  if (context === 'SIDECAR_INBOUND' && (router || !inbound)) return false;
  if (context === 'SIDECAR_OUTBOUND' && (router || inbound)) return false;
  if (wanted?.name && wanted.name !== listener.name) return false;
  // Behind the sockets that take everything ports are those of the chains.
  if (applyTo !== 'LISTENER' && isVirtual(listener)) return true;
  return !wanted?.portNumber || wanted.portNumber === listener.address?.socket_address?.port_value;
}

function isVirtual({ name }: Listener): boolean {
  return name === wellKnownNames.virtualInbound || name === wellKnownNames.virtualOutbound;
}

function chainIsMeant({ listener: wanted }: PatchMatch, chain: FilterChain, listener: Listener): boolean {
  const match = chain.filter_chain_match ?? {};
  const { name, sni, transportProtocol, applicationProtocols, destinationPort } = wanted?.filterChain ?? {};
  if (wanted?.portNumber && isVirtual(listener) && wanted.portNumber !== match.destination_port) return false;
  return (
    (!name || name === chain.name) &&
    (!sni || (match.server_names ?? []).includes(sni)) &&
    (!transportProtocol || transportProtocol === match.transport_protocol) &&
    (!applicationProtocols ||
      applicationProtocols.split(',').every((one) => match.application_protocols?.includes(one.trim()))) &&
    (!destinationPort || destinationPort === match.destination_port)
  );
}

function changeListenerFilters(listener: Listener, patch: EnvoyPatch): Listener {
  const name = patch.match.listener?.listenerFilter ?? '';
  const filters = listener.listener_filters ?? [];
  const changed = changeList(filters, patch, {
    matches: (filter) => name === '' || filter.name === name,
    namesItem: name !== '',
    onlyNamed: ['REMOVE', 'MERGE', 'MERGE_AND_REPLACE_LIST'],
    merge: mergeFilter,
  });
  return changed === filters ? listener : { ...listener, listener_filters: changed };
}

function changeChainList(listener: Listener, patch: EnvoyPatch): Listener {
  const chains = listener.filter_chains ?? [];
  const matches = (chain: FilterChain) => chainIsMeant(patch.match, chain, listener);
  const namesItem = Object.keys(patch.match.listener?.filterChain ?? {}).length > 0;
  const changed = changeList(chains, patch, { matches, namesItem });
  const fallback = listener.default_filter_chain;
  // The chain for everything else can be merged with; it is neither taken out nor has others beside it.
  const merges = fallback !== undefined && patch.operation.startsWith('MERGE');
  const after = merges ? changeList([fallback], patch, { matches, namesItem })[0] : fallback;
  if (changed === chains && after === fallback) return listener;
  return { ...listener, filter_chains: changed, ...(after && { default_filter_chain: after }) };
}

function changeChains(
  listener: Listener,
  patch: EnvoyPatch,
  meant: (chain: FilterChain) => boolean,
): Listener {
  let changed = false;
  const change = (chain: FilterChain): FilterChain => {
    const after = meant(chain) ? changeFilters(chain, patch, listener) : chain;
    if (after !== chain) changed = true;
    return after;
  };
  const filter_chains = (listener.filter_chains ?? []).map(change);
  const fallback = listener.default_filter_chain && change(listener.default_filter_chain);
  return changed
    ? { ...listener, filter_chains, ...(fallback && { default_filter_chain: fallback }) }
    : listener;
}

const CONNECTION_MANAGER = 'envoy.filters.network.http_connection_manager';

function isTerminal({ name = '' }: Filter): boolean {
  return name === CONNECTION_MANAGER || name === 'envoy.filters.network.tcp_proxy';
}

function changeFilters(chain: FilterChain, patch: EnvoyPatch, listener: Listener): FilterChain {
  const filters = chain.filters ?? [];
  if (patch.applyTo === 'NETWORK_FILTER') {
    const name = patch.match.listener?.filterChain?.filter?.name ?? '';
    const matches = (filter: Filter) => name === '' || filter.name === name;
    const changed = changeList(filters, patch, {
      matches,
      namesItem: name !== '',
      onlyNamed: ['REMOVE'],
      merge: mergeFilter,
      isLast: isTerminal,
    });
    return changed === filters ? chain : { ...chain, filters: changed };
  }
  const at = filters.findIndex(({ name }) => name === CONNECTION_MANAGER);
  const manager = filters[at]?.typed_config as HttpConnectionManager | undefined;
  if (manager === undefined) return chain;
  const changed = isAboutRoutes(patch)
    ? changeInnerRoutes(manager, patch, listener)
    : changeHttp(manager, patch);
  if (changed === manager) return chain;
  const replaced = { ...filters[at], typed_config: changed } as Filter;
  return { ...chain, filters: filters.map((filter, i) => (i === at ? replaced : filter)) };
}

function changeInnerRoutes(
  manager: HttpConnectionManager,
  patch: EnvoyPatch,
  listener: Listener,
): HttpConnectionManager {
  if (manager.route_config === undefined) return manager;
  const side = listener.traffic_direction === 'INBOUND' ? 'inbound' : 'outbound';
  const route_config = changeRoutes(manager.route_config, patch, { side });
  return route_config === manager.route_config ? manager : { ...manager, route_config };
}

/** Filters that Istio's chains always have, and weft's only where they do something: all behind what lets requests in. */
const STANDARD_FILTERS: ReadonlySet<string> = new Set([
  'envoy.filters.http.grpc_stats',
  'istio.stats',
  'istio.alpn',
  'envoy.filters.http.fault',
  'envoy.filters.http.cors',
]);

/** Where a patch puts its filter beside a standard one that is not there: before the router, as it would have come. */
function besideAbsent(
  filters: readonly HttpFilter[],
  patch: EnvoyPatch,
  name: string,
): readonly HttpFilter[] | undefined {
  const inserts = patch.operation === 'INSERT_BEFORE' || patch.operation === 'INSERT_AFTER';
  const at = filters.findIndex((filter) => filter.name === ROUTER);
  if (!inserts || at < 0 || !STANDARD_FILTERS.has(name)) return undefined;
  return [...filters.slice(0, at), patch.value as HttpFilter, ...filters.slice(at)];
}

const ROUTER = 'envoy.filters.http.router';

function changeHttp(manager: HttpConnectionManager, patch: EnvoyPatch): HttpConnectionManager {
  const { name: outer = '', subFilter } = patch.match.listener?.filterChain?.filter ?? {};
  if (outer !== '' && outer !== CONNECTION_MANAGER) return manager;
  const filters = manager.http_filters ?? [];
  const { name = '' } = subFilter ?? {};
  if (filters.every((filter) => filter.name !== name)) {
    const added = besideAbsent(filters, patch, name);
    if (added !== undefined) return { ...manager, http_filters: added };
  }
  const changed = changeList(filters, patch, {
    matches: (filter: HttpFilter) => name === '' || filter.name === name,
    namesItem: name !== '',
    onlyNamed: ['REMOVE'],
    merge: mergeFilter,
    isLast: (filter: HttpFilter) => filter.name === ROUTER,
  });
  return changed === filters ? manager : { ...manager, http_filters: changed };
}
