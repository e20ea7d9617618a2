import { type Secret, typeUrls } from '../../xds/resources.ts';
import type { Emitted } from '../emit/emitted.ts';

/** The secrets that the control plane owns, in the form of SDS. */
export interface SecretSource {
  /**
   * Those of the names that exist and may be had. `namespace` is the one that the proxy has proved to be of: without it,
   * and from other namespaces, no TLS secrets. `default`, a workload's own key, is never here: keys are made where they
   * are used.
   */
  secretsFor(names: ReadonlySet<string>, namespace: string | undefined): readonly Emitted[];
}

/** The data of a Kubernetes Secret, decoded. */
export interface SecretData {
  readonly data: Readonly<Record<string, Uint8Array>>;
}

/** Name under which proxies ask for the trust bundle. */
export const ROOT_CA = 'ROOTCA';
const SCHEME = 'kubernetes://';
/** Ending of a name that asks only for the CA certificate of a secret. */
const CA_ENDING = '-cacert';

/** What the secrets come from. */
export interface SecretSourceOptions {
  /** PEM of all roots. */
  readonly rootsPem: string;
  /** A Kubernetes Secret; the same object as long as it does not change. */
  readonly find: (namespace: string, name: string) => SecretData | undefined;
}

/** Secrets of one moment. */
export function createSecretSource({ rootsPem, find }: SecretSourceOptions): SecretSource {
  const rootCa = emitted({ name: ROOT_CA, validation_context: { trusted_ca: { inline_string: rootsPem } } });
  const made = new Map<string, Emitted | undefined>();
  const tlsSecret = (name: string, namespace: string): Emitted | undefined => {
    const key = `${namespace} ${name}`;
    if (!made.has(key)) made.set(key, fromKubernetes(name, namespace, find));
    return made.get(key);
  };
  return {
    secretsFor(names, namespace) {
      const found: Emitted[] = [];
      for (const name of names) {
        if (name === ROOT_CA) found.push(rootCa);
        const secret = namespace === undefined ? undefined : tlsSecret(name, namespace);
        if (secret !== undefined) found.push(secret);
      }
      return found;
    },
  };
}

/** `kubernetes://NAME` of the proxy's own namespace, or `kubernetes://NAMESPACE/NAME` where that is the same. */
function fromKubernetes(
  resource: string,
  namespace: string,
  find: SecretSourceOptions['find'],
): Emitted | undefined {
  if (!resource.startsWith(SCHEME)) return undefined;
  const [first = '', second, ...more] = resource.slice(SCHEME.length).split('/');
  const name = second ?? first;
  if (more.length > 0 || (second !== undefined && first !== namespace)) return undefined;
  const own = find(namespace, name);
  if (own !== undefined) return certificateSecret(resource, own);
  if (!name.endsWith(CA_ENDING)) return undefined;
  const base = find(namespace, name.slice(0, -CA_ENDING.length));
  return base === undefined ? undefined : caSecret(resource, base);
}

/** Keys of Secrets of type kubernetes.io/tls, and of generic ones as Istio reads them. */
function certificateSecret(name: string, { data }: SecretData): Emitted | undefined {
  const certificate = data['tls.crt'] ?? data['cert'];
  const key = data['tls.key'] ?? data['key'];
  if (certificate === undefined || key === undefined) return caSecret(name, { data });
  const chain = { inline_string: textOf(certificate) };
  return emitted({
    name,
    tls_certificate: { certificate_chain: chain, private_key: { inline_string: textOf(key) } },
  });
}

function caSecret(name: string, { data }: SecretData): Emitted | undefined {
  const ca = data['ca.crt'] ?? data['cacert'];
  if (ca === undefined) return undefined;
  return emitted({ name, validation_context: { trusted_ca: { inline_string: textOf(ca) } } });
}

function emitted(secret: Secret): Emitted<Secret> {
  return { name: secret.name ?? '', typeUrl: typeUrls.secret, object: secret, provenance: [] };
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8');
}
