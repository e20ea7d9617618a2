import { isPlainObject } from '../../../api/plain.ts';
import type { Fields } from '../../plain-fields.ts';
import { STAND_IN } from '../stand-ins.ts';
import type { Credential } from './test-authority.ts';

/** Kinds whose objects name Secrets. */
const REFERRING: ReadonlySet<unknown> = new Set(['Gateway', 'DestinationRule', 'ListenerSet', 'Ingress']);
/** Proxies read Secrets of their own namespace; gateways are mostly here. */
const GATEWAYS = 'istio-system';

/** Secrets that objects name and that nobody wrote: a test need not bring certificates that it says nothing about. */
export function missingSecrets(
  documents: readonly Fields[],
  { certificate, key, root }: Credential,
): readonly Fields[] {
  const written = new Set(
    documents.filter(({ kind }) => kind === 'Secret' || kind === 'ConfigMap').map(nameOf),
  );
  const wanted = documents
    .filter(({ kind }) => REFERRING.has(kind))
    .flatMap((object) =>
      namesIn(object['spec']).flatMap((name) => [`${namespaceOf(object)}/${name}`, `${GATEWAYS}/${name}`]),
    );
  return [...new Set(wanted)]
    .filter((name) => !written.has(name))
    .map((full) => {
      const [namespace, name] = full.split('/');
      return {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name, namespace },
        type: 'kubernetes.io/tls',
        stringData: { 'tls.crt': certificate, 'tls.key': key, 'ca.crt': root },
      };
    });
}

const SECRET_FIELDS: ReadonlySet<string> = new Set(['credentialName', 'caCertCredentialName', 'secretName']);

/** What only stands for a certificate, with a real one in it. */
export function withCertificate(value: Fields, { certificate, key, root }: Credential): Fields {
  const { annotations } = (value['metadata'] ?? {}) as { readonly annotations?: Fields };
  if (annotations?.[STAND_IN] === undefined) return value;
  return value['kind'] === 'ConfigMap'
    ? { ...value, data: { 'ca.crt': root } }
    : { ...value, stringData: { 'tls.crt': certificate, 'tls.key': key, 'ca.crt': root } };
}

/** Names of Secrets anywhere in a spec. */
function namesIn(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(namesIn);
  if (!isPlainObject(value)) return [];
  return Object.entries(value).flatMap(([field, inner]) => {
    if (SECRET_FIELDS.has(field) && typeof inner === 'string') return [inner];
    if (field === 'credentialNames' && Array.isArray(inner)) return inner.map(String);
    if (field === 'certificateRefs' && Array.isArray(inner))
      return inner.flatMap((ref: unknown) => (isPlainObject(ref) ? [String(ref['name'])] : []));
    return namesIn(inner);
  });
}

function nameOf(object: Fields): string {
  return `${namespaceOf(object)}/${String((object['metadata'] as Fields | undefined)?.['name'])}`;
}

function namespaceOf(object: Fields): string {
  const { namespace = 'default' } = (object['metadata'] ?? {}) as Fields;
  return String(namespace);
}
