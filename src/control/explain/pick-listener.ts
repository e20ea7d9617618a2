import type { Listener } from '../../xds/resources.ts';
import type { EmittedListener } from '../emit/emitted.ts';
import type { Connection } from './connection.ts';
import type { ExplainedProxy } from './proxy.ts';

/** Which listener takes a connection, and, of handed over ones, who accepted it. */
export interface PickedListener {
  readonly listener: EmittedListener;
  readonly acceptedBy: EmittedListener;
}

/**
 * The listener of a redirected connection out of or into a workload. The one with the socket hands connections over by
 * their original destination where it says so: to `ADDRESS_PORT`, else `0.0.0.0_PORT`, else it keeps them.
 */
export function pickRedirected(
  proxy: ExplainedProxy,
  direction: 'OUTBOUND' | 'INBOUND',
  { destination: { address, port } }: Connection,
): PickedListener | undefined {
  const acceptedBy = proxy.listeners.find(({ object }) => isInterceptor(object, direction));
  if (acceptedBy === undefined) return undefined;
  if (acceptedBy.object.use_original_dst !== true) return { listener: acceptedBy, acceptedBy };
  const any = address.includes(':') ? '::' : '0.0.0.0';
  const listener = listenerOf(proxy, address, port) ?? listenerOf(proxy, any, port) ?? acceptedBy;
  return { listener, acceptedBy };
}

/** The listener that a connection reaches by its own address: at gateways, and where nothing is redirected. */
export function pickBound(
  proxy: ExplainedProxy,
  { destination: { address, port } }: Connection,
): PickedListener | undefined {
  const bound = proxy.listeners.filter(({ object }) => object.bind_to_port !== false && !isUdp(object));
  const at = (wanted: string) => bound.find(({ object }) => isAt(object, wanted, port));
  // On a shared host everybody is at 127.0.0.1, whatever the address is called.
  const shared = proxy.workload?.explicit !== undefined;
  const listener = at(address) ?? at('0.0.0.0') ?? at('::') ?? (shared ? at('127.0.0.1') : undefined);
  return listener && { listener, acceptedBy: listener };
}

function isInterceptor(listener: Listener, direction: string): boolean {
  if (listener.traffic_direction !== direction || listener.bind_to_port === false) return false;
  const finds = (listener.listener_filters ?? []).some(({ typed_config }) =>
    typed_config?.['@type'].endsWith('.OriginalDst'),
  );
  return listener.use_original_dst === true || finds;
}

function listenerOf(proxy: ExplainedProxy, address: string, port: number): EmittedListener | undefined {
  return proxy.listeners.find(({ object }) => !isUdp(object) && isAt(object, address, port));
}

function isAt({ address, additional_addresses = [] }: Listener, wanted: string, port: number): boolean {
  return [address, ...additional_addresses.map((more) => more.address)].some(
    (one) => one?.socket_address?.address === wanted && one.socket_address.port_value === port,
  );
}

function isUdp({ address }: Listener): boolean {
  return address?.socket_address?.protocol === 'UDP';
}
