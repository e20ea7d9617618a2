import { authorizationFindings } from './authorization/oddities.ts';
import { unenforcedFindings } from './authorization/unenforced.ts';
import { destinationRule } from './destination-rules.ts';
import { envoyFilterFindings } from './envoy-filters.ts';
import type { Finding } from './finding.ts';
import { gatewayApiFindings } from './gateway-api/findings.ts';
import { gateway } from './gateways.ts';
import { ingressRules } from './ingress/rule-sets.ts';
import { kubernetesService } from './kubernetes-services.ts';
import { destinationRuleReferences, virtualServiceReferences } from './references.ts';
import { requestAuthentication } from './request-authentications.ts';
import { serviceEntry } from './service-entries.ts';
import { sharedHostFindings } from './shared-hosts.ts';
import { virtualService } from './virtual-services.ts';
import { entryWorkload } from './workload/entries.ts';
import { podWorkload } from './workload/pods.ts';
import { keyOf, listOf, objectKey, type Read, step } from './world.ts';

/** Everything odd between the objects, by kind, then by namespace and name. */
export const findings = step('findings', (read): readonly Finding[] => [
  ...ofKind(read, 'networking.istio.io/VirtualService', (key) => [
    ...read.of(virtualService, key).findings,
    ...read.of(virtualServiceReferences, key),
  ]),
  ...ofKind(read, 'networking.istio.io/DestinationRule', (key) => {
    const { value, findings } = read.of(destinationRule, key);
    if (value === undefined) return findings;
    return [
      ...findings,
      ...read.of(destinationRuleReferences, keyOf(value.namespace, value.name, value.host)),
    ];
  }),
  ...ofKind(read, 'networking.istio.io/Gateway', (key) => read.of(gateway, key).findings),
  ...ofKind(read, 'networking.istio.io/ServiceEntry', (key) => [
    ...read.of(serviceEntry, key).findings,
    ...read.of(sharedHostFindings, key),
  ]),
  ...ofKind(read, 'networking.istio.io/WorkloadEntry', (key) => read.of(entryWorkload, key).findings),
  ...ofKind(read, 'networking.istio.io/EnvoyFilter', (key) => read.of(envoyFilterFindings, key)),
  ...ofKind(read, 'security.istio.io/AuthorizationPolicy', (key) => [
    ...read.of(authorizationFindings, key),
    ...read.of(unenforcedFindings, key),
  ]),
  ...ofKind(
    read,
    'security.istio.io/RequestAuthentication',
    (key) => read.of(requestAuthentication, key).findings,
  ),
  ...ofKind(read, '/Service', (key) => read.of(kubernetesService, key).findings),
  ...ofKind(read, '/Pod', (key) => read.of(podWorkload, key).findings),
  ...read.of(gatewayApiFindings, ''),
  ...read.of(ingressRules, '').findings,
]);

function ofKind(
  read: Read,
  kind: Parameters<typeof listOf>[1],
  of: (key: string) => readonly Finding[],
): readonly Finding[] {
  return listOf(read, kind).flatMap((resource) => of(objectKey(resource)));
}
