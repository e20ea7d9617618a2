import { meshSettings } from '../mesh-settings.ts';
import { keyOf, step } from '../world.ts';
import { gatewayWorkloads } from './gateways.ts';
import { allListeners } from './listeners.ts';

/**
 * Secrets that the proxies of a namespace may have because a Gateway's listener names them: those of its own Pods, or
 * of the ingress gateway where it has none. A ReferenceGrant was asked for what lies in other namespaces.
 */
export const gatewaySecrets = step('gateway secrets', (read, namespace): ReadonlySet<string> => {
  const { rootNamespace } = read.of(meshSettings, '');
  const names = read
    .of(allListeners, '')
    .filter(({ gateway, usable }) => {
      const workloads = read.of(gatewayWorkloads, keyOf(gateway.namespace, gateway.name));
      return usable && (workloads.workloadNamespace ?? rootNamespace) === namespace;
    })
    .flatMap(({ tls }) => tls?.credentialNames ?? []);
  return new Set(names);
});
