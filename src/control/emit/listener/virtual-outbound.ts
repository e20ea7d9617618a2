import type { MeshSettings } from '../../../mesh/settings.ts';
import { wellKnownNames } from '../../../xds/names.ts';
import type { FilterChain } from '../../../xds/resources.ts';
import { type EmittedListener, emittedListener } from '../emitted.ts';
import { socketAddress } from '../sources.ts';
import { httpInspector, sniffingTimeout } from './listener-filters.ts';
import { tcpFilter } from './tcp-proxy.ts';

/** Where interception sends what the application calls. */
const OUTBOUND_PORT = 15001;

/**
 * The one outbound socket: connections are handed over to the listener of the address that was called, and stay here
 * where there is none, to go to `cluster`; HTTP
 * by the chain `http`, where there is one. A connection to the socket itself would come back for ever, so it leads nowhere.
 */
export function virtualOutbound(
  cluster: string,
  settings: MeshSettings,
  http: FilterChain | undefined,
  closed: readonly FilterChain[] = [],
): EmittedListener {
  const { blackHoleCluster, virtualOutbound: name } = wellKnownNames;
  return emittedListener({
    name,
    address: socketAddress('0.0.0.0', OUTBOUND_PORT),
    use_original_dst: true,
    traffic_direction: 'OUTBOUND',
    ...(http === undefined ? {} : { listener_filters: [httpInspector()], ...sniffingTimeout(settings) }),
    filter_chains: [
      {
        name: `${name}-blackhole`,
        filter_chain_match: { destination_port: OUTBOUND_PORT },
        filters: [tcpFilter(blackHoleCluster, blackHoleCluster, settings)],
      },
      ...closed,
      ...(http === undefined ? [] : [http]),
      { name: `${name}-catchall-tcp`, filters: [tcpFilter(cluster, cluster, settings)] },
    ],
  });
}
