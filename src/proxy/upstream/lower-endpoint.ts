import type { ClusterLoadAssignment } from '../../xds/resources.ts';
import type { Lowered } from '../lowered.ts';
import type { EndpointSet } from './endpoint-set.ts';

/** A ClusterLoadAssignment, of EDS or inside a cluster. `field` is where it stands, for refusals. */
export function lowerEndpoints(_message: ClusterLoadAssignment, _field = ''): Lowered<EndpointSet> {
  throw new Error('not written yet');
}
