import { isPlainObject } from '../../api/plain.ts';
import type { Fields } from '../plain-fields.ts';

// Certificates that objects of the Gateway API refer to and that nobody wrote. A listener whose Secret is not there is
// not opened, so that all engines must have one: in simulation it stands for itself, the others put a real one in its
// place (engine/missing-secrets.ts).

/** Annotation of what only stands for something. */
export const STAND_IN = 'weft.dev/stand-in';

const GATEWAY_API = 'gateway.networking.k8s.io/';
const PEM = '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n';

interface Ref {
  readonly kind: 'Secret' | 'ConfigMap';
  readonly namespace: string;
  readonly name: string;
}

/** Secrets and ConfigMaps that stand for what the objects refer to. */
export function standIns(documents: readonly unknown[]): readonly Fields[] {
  const objects = documents.filter(isPlainObject);
  const written = new Set(objects.filter(({ kind }) => isKept(kind)).map((object) => textOf(refOf(object))));
  const wanted = objects
    .filter(({ apiVersion }) => String(apiVersion).startsWith(GATEWAY_API))
    .flatMap((object) => refsIn(object['spec'], refOf(object).namespace));
  const missing = new Map(wanted.map((ref) => [textOf(ref), ref]));
  return [...missing].filter(([text]) => !written.has(text)).map(([, ref]) => standIn(ref));
}

function isKept(kind: unknown): boolean {
  return kind === 'Secret' || kind === 'ConfigMap';
}

function standIn({ kind, namespace, name }: Ref): Fields {
  const metadata = { name, namespace, annotations: { [STAND_IN]: 'true' } };
  return kind === 'ConfigMap'
    ? { apiVersion: 'v1', kind, metadata, data: { 'ca.crt': PEM } }
    : {
        apiVersion: 'v1',
        kind,
        metadata,
        type: 'kubernetes.io/tls',
        stringData: { 'tls.crt': PEM, 'tls.key': PEM },
      };
}

/** References to certificates anywhere in a spec. */
function refsIn(value: unknown, namespace: string): readonly Ref[] {
  if (Array.isArray(value)) return value.flatMap((inner) => refsIn(inner, namespace));
  if (!isPlainObject(value)) return [];
  return Object.entries(value).flatMap(([field, inner]) => {
    if (field === 'certificateRefs' || field === 'caCertificateRefs')
      return (Array.isArray(inner) ? inner : []).flatMap((ref) => readRef(ref, namespace));
    return field === 'clientCertificateRef' ? readRef(inner, namespace) : refsIn(inner, namespace);
  });
}

function readRef(value: unknown, own: string): readonly Ref[] {
  if (!isPlainObject(value)) return [];
  const { kind = 'Secret', namespace = own, name } = value;
  return kind === 'Secret' || kind === 'ConfigMap'
    ? [{ kind, namespace: String(namespace), name: String(name) }]
    : [];
}

function refOf({ kind, metadata }: Fields): Ref {
  const { namespace = 'default', name } = isPlainObject(metadata) ? metadata : {};
  return { kind: kind as Ref['kind'], namespace: String(namespace), name: String(name) };
}

function textOf({ kind, namespace, name }: Ref): string {
  return `${kind} ${namespace}/${name}`;
}
