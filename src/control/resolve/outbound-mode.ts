import type { OutboundMode } from '../../mesh/settings.ts';
import { outboundCluster, wellKnownNames } from '../../xds/names.ts';
import { meshSettings } from './mesh-settings.ts';
import { everyService } from './scoped-services.ts';
import { outboundMode, sidecarScope } from './sidecars.ts';
import { view } from './views.ts';
import { keyOf, step } from './world.ts';

/** What becomes of calls to unknown destinations, by the view's key: its Sidecar's word, else the mesh's. */
export const viewOutboundMode = step('outbound mode of a view', (read, viewKey): OutboundMode => {
  const { sidecar, namespace } = read.of(view, viewKey);
  return read.of(outboundMode, keyOf(sidecar, namespace)) ?? read.of(meshSettings, '').outbound;
});

/** Where unknown destinations are reached: by going there, through the Sidecar's egress proxy, or not at all. */
export const unknownCluster = step('cluster of the unknown', (read, viewKey): string => {
  const { passthroughCluster, blackHoleCluster } = wellKnownNames;
  if (read.of(viewOutboundMode, viewKey) === 'registry-only') return blackHoleCluster;
  const { sidecar, namespace } = read.of(view, viewKey);
  const proxy = read.of(sidecarScope, keyOf(sidecar, namespace))?.egressProxy;
  return proxy === undefined
    ? passthroughCluster
    : outboundCluster(proxy.port ?? 0, proxy.subset, proxy.host);
});

/** Whether some requests of a view go to the host that they name, resolved by the proxy; by the view's key. */
export const usesDynamicDns = step(
  'dynamic dns in a view',
  (read, viewKey): boolean =>
    read.of(viewOutboundMode, viewKey) === 'dynamic-dns' ||
    everyService(read, viewKey).some(({ resolution }) => resolution === 'dynamic-dns'),
);
