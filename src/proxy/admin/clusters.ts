/** /clusters: each endpoint with its state and counts, as text lines or as envoy.admin.v3.Clusters. */
import type { ClusterDescription, EndpointDescription } from '../upstream/describe.ts';

/** Whether a cluster came over xDS (and not with the bootstrap). */
type Added = (name: string) => boolean;

const gauges: ReadonlySet<string> = new Set(['cx_active', 'rq_active', 'rq_pending_active']);

/** `cluster::address::name::value` lines, as Envoy prints them. */
export function clustersText(clusters: readonly ClusterDescription[], added: Added): string {
  return clusters
    .map((cluster) => {
      const { name, endpoints } = cluster;
      const limits = thresholds(cluster).map((t) => {
        const priority = t.priority === 'HIGH' ? 'high_priority' : 'default_priority';
        return ['max_connections', 'max_pending_requests', 'max_requests', 'max_retries']
          .map((key) => `${name}::${priority}::${key}::${(t as Record<string, unknown>)[key]}\n`)
          .join('');
      });
      return [
        `${name}::observability_name::${cluster.config.statName}\n`,
        ...limits,
        `${name}::added_via_api::${added(name)}\n`,
        ...endpoints.map((e) => endpointText(name, e)),
      ].join('');
    })
    .join('');
}

function endpointText(cluster: string, endpoint: EndpointDescription): string {
  const { region, zone, subZone, weight, priority, hostname, counts } = endpoint;
  const sorted = Object.entries({ rq_pending_active: 0, ...counts }).sort(([a], [b]) => (a < b ? -1 : 1));
  const facts = {
    ...Object.fromEntries(sorted),
    hostname,
    health_flags: endpoint.flags.join('') || 'healthy',
    weight,
    region,
    zone,
    sub_zone: subZone,
    canary: false,
    priority,
    success_rate: -1,
    local_origin_success_rate: -1,
  };
  return Object.entries(facts)
    .map(([name, value]) => `${cluster}::${endpoint.address}::${name}::${value}\n`)
    .join('');
}

/** `?format=json`. Values of 64 bits are strings and a zero is left out, as protobuf's JSON has it. */
export function clustersJson(clusters: readonly ClusterDescription[], added: Added): object {
  return {
    cluster_statuses: clusters.map((cluster) => ({
      name: cluster.name,
      ...(added(cluster.name) ? { added_via_api: true } : {}),
      host_statuses: cluster.endpoints.map(hostStatus),
      circuit_breakers: { thresholds: thresholds(cluster) },
      observability_name: cluster.config.statName,
    })),
  };
}

function hostStatus(e: EndpointDescription): object {
  const counts = Object.entries({ rq_pending_active: 0, ...e.counts });
  return {
    address: { socket_address: socketAddress(e.address) },
    stats: counts.map(([name, value]) => ({
      ...(gauges.has(name) ? { type: 'GAUGE' } : {}),
      ...(value === 0 ? {} : { value: String(value) }),
      name,
    })),
    health_status: {
      eds_health_status: e.health.toUpperCase(),
      ...(e.flags.includes('/failed_active_hc') ? { failed_active_health_check: true } : {}),
      ...(e.ejected ? { failed_outlier_check: true } : {}),
    },
    weight: e.weight,
    ...(e.hostname === '' ? {} : { hostname: e.hostname }),
    ...(e.priority === 0 ? {} : { priority: e.priority }),
    locality: {
      ...(e.region === '' ? {} : { region: e.region }),
      ...(e.zone === '' ? {} : { zone: e.zone }),
      ...(e.subZone === '' ? {} : { sub_zone: e.subZone }),
    },
  };
}

/** config.cluster.v3.CircuitBreakers.Thresholds of both priorities. */
function thresholds({ config }: ClusterDescription) {
  const { maxConnections, maxPendingRequests, maxRequests, maxRetries } = config.limits;
  const high = config.highLimits;
  return [
    {
      max_connections: maxConnections,
      max_pending_requests: maxPendingRequests,
      max_requests: maxRequests,
      max_retries: maxRetries,
    },
    {
      priority: 'HIGH',
      max_connections: high.maxConnections,
      max_pending_requests: high.maxPendingRequests,
      max_requests: high.maxRequests,
      max_retries: high.maxRetries,
    },
  ];
}

function socketAddress(text: string): object {
  const colon = text.lastIndexOf(':');
  return { address: text.slice(0, colon).replace(/^\[|\]$/g, ''), port_value: Number(text.slice(colon + 1)) };
}
