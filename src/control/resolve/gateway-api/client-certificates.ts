import { compareAge } from '../../../mesh/service.ts';
import { type Labels, matchesLabels } from '../../../mesh/workload.ts';
import { ageOf, keyOf, listOf, objectKey, objectOf, partsOf, step } from '../world.ts';
import { certificateProblem, gatewayCredential } from './certificates.ts';
import { controllerOfClass } from './classes.ts';
import type { RefProblem } from './conditions.ts';
import { GROUP } from './route-kinds.ts';
import { gatewayWorkloads } from './workloads.ts';

// What Gateways show backends that a BackendTLSPolicy is about (`tls.backend`).

export type ClientCertificate = {
  /** SDS name; undefined where the Gateway has none that can be had. */
  readonly credentialName?: string;
  readonly problem?: RefProblem;
};

/** Of one Gateway, by namespace and name. */
export const clientCertificate = step('client certificate', (read, key): ClientCertificate => {
  const [namespace = '', name = ''] = partsOf(key);
  const ref = objectOf(read, `${GROUP}/Gateway`, namespace, name)?.object.spec.tls?.backend
    ?.clientCertificateRef;
  if (ref === undefined) return {};
  const owner = { kind: 'Gateway', namespace, name } as const;
  const problem = certificateProblem(read, owner, ref);
  if (problem === undefined) return { credentialName: gatewayCredential(owner, ref) };
  const reason = problem.reason === 'RefNotPermitted' ? problem.reason : 'InvalidClientCertificateRef';
  return { problem: { ...problem, reason } };
});

/** Key of {@link clientCertificateOfRouters}. */
export function routersKey(namespace: string, labels: Labels): string {
  return keyOf(namespace, JSON.stringify(labels));
}

/** What routers with these labels show; of several Gateways on the same routers the oldest one's counts. */
export const clientCertificateOfRouters = step(
  'client certificate of routers',
  (read, key): string | undefined => {
    const [namespace = '', labels = '{}'] = partsOf(key);
    return [...listOf(read, `${GROUP}/Gateway`)]
      .filter(({ object }) => object.spec.tls?.backend !== undefined)
      .filter(({ object }) => read.of(controllerOfClass, object.spec.gatewayClassName) !== undefined)
      .filter((gateway) => {
        const workloads = read.of(gatewayWorkloads, objectKey(gateway));
        const here = workloads.workloadNamespace === undefined || workloads.workloadNamespace === namespace;
        return here && matchesLabels(workloads.selector, JSON.parse(labels) as Labels);
      })
      .sort((a, b) => compareAge(ageOf(a), ageOf(b)))
      .map((gateway) => read.of(clientCertificate, objectKey(gateway)).credentialName)
      .find((name) => name !== undefined);
  },
);
