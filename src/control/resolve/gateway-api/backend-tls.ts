import type { BackendTlsPolicy, BackendTlsPolicySpec } from '../../../api/gateway/backend-tls-policy.ts';
import type { Resource } from '../../../api/resources.ts';
import { defined } from '../../../lib/defined.ts';
import { compareAge } from '../../../mesh/service.ts';
import type { ClientTls, DestinationPolicy } from '../../../mesh/traffic-policy.ts';
import { kubernetesService } from '../kubernetes-services.ts';
import { ageOf, keyOf, listOf, objectOf, originOf, type Read, step } from '../world.ts';
import { type Condition, isFalse, isTrue, type RefProblem, resolvedRefs } from './conditions.ts';

/** A BackendTLSPolicy and what became of it. */
export interface BackendTls {
  readonly resource: Resource<BackendTlsPolicy>;
  readonly conditions: readonly Condition[];
  /** Hostnames of the services that it is about. */
  readonly hosts: readonly string[];
  readonly policies: readonly DestinationPolicy[];
}

/** All BackendTLSPolicies, the oldest first: of several for one port of a service the oldest counts. */
export const backendTlsPolicies = step('backend tls policies', (read): readonly BackendTls[] => {
  const taken = new Set<string>();
  return [...listOf(read, 'gateway.networking.k8s.io/BackendTLSPolicy')]
    .sort((a, b) => compareAge(ageOf(a), ageOf(b)))
    .map((resource) => backendTls(read, resource, taken));
});

function backendTls(read: Read, resource: Resource<BackendTlsPolicy>, taken: Set<string>): BackendTls {
  const { namespace } = resource.key;
  const { targetRefs, validation } = resource.object.spec;
  const places = targetRefs.map(
    (ref) => `${ref.group}/${ref.kind}/${namespace}/${ref.name}/${ref.sectionName ?? ''}`,
  );
  const conflicted = places.some((place) => taken.has(place));
  for (const place of places) taken.add(place);
  const problems = caProblems(read, namespace, validation);
  const unknown = targetRefs.find(
    ({ group, kind, name }) =>
      group !== '' ||
      kind !== 'Service' ||
      read.of(kubernetesService, keyOf(namespace, name)).value === undefined,
  );
  const conditions = [accepted(conflicted, unknown, problems), resolvedRefs(problems)];
  const usable = conditions[0]?.status === 'True';
  const hosts = targetRefs.flatMap(
    ({ name }) => read.of(kubernetesService, keyOf(namespace, name)).value?.hostname ?? [],
  );
  return { resource, conditions, hosts, policies: usable ? policiesOf(read, resource) : [] };
}

function accepted(
  conflicted: boolean,
  unknown: { readonly kind: string; readonly name: string } | undefined,
  problems: readonly RefProblem[],
): Condition {
  if (conflicted) return isFalse('Accepted', 'Conflicted', 'an older policy has the same target');
  if (unknown !== undefined)
    return isFalse('Accepted', 'TargetNotFound', `there is no ${unknown.kind} ${unknown.name}`);
  if (problems.length > 0)
    return isFalse('Accepted', 'NoValidCACertificate', problems.map(({ message }) => message).join('; '));
  return isTrue('Accepted', 'Accepted');
}

type Validation = BackendTlsPolicySpec['validation'];

function caProblems(read: Read, namespace: string, validation: Validation): RefProblem[] {
  return (validation.caCertificateRefs ?? []).flatMap(({ group, kind, name }): RefProblem[] => {
    if (group !== '' || (kind !== 'ConfigMap' && kind !== 'Secret'))
      return [{ reason: 'InvalidKind', message: `${kind} ${name} is neither a ConfigMap nor a Secret` }];
    const found =
      kind === 'ConfigMap'
        ? objectOf(read, '/ConfigMap', namespace, name)?.object.data?.['ca.crt']?.includes('-----BEGIN ')
        : objectOf(read, '/Secret', namespace, name) !== undefined;
    if (found === true) return [];
    return [
      {
        reason: 'InvalidCACertificateRef',
        message: `there is no ${kind} ${namespace}/${name} with a ca.crt`,
      },
    ];
  });
}

/** One for each target; a section is a port by its name. */
function policiesOf(read: Read, resource: Resource<BackendTlsPolicy>): DestinationPolicy[] {
  const { namespace, name } = resource.key;
  const { targetRefs, validation } = resource.object.spec;
  const tls = clientTls(namespace, validation);
  return targetRefs.flatMap((ref): DestinationPolicy[] => {
    const service = read.of(kubernetesService, keyOf(namespace, ref.name)).value;
    if (service === undefined) return [];
    const port = service.ports.find((one) => one.name === ref.sectionName)?.number;
    if (ref.sectionName !== undefined && port === undefined) return [];
    const policy = port === undefined ? { tls, ports: new Map() } : { ports: new Map([[port, { tls }]]) };
    return [
      {
        namespace,
        name: `${name}~${ref.name}~${ref.sectionName ?? ''}`,
        host: service.hostname,
        policy,
        subsets: [],
        exportTo: ['*'],
        age: ageOf(resource),
        origin: originOf(resource),
      },
    ];
  });
}

/** Whom to trust: a CA of the cluster under Istio's name for such credentials, else the system's roots. */
function clientTls(namespace: string, validation: Validation): ClientTls {
  const [ca] = validation.caCertificateRefs ?? [];
  const names = (validation.subjectAltNames ?? []).map((san) => san.hostname ?? san.uri ?? '');
  const scheme = ca?.kind === 'ConfigMap' ? 'configmap' : 'kubernetes';
  return {
    mode: 'simple',
    sni: validation.hostname,
    subjectAltNames: names.length > 0 ? names : [validation.hostname],
    insecureSkipVerify: false,
    credentialAtSidecars: true,
    ...defined({ credentialName: ca && `${scheme}://${namespace}/${ca.name}` }),
  };
}

/** What the policies say of each service: all of its ports' sections together. */
export const backendTlsDestinations = step(
  'destinations of backend tls policies',
  (read): readonly DestinationPolicy[] => {
    const byHost = new Map<string, DestinationPolicy>();
    for (const policy of read.of(backendTlsPolicies, '').flatMap(({ policies }) => policies)) {
      const before = byHost.get(policy.host);
      byHost.set(policy.host, before === undefined ? policy : together(before, policy));
    }
    return [...byHost.values()];
  },
);

function together(a: DestinationPolicy, b: DestinationPolicy): DestinationPolicy {
  const ports = new Map([...(b.policy?.ports ?? []), ...(a.policy?.ports ?? [])]);
  return { ...a, policy: { ...b.policy, ...a.policy, ports } };
}
