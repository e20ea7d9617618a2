import type { OutboundMode } from '../../mesh/settings.ts';
import { meshSettings } from './mesh-settings.ts';
import { scopedServices } from './scoped-services.ts';
import { outboundMode } from './sidecars.ts';
import { view } from './views.ts';
import { keyOf, step } from './world.ts';

/** What becomes of calls to unknown destinations, by the view's key: its Sidecar's word, else the mesh's. */
export const viewOutboundMode = step('outbound mode of a view', (read, viewKey): OutboundMode => {
  const { sidecar, namespace } = read.of(view, viewKey);
  return read.of(outboundMode, keyOf(sidecar, namespace)) ?? read.of(meshSettings, '').outbound;
});

/** Whether some requests of a view go to the host that they name, resolved by the proxy; by the view's key. */
export const usesDynamicDns = step(
  'dynamic dns in a view',
  (read, viewKey): boolean =>
    read.of(viewOutboundMode, viewKey) === 'dynamic-dns' ||
    read.of(scopedServices, viewKey).list.some(({ resolution }) => resolution === 'dynamic-dns'),
);
