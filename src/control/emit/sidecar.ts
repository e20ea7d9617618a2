import { formatProtoDuration } from '../../lib/duration.ts';
import { unknownCluster, viewOutboundMode } from '../resolve/outbound-mode.ts';
import { proxy } from '../resolve/proxies.ts';
import { settingsOfView } from '../resolve/view-settings.ts';
import { type Read, step } from '../resolve/world.ts';
import { allowAnyDynamicDnsCluster } from './cluster/dynamic-dns.ts';
import { outboundClusters } from './cluster/outbound-cluster.ts';
import {
  blackHoleCluster,
  inboundPassthroughCluster,
  passthroughCluster,
} from './cluster/standing-clusters.ts';
import { type EmittedCluster, type EmittedListener, sortedByName } from './emitted.ts';
import { closedChains } from './listener/closed-chain.ts';
import { dnsListener } from './listener/dns-listener.ts';
import { ingressSockets } from './listener/ingress-sockets.ts';
import { unknownHttpChain } from './listener/outbound-chains.ts';
import { outboundListeners } from './listener/outbound-listeners.ts';
import { forwardProxyListener, sharedHostInbound } from './listener/shared-host-listeners.ts';
import { virtualInbound } from './listener/virtual-inbound.ts';
import { virtualOutbound } from './listener/virtual-outbound.ts';

/** Whether a sidecar shares its machine with its application, which then calls it: it has listeners of its own only. */
export function isAlone(read: Read, key: string): boolean {
  return read.of(proxy, key).workload?.explicit !== undefined;
}

/** Listeners that one sidecar alone has, by the proxy's key; in order of name. */
export const ownListeners = step('own listeners', (read, key): readonly EmittedListener[] => {
  const own = isAlone(read, key)
    ? [read.of(forwardProxyListener, key), read.of(sharedHostInbound, key)]
    : [read.of(virtualInbound, key), ...read.of(ingressSockets, key)];
  return sortedByName(own.filter((listener) => listener !== undefined));
});

/** Listeners that all sidecars of a view share, in order of name. */
export const viewListeners = step('listeners of a view', (read, viewKey): readonly EmittedListener[] =>
  sortedByName([
    read.of(outboundSocket, viewKey),
    read.of(dnsListener, viewKey),
    ...read.of(outboundListeners, viewKey),
  ]),
);

/** virtualOutbound of a view. */
export const outboundSocket = step('outbound socket', (read, viewKey): EmittedListener => {
  const settings = read.of(settingsOfView, viewKey);
  const named = read.of(viewOutboundMode, viewKey) === 'dynamic-dns';
  return virtualOutbound(
    read.of(unknownCluster, viewKey),
    settings,
    named ? unknownHttpChain(read, viewKey) : undefined,
    closedChains(read, settings),
  );
});

/** Clusters that all sidecars of a view share, in order of name. */
export const viewClusters = step('clusters of a view', (read, viewKey): readonly EmittedCluster[] => {
  return sortedByName([...read.of(outboundClusters, viewKey), ...read.of(standingClusters, viewKey)]);
});

/** Clusters that every sidecar of a view has, whatever it calls. */
export const standingClusters = step('standing clusters', (read, viewKey): readonly EmittedCluster[] => {
  const { connectTimeoutMs, outboundTls, headers, keepalive } = read.of(settingsOfView, viewKey);
  const timeout = formatProtoDuration(connectTimeoutMs);
  const mode = read.of(viewOutboundMode, viewKey);
  return [
    ...(mode === 'dynamic-dns' ? [allowAnyDynamicDnsCluster(timeout, outboundTls, headers.keepCase)] : []),
    passthroughCluster(timeout, headers.keepCase, keepalive),
    blackHoleCluster(timeout),
    inboundPassthroughCluster(timeout, headers.keepCase, keepalive),
  ];
});
