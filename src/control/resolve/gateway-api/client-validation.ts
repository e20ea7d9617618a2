import type { KubernetesGatewaySpec } from '../../../api/gateway/gateway.ts';
import type { ServerTls } from '../../../mesh/gateway.ts';
import { objectOf, type Read } from '../world.ts';
import type { RefProblem } from './conditions.ts';
import { isGranted } from './grants.ts';
import type { ListenerPlace } from './listener-place.ts';
import { GROUP } from './route-kinds.ts';

type Frontend = NonNullable<NonNullable<KubernetesGatewaySpec['tls']>['frontend']>['default'];
type CaRef = NonNullable<NonNullable<Frontend['validation']>['caCertificateRefs']>[number];

/** What a Gateway asks of clients' certificates on a listener's port. */
export interface ClientValidation {
  readonly tls: Pick<ServerTls, 'mode' | 'caCredentialName' | 'acceptUntrusted'> | undefined;
  readonly problems: readonly RefProblem[];
}

/** By the port's own settings, else the Gateway's default; the first CA that can be had is the one that counts. */
export function clientValidation(read: Read, { gateway, spec }: ListenerPlace): ClientValidation {
  const object = objectOf(read, `${GROUP}/Gateway`, gateway.namespace, gateway.name)?.object;
  const frontend = object?.spec.tls?.frontend;
  const ofPort = frontend?.perPort?.find(({ port }) => port === spec.port)?.tls;
  const { validation } = ofPort ?? frontend?.default ?? {};
  if (spec.protocol !== 'HTTPS' || validation === undefined) return { tls: undefined, problems: [] };
  const problems: RefProblem[] = [];
  const names = validation.caCertificateRefs.flatMap((ref) => {
    const { namespace = gateway.namespace, name } = ref;
    const problem = caProblem(read, gateway.namespace, { ...ref, namespace });
    if (problem === undefined) return [`configmap://${namespace}/${name}-cacert`];
    problems.push(problem);
    return [];
  });
  const [caCredentialName] = names;
  if (caCredentialName === undefined) return { tls: undefined, problems };
  const tls: ClientValidation['tls'] =
    validation.mode === 'AllowInsecureFallback'
      ? { mode: 'optional-mutual', caCredentialName, acceptUntrusted: true }
      : { mode: 'mutual', caCredentialName };
  return { tls, problems };
}

function caProblem(
  read: Read,
  from: string,
  { group, kind, namespace, name }: CaRef & { readonly namespace: string },
): RefProblem | undefined {
  if (group !== '' || kind !== 'ConfigMap')
    return { reason: 'InvalidCACertificateKind', message: `${kind} ${name} is not a ConfigMap` };
  if (!isGranted(read, { group: GROUP, kind: 'Gateway', namespace: from }, { group, kind, namespace, name }))
    return {
      reason: 'RefNotPermitted',
      message: `no ReferenceGrant in ${namespace} lets Gateways of ${from} use ConfigMap ${name}`,
    };
  const data = objectOf(read, '/ConfigMap', namespace, name)?.object.data;
  if (data?.['ca.crt']?.includes('-----BEGIN ') === true) return undefined;
  return {
    reason: 'InvalidCACertificateRef',
    message: `there is no ConfigMap ${namespace}/${name} with a ca.crt in the form of PEM`,
  };
}
