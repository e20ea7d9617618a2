import type { VirtualService } from '../../api/istio/virtual-service.ts';
import type { Resource, Resources } from '../../api/resources.ts';
import { fullHost, hostMatches, isWildcard, kubernetesHost } from '../../mesh/hostname.ts';

// What rules name, and whether it is there: hosts and subsets. Which of several DestinationRules counts for a caller is
// not asked here: a subset that any of them has is there.

/** A destination as a rule names it. */
export interface Reference {
  /** Full. */
  readonly host: string;
  /** '' for none. */
  readonly subset: string;
  /** `spec.http[0].route[1].destination`. */
  readonly field: string;
}

interface Target {
  readonly host: string;
  readonly subset?: string;
}

/** All destinations of a VirtualService. Its content never changes, so neither do they: they are worked out once. */
export function referencesOf(rule: Resource<VirtualService>, clusterDomain: string): readonly Reference[] {
  let found = known.get(rule);
  if (found === undefined) known.set(rule, (found = readReferences(rule, clusterDomain)));
  return found;
}

const known = new WeakMap<Resource, readonly Reference[]>();

function readReferences(
  { key, object: { spec } }: Resource<VirtualService>,
  clusterDomain: string,
): readonly Reference[] {
  const to = ({ host, subset = '' }: Target, field: string): Reference => ({
    host: fullHost(host, key.namespace, clusterDomain),
    subset,
    field,
  });
  const routes = (['http', 'tls', 'tcp'] as const).flatMap((part) =>
    (spec[part] ?? []).flatMap(({ route = [] }, i) =>
      route.map(({ destination }, j) => to(destination, `spec.${part}[${i}].route[${j}].destination`)),
    ),
  );
  const mirrors = (spec.http ?? []).flatMap(({ mirror, mirrors = [] }, i) => [
    ...(mirror === undefined ? [] : [to(mirror, `spec.http[${i}].mirror`)]),
    ...mirrors.map(({ destination }, j) => to(destination, `spec.http[${i}].mirrors[${j}].destination`)),
  ]);
  return [...routes, ...mirrors];
}

/** What can be referred to. */
export interface Referents {
  hasHost(host: string): boolean;
  /** Whether a DestinationRule has the subset of the host. */
  hasSubset(host: string, subset: string): boolean;
}

/** Those of some objects. Tables are made where somebody asks, and kept as long as the lists they are made from. */
export function referentsOf(resources: Resources, clusterDomain: string): Referents {
  return {
    hasHost(host) {
      const services = hostsOf(resources.list('/Service'), ({ key }) => [
        kubernetesHost(key.name, key.namespace, clusterDomain),
      ]);
      const entries = hostsOf(
        resources.list('networking.istio.io/ServiceEntry'),
        ({ object }) => object.spec.hosts ?? [],
      );
      return (
        services.exact.has(host) ||
        entries.exact.has(host) ||
        entries.wild.some((one) => hostMatches(one, host))
      );
    },
    hasSubset(host, subset) {
      const { exact, wild } = subsetsOf(resources, clusterDomain);
      if (exact.get(host)?.has(subset)) return true;
      return wild.some(([pattern, names]) => hostMatches(pattern, host) && names.has(subset));
    },
  };
}

interface Hosts {
  readonly exact: ReadonlySet<string>;
  readonly wild: readonly string[];
}

const hostTables = new WeakMap<readonly Resource[], Hosts>();

function hostsOf<T>(
  list: readonly Resource<T>[],
  names: (resource: Resource<T>) => readonly string[],
): Hosts {
  let table = hostTables.get(list);
  if (table === undefined) {
    const all = list.flatMap(names);
    table = { exact: new Set(all), wild: all.filter(isWildcard) };
    hostTables.set(list, table);
  }
  return table;
}

interface Subsets {
  readonly exact: ReadonlyMap<string, ReadonlySet<string>>;
  readonly wild: readonly (readonly [host: string, names: ReadonlySet<string>])[];
}

const subsetTables = new WeakMap<readonly Resource[], Subsets>();

function subsetsOf(resources: Resources, clusterDomain: string): Subsets {
  const list = resources.list('networking.istio.io/DestinationRule');
  let table = subsetTables.get(list);
  if (table === undefined) {
    const exact = new Map<string, Set<string>>();
    for (const { key, object } of list) {
      const host = fullHost(object.spec.host, key.namespace, clusterDomain);
      const names = exact.get(host) ?? new Set();
      for (const { name } of object.spec.subsets ?? []) names.add(name);
      exact.set(host, names);
    }
    table = { exact, wild: [...exact].filter(([host]) => isWildcard(host)) };
    subsetTables.set(list, table);
  }
  return table;
}
