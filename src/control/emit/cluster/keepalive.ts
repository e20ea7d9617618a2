import type { ConnectionPool } from '../../../mesh/traffic-policy.ts';
import type { Cluster } from '../../../xds/resources.ts';

/** Probes of the kernel on idle connections to endpoints, in whole seconds; what is open is the kernel's choice. */
export function keepalive(
  settings: ConnectionPool['keepalive'],
): Pick<Cluster, 'upstream_connection_options'> {
  if (settings === undefined) return {};
  const { probes, timeMs, intervalMs } = settings;
  return {
    upstream_connection_options: {
      tcp_keepalive: {
        ...(probes === undefined ? {} : { keepalive_probes: probes }),
        ...(timeMs === undefined ? {} : { keepalive_time: Math.round(timeMs / 1000) }),
        ...(intervalMs === undefined ? {} : { keepalive_interval: Math.round(intervalMs / 1000) }),
      },
    },
  };
}
