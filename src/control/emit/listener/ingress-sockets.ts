import { addressListener } from '../../../xds/names.ts';
import { inboundPorts } from '../../resolve/inbound-ports.ts';
import { peerModes, peerModesKey } from '../../resolve/peer-authentication.ts';
import { proxy } from '../../resolve/proxies.ts';
import { settingsOfProxy } from '../../resolve/view-settings.ts';
import { step } from '../../resolve/world.ts';
import { type EmittedListener, emittedListener } from '../emitted.ts';
import { securityOf } from '../security/workload-security.ts';
import { socketAddress } from '../sources.ts';
import { httpInspector, sniffingTimeout, tlsInspector } from './listener-filters.ts';
import { ownTls, portChains } from './virtual-inbound.ts';

/** Sockets for ports of a Sidecar that others call directly, without interception; by the proxy's key. */
export const ingressSockets = step('ingress sockets', (read, key): readonly EmittedListener[] => {
  const settings = settingsOfProxy(read, key);
  const who = read.of(proxy, key);
  const ports = read.of(inboundPorts, key).filter(({ ingress }) => ingress?.socket === true);
  const security = securityOf(read, who, 'sidecar');
  const modes = read.of(peerModes, peerModesKey(who.namespace, who.labels));
  return ports.map((port) => {
    const address = port.ingress?.bind || who.ips[0] || '0.0.0.0';
    return emittedListener(
      {
        name: addressListener(address, port.number),
        address: socketAddress(address, port.number),
        traffic_direction: 'INBOUND',
        listener_filters: [tlsInspector(), ...(port.protocol === 'auto' ? [httpInspector()] : [])],
        ...sniffingTimeout(settings),
        filter_chains: portChains(port, undefined, modes, {
          settings,
          security: securityOf(read, who, 'sidecar', ownTls(port, modes)),
          ips: who.ips,
        }),
      },
      [...port.services.map(({ origin }) => origin), ...modes.origins, ...security.origins],
    );
  });
});
