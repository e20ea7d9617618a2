import type { ClientTls } from '../../../mesh/traffic-policy.ts';
import { wellKnownNames } from '../../../xds/names.ts';
import { any, type Cluster } from '../../../xds/resources.ts';
import { type EmittedCluster, emittedCluster } from '../emitted.ts';
import { circuitBreakers } from './circuit-breakers.ts';
import { httpOptions } from './http-options.ts';
import { upstreamTls } from './upstream-tls.ts';

// Clusters whose endpoint is the host that each request names, resolved when it is first asked for (Envoy's dynamic
// forward proxy). The HTTP filter that waits for the answer shares their cache.

/** How many names of the outside one proxy keeps. */
const MAX_HOSTS = 1024;

/** The cache of answers: one for all clusters and filters of a proxy. */
export const dnsCache = {
  name: 'dynamic_forward_proxy_cache_config',
  dns_lookup_family: 'V4_PREFERRED',
  max_hosts: MAX_HOSTS,
} as const;

/** Fields of a cluster that finds its endpoints so. */
export function dynamicDns(): Partial<Cluster> {
  return {
    lb_policy: 'CLUSTER_PROVIDED',
    cluster_type: {
      name: 'envoy.clusters.dynamic_forward_proxy',
      typed_config: any('envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig', {
        dns_cache_config: dnsCache,
        // Plain HTTP has no name to check; where TLS is spoken its options say how the server is judged.
        allow_insecure_cluster_options: true,
      }),
    },
  };
}

/** To any host of the outside that a request names; by TLS where the mesh says so. */
export function allowAnyDynamicDnsCluster(
  connectTimeout: string,
  tls: ClientTls | undefined,
  keepCase: boolean,
): EmittedCluster {
  const policy = { ports: new Map(), ...(tls === undefined ? {} : { tls }) };
  return emittedCluster({
    name: wellKnownNames.allowAnyDynamicDnsCluster,
    ...dynamicDns(),
    connect_timeout: connectTimeout,
    circuit_breakers: circuitBreakers(policy),
    ...httpOptions('auto', policy, [], keepCase),
    ...upstreamTls({
      policy,
      protocol: 'auto',
      automatic: false,
      sni: '',
      identities: [],
      subjectAltNames: [],
      atSidecar: true,
    }),
  });
}
