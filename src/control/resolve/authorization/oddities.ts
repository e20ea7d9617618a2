import type { AuthorizationPolicy as Written } from '../../../api/istio/authorization-policy.ts';
import type { Resource } from '../../../api/resources.ts';
import { isTcp } from '../../../mesh/protocol.ts';
import type { Finding } from '../finding.ts';
import { meshSettings } from '../mesh-settings.ts';
import { placeOfTarget, targetsOf } from '../policy-attachment.ts';
import { services } from '../services.ts';
import { objectOf, originOf, partsOf, type Read, step } from '../world.ts';

const KIND = 'security.istio.io/AuthorizationPolicy';

/** Targets that no proxy of the mesh stands for, and authorizers that cannot be asked. */
export const authorizationFindings = step(
  'findings of authorization policies',
  (read, key): readonly Finding[] => {
    const [namespace = '', name = ''] = partsOf(key);
    const resource = objectOf(read, KIND, namespace, name);
    return resource === undefined ? [] : oddities(read, resource);
  },
);

function oddities(read: Read, resource: Resource<Written>): readonly Finding[] {
  const { spec } = resource.object;
  const origin = originOf(resource);
  const findings: Finding[] = [];
  for (const target of targetsOf(spec))
    if (placeOfTarget(read, target, resource.key.namespace) === undefined)
      findings.push({
        origin,
        field: 'spec.targetRefs',
        message: `no proxy enforces policies of ${target.kind} ${target.name}: it is not there, or no workload of the mesh stands for it; select workloads by labels`,
      });
  const trouble = spec.action === 'CUSTOM' ? authorizerTrouble(read, resource) : '';
  if (trouble !== '') findings.push({ origin, field: 'spec.provider.name', message: trouble });
  return findings;
}

/** Why an authorizer cannot be asked all that the policy is about; '' for no trouble. */
function authorizerTrouble(read: Read, { key, object: { spec } }: Resource<Written>): string {
  const { authorizers, rootNamespace } = read.of(meshSettings, '');
  const provider = spec.provider?.name ?? '';
  const authorizer = authorizers[provider];
  if (authorizer === undefined)
    return `extensionProviders of the mesh configuration have no authorizer "${provider}"; until there is one everything that this policy is about is denied`;
  const aboutPorts = (spec.rules ?? []).every(({ to = [] }) =>
    to.some(({ operation }) => (operation?.ports ?? operation?.notPorts ?? []).length > 0),
  );
  if (authorizer.kind !== 'http' || aboutPorts) return '';
  const carriesBytes = read
    .of(services, '')
    .some(
      ({ namespace, ports }) =>
        (namespace === key.namespace || key.namespace === rootNamespace) &&
        ports.some(({ protocol }) => isTcp(protocol)),
    );
  return carriesBytes
    ? `"${provider}" is asked over HTTP, which can ask about requests only: on TCP ports connections that this policy is about are denied; name the ports it is about, or ask over gRPC`
    : '';
}
