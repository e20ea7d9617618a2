import { modeOfPort, type PeerMode } from '../../../mesh/policy.ts';
import { addressListener, clusterSni, wellKnownNames } from '../../../xds/names.ts';
import type { FilterChain } from '../../../xds/resources.ts';
import { type InboundPort, inboundPorts } from '../../resolve/inbound-ports.ts';
import { peerModes, peerModesKey } from '../../resolve/peer-authentication.ts';
import { proxy } from '../../resolve/proxies.ts';
import { subsetNames } from '../../resolve/subset-names.ts';
import { settingsOfProxy } from '../../resolve/view-settings.ts';
import { viewKeyOf } from '../../resolve/views.ts';
import { type Read, step } from '../../resolve/world.ts';
import { type EmittedListener, emittedListener } from '../emitted.ts';
import { securityOf, type WorkloadSecurity } from '../security/workload-security.ts';
import { socketAddress } from '../sources.ts';
import { httpFilter } from './http-connection-manager.ts';
import { inboundChains } from './inbound-chains.ts';
import { httpInspector, tlsInspector } from './listener-filters.ts';
import { filtersOfRoutes } from './route-filters.ts';
import { portContent } from './virtual-inbound.ts';

// Where workloads share their host's network nothing is intercepted: the application is told to use a forward proxy
// (HTTP_PROXY), and all ports of a workload are called at the one port of its proxy.

const LOOPBACK = '127.0.0.1';

/** Where the application sends its calls; the request's authority tells what is meant. By the proxy's key. */
export const forwardProxyListener = step(
  'forward proxy listener',
  (read, key): EmittedListener | undefined => {
    const port = read.of(proxy, key).workload?.explicit?.proxyPort;
    if (port === undefined) return undefined;
    const settings = settingsOfProxy(read, key);
    const filters = filtersOfRoutes(read, read.of(viewKeyOf, key), 'sidecars');
    const statPrefix = `outbound_${addressListener(LOOPBACK, port)}`;
    return emittedListener({
      name: wellKnownNames.httpProxy,
      address: socketAddress(LOOPBACK, port),
      traffic_direction: 'OUTBOUND',
      filter_chains: [
        {
          filters: [
            httpFilter({
              statPrefix,
              routes: wellKnownNames.httpProxy,
              side: 'outbound',
              settings,
              ...filters,
            }),
          ],
        },
      ],
    });
  },
);

/** Where others call the workload. By the proxy's key. */
export const sharedHostInbound = step(
  'inbound on a shared host',
  (read, key): EmittedListener | undefined => {
    const { workload, namespace, labels } = read.of(proxy, key);
    const inboundPort = workload?.explicit?.inboundPort;
    const ports = read.of(inboundPorts, key);
    if (inboundPort === undefined || ports.length === 0) return undefined;
    const modes = read.of(peerModes, peerModesKey(namespace, labels));
    const security = securityOf(read, { namespace, labels }, 'sidecar');
    return emittedListener(
      {
        name: wellKnownNames.virtualInbound,
        address: socketAddress(LOOPBACK, inboundPort),
        traffic_direction: 'INBOUND',
        listener_filters: [tlsInspector(), ...(ports.some(needsInspection) ? [httpInspector()] : [])],
        filter_chains: ports.flatMap((port, i) =>
          chainsOf(read, key, port, i === 0, modeOfPort(modes, port.number), security),
        ),
      },
      [
        ...modes.origins,
        ...security.origins,
        ...ports.flatMap((port) => port.services.map(({ origin }) => origin)),
      ],
    );
  },
);

function needsInspection({ protocol }: InboundPort): boolean {
  return protocol === 'auto';
}

/** The first port takes everything; each other one what is called by a server name that names it. */
function chainsOf(
  read: Read,
  key: string,
  port: InboundPort,
  first: boolean,
  mode: PeerMode,
  security: WorkloadSecurity,
): FilterChain[] {
  const settings = settingsOfProxy(read, key);
  const chains = inboundChains(
    mode,
    port.protocol,
    undefined,
    portContent(port, { settings, security }),
    settings,
  );
  if (first) return chains;
  const server_names = serverNames(read, port);
  return chains
    .filter(({ transport_socket }) => transport_socket !== undefined)
    .map((chain) => ({ ...chain, filter_chain_match: { ...chain.filter_chain_match, server_names } }));
}

/** Names by which peers' proxies call the port: of the service as a whole, and of each subset that anybody defines. */
function serverNames(read: Read, { services, servicePort }: InboundPort): string[] {
  return services.flatMap(({ hostname }) =>
    ['', ...read.of(subsetNames, hostname)].map((subset) => clusterSni(servicePort.number, subset, hostname)),
  );
}
