import type { Refuse } from './refuse.ts';

/** Virtual hosts by domain. Domains and hosts are compared in lower case. */
export interface HostIndex<T> {
  readonly exact: ReadonlyMap<string, T>;
  /** `*.foo.com` as `.foo.com`, longest first. */
  readonly suffixes: readonly (readonly [string, T])[];
  /** `foo.*` as `foo.`, longest first. */
  readonly prefixes: readonly (readonly [string, T])[];
  readonly any: T | undefined;
}

/** Sorts virtual hosts by their domains; a domain that two of them claim is refused, as Envoy does. */
export function indexHosts<T>(
  hosts: readonly { readonly domains: readonly string[]; readonly value: T; readonly field: string }[],
  refuse: Refuse,
): HostIndex<T> {
  const exact = new Map<string, T>();
  const suffixes = new Map<string, T>();
  const prefixes = new Map<string, T>();
  const any = new Map<string, T>();
  for (const { domains, value, field } of hosts)
    for (const [i, domain] of domains.entries()) {
      const lower = domain.toLowerCase();
      const [map, key] =
        lower === '*'
          ? ([any, lower] as const)
          : lower.startsWith('*')
            ? ([suffixes, lower.slice(1)] as const)
            : lower.endsWith('*')
              ? ([prefixes, lower.slice(0, -1)] as const)
              : ([exact, lower] as const);
      if (map.has(key)) refuse(`${field}.domains[${i}]`, `'${domain}' is claimed twice`);
      else map.set(key, value);
    }
  return { exact, suffixes: longestFirst(suffixes), prefixes: longestFirst(prefixes), any: any.get('*') };
}

/** The virtual host of a Host header: exact, longest suffix, longest prefix, then `*` (config.route.v3.VirtualHost). */
export function matchHost<T>(index: HostIndex<T>, authority: string): T | undefined {
  const host = authority.toLowerCase();
  const exact = index.exact.get(host);
  if (exact !== undefined) return exact;
  // The wildcard stands for at least one character.
  for (const [suffix, value] of index.suffixes)
    if (host.length > suffix.length && host.endsWith(suffix)) return value;
  for (const [prefix, value] of index.prefixes)
    if (host.length > prefix.length && host.startsWith(prefix)) return value;
  return index.any;
}

/** Which wildcard but `*` matches, where no exact domain does: to be compared with those of another index. */
export function matchWildcard<T>(
  { suffixes, prefixes }: HostIndex<T>,
  authority: string,
): { readonly kind: 'suffix' | 'prefix'; readonly length: number; readonly value: T } | undefined {
  const host = authority.toLowerCase();
  for (const [suffix, value] of suffixes)
    if (host.length > suffix.length && host.endsWith(suffix))
      return { kind: 'suffix', length: suffix.length, value };
  for (const [prefix, value] of prefixes)
    if (host.length > prefix.length && host.startsWith(prefix))
      return { kind: 'prefix', length: prefix.length, value };
  return undefined;
}

/** `reviews:9080` -> `reviews`, `[::1]:80` -> `[::1]`. */
export function withoutPort(authority: string): string {
  const colon = authority.lastIndexOf(':');
  if (colon < 0 || authority.lastIndexOf(']') > colon) return authority;
  return /^\d+$/.test(authority.slice(colon + 1)) ? authority.slice(0, colon) : authority;
}

function longestFirst<T>(map: ReadonlyMap<string, T>): (readonly [string, T])[] {
  return [...map].sort(([a], [b]) => b.length - a.length);
}
