import type { MeshConfig } from '../../api/istio/mesh-config.ts';
import type { MeshSettings } from '../../mesh/settings.ts';

/**
 * `caCertificates` of the mesh configuration. An entry that names no trust domain is for the mesh's own (`own`); one that
 * names others lets their workloads in, by these roots alone. Entries for the same trust domain are joined (Istio).
 */
export function extraTrust(
  caCertificates: Partial<MeshConfig>['caCertificates'],
  own: readonly string[],
): Pick<MeshSettings, 'extraRootsPem' | 'federated'> {
  const byDomain = new Map<string, Set<string>>();
  const extra = new Set<string>();
  for (const { pem = '', trustDomains = [] } of caCertificates ?? []) {
    if (pem === '') continue;
    const text = `${pem.trim()}\n`;
    if (trustDomains.length === 0 || trustDomains.some((domain) => own.includes(domain))) extra.add(text);
    for (const domain of trustDomains) {
      if (own.includes(domain)) continue;
      const roots = byDomain.get(domain) ?? new Set();
      byDomain.set(domain, roots.add(text));
    }
  }
  const federated = [...byDomain].map(([trustDomain, roots]) => ({
    trustDomain,
    rootsPem: [...roots].join(''),
  }));
  federated.sort((a, b) => (a.trustDomain < b.trustDomain ? -1 : 1));
  return { extraRootsPem: [...extra].join(''), federated };
}
