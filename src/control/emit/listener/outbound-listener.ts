import type { MeshSettings } from '../../../mesh/settings.ts';
import type { Listener } from '../../../xds/resources.ts';
import { socketAddress } from '../sources.ts';
import { sniffingTimeout } from './listener-filters.ts';

/** What differs between outbound listeners. */
export type ListenerParts = Pick<Listener, 'filter_chains' | 'default_filter_chain' | 'listener_filters'>;

/** A listener that no socket belongs to: virtualOutbound hands connections over to it by the address that was called. */
export function outboundListener(
  name: string,
  address: string,
  port: number,
  parts: ListenerParts,
  settings: MeshSettings,
): Listener {
  const inspects = (parts.listener_filters ?? []).length > 0;
  return {
    name,
    address: socketAddress(address, port),
    bind_to_port: false,
    traffic_direction: 'OUTBOUND',
    ...parts,
    // A client that waits for the server to speak first is waited for; what is never found out is passed on.
    ...(inspects ? sniffingTimeout(settings) : {}),
  };
}
