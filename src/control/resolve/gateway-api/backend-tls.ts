import type { BackendTlsPolicy, BackendTlsPolicySpec } from '../../../api/gateway/backend-tls-policy.ts';
import type { Resource } from '../../../api/resources.ts';
import { defined } from '../../../lib/defined.ts';
import { compareAge, type Service } from '../../../mesh/service.ts';
import type { ClientTls, DestinationPolicy } from '../../../mesh/traffic-policy.ts';
import { kubernetesService } from '../kubernetes-services.ts';
import { serviceEntry } from '../service-entries.ts';
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

type TargetRef = BackendTlsPolicySpec['targetRefs'][number];

/** All BackendTLSPolicies, the oldest first: of several for one port of a service the oldest counts. */
export const backendTlsPolicies = step('backend tls policies', (read): readonly BackendTls[] => {
  const taken = new Set<string>();
  return [...listOf(read, 'gateway.networking.k8s.io/BackendTLSPolicy')]
    .sort((a, b) => compareAge(ageOf(a), ageOf(b)))
    .map((resource) => backendTls(read, resource, taken));
});

/** A target and the services of it, with the number of the port where it names one. */
interface Target {
  readonly ref: TargetRef;
  readonly services: readonly Service[];
  readonly port: number | undefined;
  /** Why the policy does not hold for it. */
  readonly problem?: RefProblem;
}

function backendTls(read: Read, resource: Resource<BackendTlsPolicy>, taken: Set<string>): BackendTls {
  const { namespace } = resource.key;
  const { targetRefs, validation } = resource.object.spec;
  const targets = targetRefs.map((ref) => targetOf(read, namespace, ref, taken));
  const problems = caProblems(read, namespace, validation);
  const conditions = [accepted(targets, validation, problems), resolvedRefs(problems)];
  const held = targets.filter(({ problem }) => problem === undefined);
  return {
    resource,
    conditions,
    hosts: targets.flatMap(({ services }) => services.map(({ hostname }) => hostname)),
    policies: held.flatMap((target) => policiesOf(read, resource, target)),
  };
}

function targetOf(read: Read, namespace: string, ref: TargetRef, taken: Set<string>): Target {
  const key = keyOf(namespace, ref.name);
  const id = `${ref.group}/${ref.kind}`;
  const found =
    id === '/Service'
      ? [read.of(kubernetesService, key).value]
      : id === 'networking.istio.io/ServiceEntry'
        ? read.of(serviceEntry, key).value
        : [];
  const services = (found ?? []).filter((service) => service !== undefined);
  const { sectionName } = ref;
  const port = services[0]?.ports.find(({ name }) => name === sectionName)?.number;
  const target = { ref, services, port };
  if (services.length === 0) return { ...target, problem: notFound(`there is no ${ref.kind} ${ref.name}`) };
  if (sectionName !== undefined && port === undefined)
    return { ...target, problem: notFound(`${ref.kind} ${ref.name} has no port ${sectionName}`) };
  const place = `${id}/${key}/${sectionName ?? ''}`;
  if (!taken.has(place)) {
    taken.add(place);
    return target;
  }
  const message = `an older policy is about ${ref.kind} ${ref.name}`;
  return { ...target, problem: { reason: 'Conflicted', message } };
}

function notFound(message: string): RefProblem {
  return { reason: 'TargetNotFound', message };
}

function accepted(
  targets: readonly Target[],
  { wellKnownCACertificates: wellKnown = '', caCertificateRefs = [] }: Validation,
  problems: readonly RefProblem[],
): Condition {
  const lost = targets.find(({ problem }) => problem !== undefined)?.problem;
  if (lost !== undefined) return isFalse('Accepted', lost.reason, lost.message);
  if (wellKnown !== '' && wellKnown !== 'System')
    return isFalse('Accepted', 'Invalid', `wellKnownCACertificates ${wellKnown} is not known; use System`);
  if (caCertificateRefs.length > 0 && problems.length === caCertificateRefs.length)
    return isFalse('Accepted', 'NoValidCACertificate', problems.map(({ message }) => message).join('; '));
  return isTrue('Accepted', 'Accepted');
}

type Validation = BackendTlsPolicySpec['validation'];
type CaRef = NonNullable<Validation['caCertificateRefs']>[number];

/** Certificates of authorities that cannot be had. */
export function caProblems(
  read: Read,
  namespace: string,
  { caCertificateRefs = [] }: Pick<Validation, 'caCertificateRefs'>,
): RefProblem[] {
  return caCertificateRefs.flatMap((ref) => caProblem(read, namespace, ref) ?? []);
}

function caProblem(read: Read, namespace: string, { group, kind, name }: CaRef): RefProblem | undefined {
  if (group !== '' || (kind !== 'ConfigMap' && kind !== 'Secret'))
    return { reason: 'InvalidKind', message: `${kind} ${name} is neither a ConfigMap nor a Secret` };
  const found =
    kind === 'ConfigMap'
      ? objectOf(read, '/ConfigMap', namespace, name)?.object.data?.['ca.crt']?.includes('-----BEGIN ')
      : objectOf(read, '/Secret', namespace, name) !== undefined;
  if (found === true) return undefined;
  const message = `there is no ${kind} ${namespace}/${name} with a ca.crt`;
  return { reason: 'InvalidCACertificateRef', message };
}

/** One for each service of a target. */
function policiesOf(
  read: Read,
  resource: Resource<BackendTlsPolicy>,
  { ref, services, port }: Target,
): DestinationPolicy[] {
  const { namespace, name } = resource.key;
  const tls = clientTls(read, namespace, resource.object.spec.validation);
  const policy = port === undefined ? { tls, ports: new Map() } : { ports: new Map([[port, { tls }]]) };
  return services.map(({ hostname: host }) => ({
    namespace,
    name: `${name}~${ref.name}~${ref.sectionName ?? ''}`,
    host,
    policy,
    subsets: [],
    exportTo: ['*'],
    age: ageOf(resource),
    origin: originOf(resource),
  }));
}

/**
 * Whom to trust: the first CA of the cluster that can be had, under Istio's name for such credentials, else the system's
 * roots. Where none that is named can be had nobody is trusted: connections must fail.
 */
export function clientTls(read: Read, namespace: string, validation: Validation): ClientTls {
  const {
    caCertificateRefs = [],
    wellKnownCACertificates: wellKnown = '',
    subjectAltNames = [],
  } = validation;
  const ca = caCertificateRefs.find((ref) => caProblem(read, namespace, ref) === undefined);
  const nobody = caCertificateRefs.length > 0 ? ca === undefined : wellKnown !== 'System';
  const names = subjectAltNames.map((san) => san.hostname ?? san.uri ?? '');
  const scheme = ca?.kind === 'ConfigMap' ? 'configmap' : 'kubernetes';
  return {
    mode: nobody ? 'none-possible' : 'simple',
    sni: validation.hostname,
    subjectAltNames: names.length > 0 ? names : [validation.hostname],
    insecureSkipVerify: false,
    credentialAtSidecars: true,
    gatewayCertificate: true,
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
