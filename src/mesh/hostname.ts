// Hostnames as rules write them: full names, `*`, or `*.` before a name for all names below it.

/** Whether the pattern means the name. A pattern may be given as the name, too: then all that it means must be meant. */
export function hostMatches(pattern: string, name: string): boolean {
  if (pattern === name || pattern === '*') return true;
  if (!pattern.startsWith('*')) return false;
  const suffix = pattern.slice(1);
  return (name.startsWith('*') ? name.slice(1) : name).endsWith(suffix) && name.length >= pattern.length;
}

/** Whether some name is meant by both. */
export function hostsOverlap(a: string, b: string): boolean {
  return hostMatches(a, b) || hostMatches(b, a);
}

export function isWildcard(host: string): boolean {
  return host.startsWith('*');
}

/** Narrow patterns first: names before wildcards, long wildcards before short ones; then by text. */
export function compareSpecificity(a: string, b: string): number {
  const wild = Number(isWildcard(a)) - Number(isWildcard(b));
  if (wild !== 0) return wild;
  if (isWildcard(a) && a.length !== b.length) return b.length - a.length;
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * A short name written in a namespace: `reviews` -> `reviews.default.svc.cluster.local`. Names with a dot are full.
 * Names are told apart without regard to case (RFC 4343), so all are in lower case from here on.
 */
export function fullHost(host: string, namespace: string, clusterDomain: string): string {
  const lower = host.toLowerCase();
  if (lower.includes('.') || isWildcard(lower) || lower.includes(':')) return lower;
  return kubernetesHost(lower, namespace, clusterDomain);
}

/** The full name of a Kubernetes Service. */
export function kubernetesHost(name: string, namespace: string, clusterDomain: string): string {
  return clusterDomain === '' ? `${name}.${namespace}` : `${name}.${namespace}.svc.${clusterDomain}`;
}

/**
 * What clients in a namespace may call a host, beside its full name: within the namespace `reviews`; everywhere
 * `reviews.default`, `reviews.default.svc`. Empty for names that are not of Kubernetes Services of this cluster.
 */
export function shortNames(host: string, clientNamespace: string, clusterDomain: string): readonly string[] {
  const suffix = `.svc.${clusterDomain}`;
  if (!host.endsWith(suffix)) return [];
  const base = host.slice(0, -suffix.length);
  const dot = base.lastIndexOf('.');
  if (dot < 0) return [];
  const names = [`${base}.svc`, base];
  if (base.slice(dot + 1) === clientNamespace) names.push(base.slice(0, dot));
  return names;
}
