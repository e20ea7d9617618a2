import type { RouteConfiguration } from '../../xds/resources.ts';
import type { Lowered } from '../lowered.ts';
import type { RouteTable } from './route-table.ts';

/** A RouteConfiguration of RDS or inside a connection manager. `field` is where it stands, for refusals. */
export function lowerRouteConfiguration(_message: RouteConfiguration, _field = ''): Lowered<RouteTable> {
  throw new Error('not written yet');
}
