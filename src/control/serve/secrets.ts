import { type DomainRoots, trustSecret } from '../../xds/mesh-trust.ts';
import { type Secret, typeUrls } from '../../xds/resources.ts';
import type { Emitted } from '../emit/emitted.ts';

/** The secrets that the control plane owns, in the form of SDS. */
export interface SecretSource {
  /**
   * Those of the names that exist and may be had. `namespace` is the one that the proxy has proved to be of: without it,
   * and from other namespaces, no TLS secrets but those that are lent to it, by their full names. `default`, a workload's
   * own key, is never here: keys are made where they are used.
   */
  secretsFor(
    names: ReadonlySet<string>,
    namespace: string | undefined,
    lent?: ReadonlySet<string>,
  ): readonly Emitted[];
}

/** The data of a Kubernetes Secret, decoded. */
export interface SecretData {
  readonly data: Readonly<Record<string, Uint8Array>>;
}

/** Name under which proxies ask for the trust bundle. */
export const ROOT_CA = 'ROOTCA';
/** Name under which proxies ask for the roots that their operating system trusts (Istio). */
const SYSTEM_ROOTS = 'file-root:system';
/** Where Debian, Ubuntu and Alpine have them. `SSL_CERT_FILE` names another file, as for OpenSSL. */
const SYSTEM_ROOTS_FILE = '/etc/ssl/certs/ca-certificates.crt';

/** Nothing private about it: every proxy may have it. */
export function isForEverybody(name: string): boolean {
  return name === ROOT_CA || name === SYSTEM_ROOTS;
}

const SCHEME = 'kubernetes://';
/** Secrets of Gateways of the Kubernetes Gateway API, which may be lent from other namespaces. */
const GATEWAY_SCHEME = 'kubernetes-gateway://';
/** CA certificates out of ConfigMaps: nothing private about them. */
const CONFIG_MAP_SCHEME = 'configmap://';
/** Ending of a name that asks only for the CA certificate of a secret. */
const CA_ENDING = '-cacert';

/** What the secrets come from. */
export interface SecretSourceOptions {
  /** PEM of all roots of the mesh. */
  readonly rootsPem: string;
  /** Other trust domains that are trusted; default: none. */
  readonly federated?: readonly DomainRoots[];
  /** The mesh's trust domain and its aliases; needed where there are others. */
  readonly trustDomains?: readonly string[];
  /** A Kubernetes Secret; the same object as long as it does not change. */
  readonly find: (namespace: string, name: string) => SecretData | undefined;
  /** A Kubernetes ConfigMap, likewise; default: there are none. */
  readonly findConfigMap?: (namespace: string, name: string) => SecretData | undefined;
  /** The file with the roots of the operating system, on the machines of the proxies. */
  readonly systemRootsFile?: string;
}

/** Secrets of one moment. */
export function createSecretSource({
  rootsPem,
  federated = [],
  trustDomains = [],
  find,
  findConfigMap = () => undefined,
  systemRootsFile = process.env['SSL_CERT_FILE'] ?? SYSTEM_ROOTS_FILE,
}: SecretSourceOptions): SecretSource {
  const systemRoots = emitted({
    name: SYSTEM_ROOTS,
    validation_context: { trusted_ca: { filename: systemRootsFile } },
  });
  const rootCa = emitted(trustSecret(ROOT_CA, rootsPem, trustDomains, federated));
  const made = new Map<string, Emitted | undefined>();
  const tlsSecret = (name: string, namespace: string): Emitted | undefined => {
    const key = `${namespace} ${name}`;
    if (!made.has(key))
      made.set(
        key,
        fromKubernetes(name, namespace, find) ?? fromOwnConfigMap(name, namespace, findConfigMap),
      );
    return made.get(key);
  };
  const publicSecret = (name: string): Emitted | undefined => {
    if (!made.has(name)) made.set(name, fromConfigMap(name, findConfigMap));
    return made.get(name);
  };
  const lentSecret = (name: string): Emitted | undefined => {
    if (!made.has(name)) made.set(name, fromGateway(name, find));
    return made.get(name);
  };
  const privateSecret = (name: string, namespace: string, lent: ReadonlySet<string>) => {
    if (name.startsWith(CONFIG_MAP_SCHEME)) return publicSecret(name);
    return lent.has(name) ? lentSecret(name) : tlsSecret(name, namespace);
  };
  return {
    secretsFor(names, namespace, lent = NONE) {
      const found: Emitted[] = [];
      for (const name of names) {
        if (name === ROOT_CA) found.push(rootCa);
        if (name === SYSTEM_ROOTS) found.push(systemRoots);
        const secret = namespace === undefined ? undefined : privateSecret(name, namespace, lent);
        if (secret !== undefined) found.push(secret);
      }
      return found;
    },
  };
}

const NONE: ReadonlySet<string> = new Set();

/** `SCHEME//NAMESPACE/NAME` in its two parts. */
function partsAfter(
  scheme: string,
  resource: string,
): readonly [namespace: string, name: string] | undefined {
  const [namespace, name, ...more] = resource.slice(scheme.length).split('/');
  if (!resource.startsWith(scheme) || namespace === undefined || name === undefined) return undefined;
  return more.length > 0 ? undefined : [namespace, name];
}

function fromGateway(resource: string, find: SecretSourceOptions['find']): Emitted | undefined {
  const parts = partsAfter(GATEWAY_SCHEME, resource);
  const found = parts && find(...parts);
  return found && certificateSecret(resource, found);
}

function fromConfigMap(resource: string, find: SecretSourceOptions['find']): Emitted | undefined {
  const [namespace, name] = partsAfter(CONFIG_MAP_SCHEME, resource) ?? [];
  if (namespace === undefined || !name?.endsWith(CA_ENDING)) return undefined;
  const found = find(namespace, name.slice(0, -CA_ENDING.length));
  return found && caSecret(resource, found);
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

/** CA certificates may be in a ConfigMap of the name just as well: they are no secret. */
function fromOwnConfigMap(
  resource: string,
  namespace: string,
  find: SecretSourceOptions['find'],
): Emitted | undefined {
  const name = resource.startsWith(SCHEME) ? resource.slice(SCHEME.length) : '';
  if (!name.endsWith(CA_ENDING) || name.includes('/')) return undefined;
  const found = find(namespace, name) ?? find(namespace, name.slice(0, -CA_ENDING.length));
  return found && caSecret(resource, found);
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
  const crl = data['ca.crl'] ?? data['crl'];
  const revoked = crl === undefined ? {} : { crl: { inline_string: textOf(crl) } };
  return emitted({ name, validation_context: { trusted_ca: { inline_string: textOf(ca) }, ...revoked } });
}

function emitted(secret: Secret): Emitted<Secret> {
  return { name: secret.name ?? '', typeUrl: typeUrls.secret, object: secret, provenance: [] };
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8');
}
