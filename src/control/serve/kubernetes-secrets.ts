import type { Secret } from '../../api/kubernetes/config-data.ts';
import type { Resources } from '../../api/resources.ts';
import type { IssuerPem } from '../../ca/issuer.ts';
import type { MeshSettings } from '../../mesh/settings.ts';
import { createSecretSource, type SecretData, type SecretSource } from './secrets.ts';

/** Whom the mesh configuration trusts. */
export type TrustSettings = Pick<
  MeshSettings,
  'trustDomain' | 'trustDomainAliases' | 'extraRootsPem' | 'federated'
>;

/** Secrets of the resources; the same source as long as no Secret, no ConfigMap and no root changes. */
export function secretSources(
  roots: () => string,
): (resources: Resources, settings: TrustSettings) => SecretSource {
  let last: { readonly lists: readonly unknown[]; readonly source: SecretSource } | undefined;
  return (resources, { trustDomain, trustDomainAliases, extraRootsPem, federated }) => {
    const rootsPem = `${roots()}${extraRootsPem}`;
    const trust = { rootsPem, federated, trustDomains: [trustDomain, ...trustDomainAliases] };
    const lists = [resources.list('/Secret'), resources.list('/ConfigMap'), JSON.stringify(trust)];
    if (last === undefined || last.lists.some((list, i) => list !== lists[i])) {
      const find = (namespace: string, name: string): SecretData | undefined => {
        const found = resources.get('/Secret', namespace, name);
        return found && secretData(found.object);
      };
      const findConfigMap = (namespace: string, name: string): SecretData | undefined => {
        const data = resources.get('/ConfigMap', namespace, name)?.object.data;
        return data && secretData({ stringData: data });
      };
      last = { lists, source: createSecretSource({ ...trust, find, findConfigMap }) };
    }
    return last.source;
  };
}

/** Istio's. */
const DEFAULT_ROOT_NAMESPACE = 'istio-system';

/** The CA that the user brings as the Secret `cacerts` of the root namespace; undefined where there is no whole one. */
export function cacertsIn(resources: Resources, namespace = DEFAULT_ROOT_NAMESPACE): IssuerPem | undefined {
  const found = resources.get('/Secret', namespace, 'cacerts');
  if (found === undefined) return undefined;
  const { data } = secretData(found.object);
  const text = (key: string): string | undefined => data[key] && Buffer.from(data[key]).toString('utf8');
  const [certPem, keyPem, rootPem] = [text('ca-cert.pem'), text('ca-key.pem'), text('root-cert.pem')];
  if (certPem === undefined || keyPem === undefined || rootPem === undefined) return undefined;
  return { certPem, keyPem, rootPem, chainPem: text('cert-chain.pem') ?? '' };
}

function secretData({ data = {}, stringData = {} }: Pick<Secret, 'data' | 'stringData'>): SecretData {
  const decoded = Object.entries(data).map(([key, text]) => [key, Buffer.from(text, 'base64')] as const);
  const plain = Object.entries(stringData).map(([key, text]) => [key, Buffer.from(text)] as const);
  return { data: Object.fromEntries([...decoded, ...plain]) };
}
