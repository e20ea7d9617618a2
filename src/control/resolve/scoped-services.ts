import type { Service } from '../../mesh/service.ts';
import { viewAndParts } from './proxies.ts';
import { indexed, type ServiceIndex, visibleServices } from './services.ts';
import { inScope, sidecarScope } from './sidecars.ts';
import { keyOf, step } from './world.ts';

/** The services that the proxies of a view know, by the view's key. */
export const scopedServices = step('services of a view', (read, key): ServiceIndex => {
  const { view } = viewAndParts(read, key);
  const visible = read.of(visibleServices, view.namespace);
  const scope = read.of(sidecarScope, keyOf(view.sidecar, view.namespace));
  return scope === undefined
    ? visible
    : indexed(
        visible.list.filter((service) => inScope(scope, service)),
        view.namespace,
      );
});

/** One service of a view by hostname. */
export const scopedService = step('service of a view', (read, key): Service | undefined => {
  const { viewKey, parts } = viewAndParts(read, key);
  return read.of(scopedServices, viewKey).byHost.get(parts[0] ?? '');
});
