import { specKind } from '../kind.ts';
import type { SpecObject } from '../object.ts';
import type { Report } from '../report.ts';
import { type Infer, list, message, oneOf, text, textMap } from '../schema.ts';
import { checkLimits } from './shared/limits.ts';
import { GATEWAY_API_GROUP, hostnameProblem, sectionNameProblem } from './shared/names.ts';
import { checkRefNames, localRef } from './shared/references.ts';

/** What a server's certificate has to show. */
export const certificateValidation = message(
  { hostname: text },
  {
    caCertificateRefs: list(localRef),
    wellKnownCACertificates: text,
    subjectAltNames: list(message({ type: oneOf('Hostname', 'URI') }, { hostname: text, uri: text })),
  },
);
type Validation = Infer<typeof certificateValidation>;

const spec = message(
  {
    targetRefs: list(message({ group: text, kind: text, name: text }, { sectionName: text })),
    validation: certificateValidation,
  },
  { options: textMap },
);

/** Spec of a BackendTLSPolicy: TLS from gateways to Services, and what their certificates must show. */
export type BackendTlsPolicySpec = Infer<typeof spec>;
export type BackendTlsPolicy = SpecObject<BackendTlsPolicySpec>;

/** gateway.networking.k8s.io BackendTLSPolicy. */
export const backendTlsPolicy = specKind(
  { group: GATEWAY_API_GROUP, kind: 'BackendTLSPolicy', versions: ['v1', 'v1alpha3'] },
  spec,
  (policy, report) => {
    checkTargets(policy, report);
    checkCertificateValidation(policy.validation, report.at('validation'));
  },
);

function checkTargets(policy: BackendTlsPolicySpec, report: Report): void {
  if (policy.targetRefs.length === 0)
    report.error('targetRefs', 'targetRefs is empty; name the Service this is about');
  checkLimits(policy, ['targetRefs', 'options'], report);
  const seen = new Set<string>();
  for (const [i, { group, kind, name, sectionName = '' }] of policy.targetRefs.entries()) {
    checkRefNames({ group, kind, name }, report.at('targetRefs', i));
    if (name === '') report.error(['targetRefs', i, 'name'], 'the name of the target is missing');
    const section = sectionName === '' ? undefined : sectionNameProblem(sectionName);
    if (section !== undefined) report.error(['targetRefs', i, 'sectionName'], section);
    const text = [group, kind, name, sectionName].join(' ');
    if (seen.has(text))
      report.error(
        ['targetRefs', i],
        'this target is already in the list; set sectionName to tell them apart',
      );
    seen.add(text);
    const whole = [group, kind, name, ''].join(' ');
    if (sectionName !== '' && policy.targetRefs.some((other) => isWhole(other, whole)))
      report.error(
        ['targetRefs', i, 'sectionName'],
        'the same target is in the list as a whole; name a section of it in both',
      );
  }
}

function isWhole(
  { group, kind, name, sectionName = '' }: BackendTlsPolicySpec['targetRefs'][number],
  text: string,
) {
  return [group, kind, name, sectionName].join(' ') === text;
}

const WELL_KNOWN = /^(?:System|[a-z0-9](?:[-.a-z0-9]*[a-z0-9])?\/[A-Za-z0-9][-A-Za-z0-9_.]{0,62})$/;

/** Whose certificates are trusted, and which names they have to hold. */
export function checkCertificateValidation(validation: Validation, report: Report): void {
  const problem = hostnameProblem(validation.hostname, false);
  if (problem !== undefined) report.error('hostname', problem);
  checkLimits(validation, ['caCertificateRefs', 'subjectAltNames'], report);
  const byRefs = (validation.caCertificateRefs ?? []).length > 0;
  const wellKnown = (validation.wellKnownCACertificates ?? '') !== '';
  if (byRefs && wellKnown)
    report.error(
      'wellKnownCACertificates',
      'wellKnownCACertificates cannot be combined with caCertificateRefs',
    );
  if (!byRefs && !wellKnown)
    report.error(
      [],
      'whose certificates are trusted? Set caCertificateRefs, or wellKnownCACertificates: System',
    );
  if (wellKnown && !WELL_KNOWN.test(validation.wellKnownCACertificates ?? ''))
    report.error('wellKnownCACertificates', 'write System, or a name of the form example.com/name');
  for (const [i, ref] of (validation.caCertificateRefs ?? []).entries())
    checkRefNames(ref, report.at('caCertificateRefs', i));
  for (const [i, name] of (validation.subjectAltNames ?? []).entries()) {
    const [own, other] =
      name.type === 'Hostname' ? (['hostname', 'uri'] as const) : (['uri', 'hostname'] as const);
    const garbled = own === 'hostname' && name.hostname ? hostnameProblem(name.hostname, true) : undefined;
    if (garbled !== undefined) report.error(['subjectAltNames', i, 'hostname'], garbled);
    if (own === 'uri' && name.uri && !/^[a-z][a-z0-9+.-]*:\/\/[^/?#]/i.test(name.uri))
      report.error(
        ['subjectAltNames', i, 'uri'],
        `"${name.uri}" is not a URI; write scheme://authority/path`,
      );
    if (!name[own]) report.error(['subjectAltNames', i, own], `${own} is required for type ${name.type}`);
    if (name[other])
      report.error(['subjectAltNames', i, other], `${other} does not belong to type ${name.type}`);
  }
}
