import { wellKnownNames } from '../../../xds/names.ts';
import type { RouteConfiguration, VirtualHost } from '../../../xds/resources.ts';
import { unknownCluster, viewOutboundMode } from '../../resolve/outbound-mode.ts';
import { viewAndParts } from '../../resolve/views.ts';
import { type Read, step } from '../../resolve/world.ts';
import { timeouts } from './http-route.ts';
import { attemptCount } from './view-context.ts';

/** Hosts that nobody knows: passed through, or refused. By view: one object for the route configurations of all namespaces. */
export const unknownDestination = step('unknown destination', (read, viewKey): VirtualHost => {
  const { view } = viewAndParts(read, viewKey);
  const mode = read.of(viewOutboundMode, viewKey);
  if (mode === 'dynamic-dns')
    return allowed(
      read,
      viewKey,
      wellKnownNames.allowAnyDynamicDns,
      wellKnownNames.allowAnyDynamicDnsCluster,
    );
  if (mode === 'allow-any' && !view.forwardProxy)
    return allowed(read, viewKey, wellKnownNames.allowAny, read.of(unknownCluster, viewKey));
  return {
    name: wellKnownNames.blockAll,
    domains: ['*'],
    routes: [{ name: wellKnownNames.blockAll, match: { prefix: '/' }, direct_response: { status: 502 } }],
    ...attemptCount(read, viewKey),
  };
});

function allowed(read: Read, viewKey: string, name: string, cluster: string): VirtualHost {
  return {
    name,
    domains: ['*'],
    routes: [{ name, match: { prefix: '/' }, route: { cluster, ...timeouts(undefined) } }],
    ...attemptCount(read, viewKey),
  };
}

/** Routes of requests at ports that no service has. */
export function unknownRoutes(read: Read, viewKey: string): RouteConfiguration {
  return {
    name: wellKnownNames.allowAnyDynamicDns,
    virtual_hosts: [read.of(unknownDestination, viewKey)],
    validate_clusters: false,
    ignore_port_in_host_matching: true,
  };
}
