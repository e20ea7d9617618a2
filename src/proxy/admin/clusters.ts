/** /clusters: each endpoint with its state and counts, as text lines or as envoy.admin.v3.Clusters. */
import type { ClusterDescription, EndpointDescription } from '../upstream/describe.ts';

/** `cluster::address::name::value` lines, as Envoy prints them. */
export function clustersText(clusters: readonly ClusterDescription[]): string {
  return clusters
    .map((cluster) => cluster.endpoints.map((e) => endpointText(cluster.name, e)).join(''))
    .join('');
}

function endpointText(cluster: string, endpoint: EndpointDescription): string {
  const line = (name: string, value: string | number): string =>
    `${cluster}::${endpoint.address}::${name}::${value}\n`;
  const { region, zone, subZone, weight, priority, hostname, counts } = endpoint;
  const facts = {
    hostname,
    health_flags: healthFlags(endpoint),
    weight,
    region,
    zone,
    sub_zone: subZone,
    priority,
  };
  return Object.entries({ ...counts, ...facts })
    .map(([name, value]) => line(name, value))
    .join('');
}

function healthFlags(endpoint: EndpointDescription): string {
  if (endpoint.ejected) return '/failed_outlier_check';
  return endpoint.health === 'healthy' ? 'healthy' : `/eds_status:${endpoint.health}`;
}

/** `?format=json`. */
export function clustersJson(clusters: readonly ClusterDescription[]): object {
  return {
    cluster_statuses: clusters.map(({ name, endpoints }) => ({
      name,
      added_via_api: true,
      host_statuses: endpoints.map((e) => ({
        address: { socket_address: socketAddress(e.address) },
        stats: Object.entries(e.counts).map(([key, value]) => ({ name: key, value: String(value) })),
        health_status: {
          eds_health_status: e.health.toUpperCase(),
          ...(e.ejected ? { failed_outlier_check: true } : {}),
        },
        weight: e.weight,
        hostname: e.hostname,
        locality: { region: e.region, zone: e.zone, sub_zone: e.subZone },
      })),
    })),
  };
}

function socketAddress(text: string): object {
  const colon = text.lastIndexOf(':');
  return { address: text.slice(0, colon).replace(/^\[|\]$/g, ''), port_value: Number(text.slice(colon + 1)) };
}
