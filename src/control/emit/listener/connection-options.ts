import { defined } from '../../../lib/defined.ts';
import { formatProtoDuration } from '../../../lib/duration.ts';
import type { Destination } from '../../../mesh/route.ts';
import { policyOfPort, type Tunnel } from '../../../mesh/traffic-policy.ts';
import type { TcpProxy } from '../../../xds/resources.ts';
import { hostPolicy, hostPolicyKey } from '../../resolve/destination-rules.ts';
import { meshSettings } from '../../resolve/mesh-settings.ts';
import { scopedService } from '../../resolve/scoped-services.ts';
import { inView, viewAndParts } from '../../resolve/views.ts';
import type { Read } from '../../resolve/world.ts';
import { destinationPort } from '../route/destination-cluster.ts';

/** What rules about a destination say of connections that are passed on to it, and Envoy has at the filter. */
export type ConnectionOptions = Pick<
  TcpProxy,
  'idle_timeout' | 'max_downstream_connection_duration' | 'hash_policy' | 'tunneling_config'
>;

/**
 * Options of connections to one destination, or to several by weight: then those of the first, as a whole, since the
 * filter asks before it knows which it will be.
 */
export function connectionOptions(
  read: Read,
  viewKey: string,
  destinations: readonly Destination[],
  calledPort: number,
): ConnectionOptions {
  const [first] = destinations;
  if (first === undefined) return {};
  const { view } = viewAndParts(read, viewKey);
  const find = (hostname: string) => read.of(scopedService, inView(viewKey, hostname));
  const namespace = find(first.host)?.namespace ?? '';
  const { policy, subsets } = read.of(
    hostPolicy,
    hostPolicyKey(view.namespace, first.host, namespace, view.labels),
  );
  const subset = destinations.length === 1 ? subsets.find(({ name }) => name === first.subset) : undefined;
  const ofPort = policyOfPort(policy, subset?.policy, destinationPort(first, calledPort, find));
  const pool = ofPort.pool ?? read.of(meshSettings, '').pool;
  return defined({
    idle_timeout: duration(pool?.tcpIdleTimeoutMs),
    max_downstream_connection_duration: duration(pool?.maxConnectionDurationMs),
    hash_policy: ofPort.loadBalancer?.hash?.on.type === 'source-ip' ? [{ source_ip: {} }] : undefined,
    tunneling_config: ofPort.tunnel === undefined ? undefined : tunneling(ofPort.tunnel),
  });
}

function duration(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : formatProtoDuration(ms);
}

function tunneling({ target, method }: Tunnel): NonNullable<TcpProxy['tunneling_config']> {
  return { hostname: target, ...(method === 'POST' ? { use_post: true } : {}) };
}
