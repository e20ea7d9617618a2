import type { ListenerSet } from '../../../api/gateway/listener-set.ts';
import type { Resource } from '../../../api/resources.ts';
import { listOf, step } from '../world.ts';
import { classStatus, gatewayStatus, listenerSetStatus, meshStatus } from './gateway-status.ts';
import { LISTENER_SETS, listenerSetKinds } from './listener-place.ts';
import { GROUP, routeKinds, routesOf } from './route-kinds.ts';
import {
  backendStatus,
  policyStatus,
  routeStatus,
  trafficPolicyStatus,
  udpRouteStatus,
} from './route-status.ts';
import type { GatewayApiStatus, GatewayApiStatusFields } from './status.ts';

const EXPERIMENTAL = 'gateway.networking.x-k8s.io';

/** All statuses, by kind, then by namespace and name. Objects that are nobody's or other controllers' have none. */
export const gatewayApiStatuses = step('gateway api statuses', (read): readonly GatewayApiStatus[] => [
  ...statusesOf(listOf(read, `${GROUP}/GatewayClass`), (resource) => classStatus(read, resource)),
  ...statusesOf(listOf(read, `${GROUP}/Gateway`), (resource) => gatewayStatus(read, resource)),
  ...listenerSetKinds.flatMap((kind) =>
    statusesOf<ListenerSet>(listOf(read, LISTENER_SETS[kind]), (resource) =>
      listenerSetStatus(read, resource),
    ),
  ),
  ...statusesOf(listOf(read, `${EXPERIMENTAL}/XMesh`), (resource) => meshStatus(read, resource)),
  ...statusesOf(listOf(read, `${EXPERIMENTAL}/XBackend`), (resource) => backendStatus(read, resource)),
  ...routeKinds.flatMap((kind) =>
    statusesOf(routesOf(read, kind), (resource) => routeStatus(read, kind, resource)),
  ),
  ...statusesOf(listOf(read, `${GROUP}/UDPRoute`), (resource) => udpRouteStatus(read, resource)),
  ...statusesOf(listOf(read, `${GROUP}/BackendTLSPolicy`), (resource) => policyStatus(read, resource)),
  ...statusesOf(listOf(read, `${EXPERIMENTAL}/XBackendTrafficPolicy`), (resource) =>
    trafficPolicyStatus(read, resource),
  ),
]);

function statusesOf<T extends { readonly metadata: { readonly generation?: number } }>(
  list: readonly Resource<T>[],
  of: (resource: Resource<T>) => GatewayApiStatusFields | undefined,
): GatewayApiStatus[] {
  return list.flatMap((resource): GatewayApiStatus[] => {
    const status = of(resource);
    const { generation } = resource.object.metadata;
    if (status === undefined) return [];
    return [{ key: resource.key, status, ...(generation === undefined ? {} : { generation }) }];
  });
}
