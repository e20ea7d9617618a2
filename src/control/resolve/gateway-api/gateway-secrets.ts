import { meshSettings } from '../mesh-settings.ts';
import { keyOf, listOf, objectKey, step } from '../world.ts';
import { clientCertificate } from './client-certificates.ts';
import { allListeners } from './listeners.ts';
import { GROUP } from './route-kinds.ts';
import { gatewayWorkloads } from './workloads.ts';

/**
 * Secrets that the proxies of a namespace may have because a Gateway or its listener names them: those of its own Pods, or
 * of the ingress gateway where it has none. A ReferenceGrant was asked for what lies in other namespaces.
 */
export const gatewaySecrets = step('gateway secrets', (read, namespace): ReadonlySet<string> => {
  const { rootNamespace } = read.of(meshSettings, '');
  const isHere = (key: string): boolean =>
    (read.of(gatewayWorkloads, key).workloadNamespace ?? rootNamespace) === namespace;
  const shownToClients = read
    .of(allListeners, '')
    .filter(({ gateway, usable }) => usable && isHere(keyOf(gateway.namespace, gateway.name)))
    .flatMap(({ tls }) => tls?.credentialNames ?? []);
  const shownToBackends = listOf(read, `${GROUP}/Gateway`)
    .map(objectKey)
    .filter(isHere)
    .flatMap((key) => read.of(clientCertificate, key).credentialName ?? []);
  return new Set([...shownToClients, ...shownToBackends]);
});
