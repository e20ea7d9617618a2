import { EXPERIMENTAL_GROUP } from '../../../api/gateway/shared/names.ts';
import type { SecretRef } from '../../../api/gateway/shared/references.ts';
import type { Secret } from '../../../api/kubernetes/config-data.ts';
import type { ServerTls } from '../../../mesh/gateway.ts';
import { objectOf, type Read } from '../world.ts';
import { clientValidation } from './client-validation.ts';
import type { RefProblem } from './conditions.ts';
import { isGranted } from './grants.ts';
import type { ListenerPlace } from './listener-place.ts';
import { GROUP } from './route-kinds.ts';

/** A secret that a Gateway may have by its own or another namespace's leave, as Istio names it. */
const SCHEME = 'kubernetes-gateway://';

/** How a listener ends TLS, and which of its certificates cannot be had. Without a usable one it is not opened. */
export function certificatesOf(
  read: Read,
  place: ListenerPlace,
): {
  readonly tls: ServerTls | undefined;
  readonly problems: readonly RefProblem[];
  /** Nobody can judge the certificates of clients. */
  readonly noAuthority?: boolean;
} {
  const { protocol, tls: written } = place.spec;
  if (protocol !== 'HTTPS' && protocol !== 'TLS') return { tls: undefined, problems: [] };
  if (written?.mode === 'Passthrough') return { tls: serverTls('passthrough', []), problems: [] };
  const problems: RefProblem[] = [];
  const names: string[] = [];
  for (const ref of written?.certificateRefs ?? []) {
    const problem = certificateProblem(read, place.owner, ref);
    if (problem === undefined) names.push(gatewayCredential(place.owner, ref));
    else problems.push(problem);
  }
  if (names.length === 0 && problems.length === 0)
    problems.push({ reason: 'InvalidCertificateRef', message: 'the listener names no certificate' });
  const clients = clientValidation(read, place);
  problems.push(...clients.problems);
  // Clients that nobody can judge must not get in: without a CA there is no certificate to show either.
  const open = clients.tls !== undefined || clients.problems.length === 0;
  const tls = { ...serverTls('simple', open ? names : []), ...clients.tls };
  return { tls, problems, noAuthority: !open };
}

function serverTls(mode: 'passthrough' | 'simple', credentialNames: readonly string[]): ServerTls {
  const none = {
    files: [],
    subjectAltNames: [],
    certificateHashes: [],
    certificateSpki: [],
    cipherSuites: [],
  };
  return { mode, credentialNames, ...none };
}

/** SDS name of a Secret with a certificate that an object refers to. */
export function gatewayCredential(owner: ListenerPlace['owner'], ref: SecretRef): string {
  return `${SCHEME}${ref.namespace ?? owner.namespace}/${ref.name}`;
}

/** Why a certificate cannot be had. Whether it exists is not told to those who may not use it. */
export function certificateProblem(
  read: Read,
  owner: ListenerPlace['owner'],
  ref: SecretRef,
): RefProblem | undefined {
  const { group = '', kind = 'Secret', namespace = owner.namespace, name } = ref;
  const invalid = (message: string) => ({ reason: 'InvalidCertificateRef', message });
  if (group !== '' || kind !== 'Secret') return invalid(`${kind} ${name} is not a Secret`);
  const ownGroup = owner.kind === 'XListenerSet' ? EXPERIMENTAL_GROUP : GROUP;
  const from = { group: ownGroup, kind: owner.kind, namespace: owner.namespace };
  if (!isGranted(read, from, { group, kind, namespace, name }))
    return {
      reason: 'RefNotPermitted',
      message: `no ReferenceGrant in ${namespace} lets ${owner.kind}s of ${owner.namespace} use Secret ${name}`,
    };
  const secret = objectOf(read, '/Secret', namespace, name);
  if (secret === undefined) return invalid(`there is no Secret ${namespace}/${name}`);
  const missing = ['tls.crt', 'tls.key'].find((field) => !holdsPem(secret.object, field));
  return missing === undefined
    ? undefined
    : invalid(`Secret ${namespace}/${name} has no ${missing} in the form of PEM`);
}

function holdsPem({ data = {}, stringData = {} }: Secret, field: string): boolean {
  const plain = stringData[field];
  if (plain !== undefined) return plain.includes('-----BEGIN ');
  try {
    return atob(data[field] ?? '').includes('-----BEGIN ');
  } catch {
    return false;
  }
}
