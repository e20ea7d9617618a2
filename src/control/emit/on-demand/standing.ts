import { inView, viewKeyOf } from '../../resolve/views.ts';
import { type Read, step } from '../../resolve/world.ts';
import { inboundClusters } from '../cluster/inbound-clusters.ts';
import { type EmittedCluster, type EmittedListener, sortedByName } from '../emitted.ts';
import { bareDnsListener } from '../listener/dns-listener.ts';
import { egressBinds } from '../listener/egress-binds.ts';
import { ingressSockets } from '../listener/ingress-sockets.ts';
import { outboundListenerNamed } from '../listener/outbound-listeners.ts';
import { virtualInbound } from '../listener/virtual-inbound.ts';
import { patchedClusters } from '../patch/clusters.ts';
import { patchedListeners } from '../patch/listeners.ts';
import { patchesOf } from '../proxy-resources.ts';
import { isAlone, outboundSocket, ownListeners, standingClusters } from '../sidecar.ts';
import { outboundClusterNamed } from './named.ts';

// Delivery on demand: a sidecar that says so (node metadata WEFT_ON_DEMAND) holds what its workload uses. This file: what
// it gets unasked, as its wildcard subscription; named.ts: what it gets when it asks, by name. Both together mean what
// sidecar.ts means: no resource is made differently, but for the DNS listener, which has no table, and route
// configurations, whose virtual hosts come one by one.

/** Listeners with sockets of their own, by the proxy's key. */
export const standingListeners = step('standing listeners', (read, key): readonly EmittedListener[] => {
  const listeners = patchedListeners(unpatched(read, key), patchesOf(read, key), false);
  return withoutNamed(listeners, unpatched(read, key), (name) => {
    return read.of(outboundListenerNamed, inView(read.of(viewKeyOf, key), name));
  });
});

function unpatched(read: Read, key: string): readonly EmittedListener[] {
  // On a shared host nothing is intercepted: there are two listeners, and both have sockets.
  if (isAlone(read, key)) return read.of(ownListeners, key);
  const viewKey = read.of(viewKeyOf, key);
  return sortedByName([
    read.of(outboundSocket, viewKey),
    read.of(bareDnsListener, ''),
    read.of(virtualInbound, key),
    ...read.of(ingressSockets, key),
    ...read.of(egressBinds, viewKey).filter(({ object }) => object.bind_to_port === true),
  ]);
}

/** Clusters that a sidecar has whatever it calls, by the proxy's key. */
export const standingProxyClusters = step(
  'standing clusters of a proxy',
  (read, key): readonly EmittedCluster[] => {
    const viewKey = read.of(viewKeyOf, key);
    const own = sortedByName([...read.of(standingClusters, viewKey), ...read.of(inboundClusters, key)]);
    const clusters = patchedClusters(own, patchesOf(read, key));
    return withoutNamed(clusters, own, (name) => read.of(outboundClusterNamed, inView(viewKey, name)));
  },
);

/** What patches add is not added where there is one of that name, be it one that is only sent when asked for. */
function withoutNamed<T extends { readonly name: string }>(
  patched: readonly T[],
  before: readonly T[],
  named: (name: string) => T | undefined,
): readonly T[] {
  const known = new Set(before.map(({ name }) => name));
  return patched.filter(({ name }) => known.has(name) || named(name) === undefined);
}
