import type { MeshProxy } from '../../../mesh/proxy.ts';

/** The version of Istio's proxies that patches are told they change. */
export const PROXY_VERSION = '1.32.0';

/** What is known of a proxy, under the names that Istio's proxies give in their node's metadata. */
const FACTS: Readonly<Record<string, (proxy: MeshProxy) => string | undefined>> = {
  CLUSTER_ID: () => 'Kubernetes',
  INTERCEPTION_MODE: ({ type, workload }) =>
    type === 'router' || workload?.explicit !== undefined ? 'NONE' : 'REDIRECT',
  ISTIO_VERSION: () => PROXY_VERSION,
  NAME: ({ name }) => name,
  NAMESPACE: ({ namespace }) => namespace,
  NETWORK: ({ workload }) => workload?.network,
  NODE_NAME: ({ workload }) => workload?.node,
  SERVICE_ACCOUNT: ({ workload }) => workload?.serviceAccount,
  WORKLOAD_NAME: ({ workload }) => workload?.owner,
};

/** Names that `match.proxy.metadata` of an EnvoyFilter can have. */
export const PROXY_FACTS: readonly string[] = Object.keys(FACTS);

export function isProxyFact(name: string): boolean {
  return Object.hasOwn(FACTS, name);
}

/** The facts of some names; what is not known is left out. */
export function proxyFacts(proxy: MeshProxy, names: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = FACTS[name]?.(proxy);
      return value === undefined || value === '' ? [] : [[name, value]];
    }),
  );
}
