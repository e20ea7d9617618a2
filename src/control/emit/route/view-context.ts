import type { Destination } from '../../../mesh/route.ts';
import { outboundCluster } from '../../../xds/names.ts';
import type { VirtualHost } from '../../../xds/resources.ts';
import { hostPolicy, hostPolicyKey } from '../../resolve/destination-rules.ts';
import { sessionsOfBackends } from '../../resolve/gateway-api/backend-traffic.ts';
import { scopedService } from '../../resolve/scoped-services.ts';
import { settingsOfView } from '../../resolve/view-settings.ts';
import { inView, viewAndParts } from '../../resolve/views.ts';
import type { Read } from '../../resolve/world.ts';
import { destinationPort } from './destination-cluster.ts';
import { hashOfPolicy } from './hash-policy.ts';
import type { RouteContext } from './http-route.ts';

/** What routes of a view need to know, for a port that is called. */
export function viewContext(
  read: Read,
  viewKey: string,
  owner: string,
  port: number,
  tls = false,
): RouteContext {
  const { view } = viewAndParts(read, viewKey);
  const settings = read.of(settingsOfView, viewKey);
  const find = (hostname: string) => read.of(scopedService, inView(viewKey, hostname));
  return {
    port,
    tls,
    owner,
    retries: settings.retries,
    keepsHost: settings.headers.forwardedHost,
    find,
    session: (destination: Destination) => read.of(sessionsOfBackends, '').get(destination.host),
    hash: (destination: Destination) => {
      const namespace = find(destination.host)?.namespace ?? '';
      const key = hostPolicyKey(view.namespace, destination.host, namespace, view.labels);
      const policy = read.of(hostPolicy, key);
      return hashOfPolicy(policy, destination.subset, destinationPort(destination, port, find));
    },
  };
}

/** Whether requests to a virtual host say how often they were tried. */
export function attemptCount(
  read: Read,
  viewKey: string,
): Pick<VirtualHost, 'include_request_attempt_count'> {
  return read.of(settingsOfView, viewKey).headers.attemptCount ? { include_request_attempt_count: true } : {};
}

/** The cluster of a service as a whole. */
export function wholeCluster(hostname: string, port: number): string {
  return outboundCluster(port, '', hostname);
}
