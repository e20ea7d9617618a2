import type { Secret } from '../../api/kubernetes/config-data.ts';
import type { Resources } from '../../api/resources.ts';
import { createSecretSource, type SecretData, type SecretSource } from './secrets.ts';

/** Secrets of the resources; the same source as long as no Secret changes. */
export function secretSources(rootsPem: string): (resources: Resources) => SecretSource {
  let last: { readonly list: unknown; readonly source: SecretSource } | undefined;
  return (resources) => {
    const list = resources.list('/Secret');
    if (last?.list !== list) {
      const find = (namespace: string, name: string): SecretData | undefined => {
        const found = resources.get('/Secret', namespace, name);
        return found && secretData(found.object);
      };
      last = { list, source: createSecretSource({ rootsPem, find }) };
    }
    return last.source;
  };
}

function secretData({ data = {}, stringData = {} }: Secret): SecretData {
  const decoded = Object.entries(data).map(([key, text]) => [key, Buffer.from(text, 'base64')] as const);
  const plain = Object.entries(stringData).map(([key, text]) => [key, Buffer.from(text)] as const);
  return { data: Object.fromEntries([...decoded, ...plain]) };
}
