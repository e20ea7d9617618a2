// The addresses of the local platform, in one place. Kubernetes' usual ranges, so that examples read as they do there.

/** The platform's own address on the bridge: control plane, DNS, the pods' router. Pods never intercept traffic to it. */
export const PLATFORM_ADDRESS = '10.244.0.1';
/** Pods are 10.244.0.2 and up. */
export const POD_NETWORK = { base: [10, 244] as const, prefixLength: 16 };
/** Services are 10.96.0.0/16. */
export const SERVICE_NETWORK = { base: [10, 96] as const, prefixLength: 16 };
/** What resolv.conf of an application names: in pods with a proxy the proxy answers, elsewhere the platform does. */
export const DNS_ADDRESS = '10.96.0.10';
/**
 * Probes come from this address and interception lets it pass, as kubelet's do in a mesh. The address is the one
 * Istio uses for it.
 */
export const PROBE_ADDRESS = '169.254.7.127';
/**
 * Rootless only: the address an application's connections start from, so that the proxy's, which start from the
 * pod's address, can be told from them. It never leaves the pod: it is rewritten on the way out.
 */
export const APP_SOURCE_ADDRESS = '169.254.1.1';
/** The source of the proxy's connections to its own application, as in Istio. Never intercepted. */
export const INBOUND_SOURCE_ADDRESS = '127.0.0.6';
/** The user the proxy runs as where there is more than one user. */
export const PROXY_UID = 1337;

/** Ports of the sidecar, as in Istio. */
export const PORTS = {
  admin: 15000,
  outbound: 15001,
  inbound: 15006,
  xds: 15012,
  mergedMetrics: 15020,
  health: 15021,
  dns: 15053,
  metrics: 15090,
} as const;

export const BRIDGE = 'weft0';
export const BRIDGE_MAC = macOf(PLATFORM_ADDRESS);

/** A locally administered hardware address made of an IPv4 address: no neighbour discovery is needed. */
export function macOf(ipv4: string): string {
  const bytes = ipv4.split('.').map((part) => Number(part).toString(16).padStart(2, '0'));
  return `02:00:${bytes.join(':')}`;
}
