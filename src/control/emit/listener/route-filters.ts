import { routeFilters } from '../../resolve/gateway-api/route-filters.ts';
import { usesDynamicDns } from '../../resolve/outbound-mode.ts';
import { scopedService } from '../../resolve/scoped-services.ts';
import { inView } from '../../resolve/views.ts';
import type { Read } from '../../resolve/world.ts';
import type { HttpInput } from './http-connection-manager.ts';

/** What a connection manager needs for the routes of a view. Whom a view does not see it does not ask. */
export function filtersOfRoutes(
  read: Read,
  viewKey: string,
  side: 'gateways' | 'sidecars',
): Pick<HttpInput, 'dynamicDns' | 'sessions' | 'authorizers'> {
  const { sessions, authorizers } = read.of(routeFilters, '')[side];
  return {
    dynamicDns: read.of(usesDynamicDns, viewKey),
    sessions,
    authorizers: authorizers.filter(
      ({ service }) => read.of(scopedService, inView(viewKey, service)) !== undefined,
    ),
  };
}
