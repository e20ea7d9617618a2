import type { LocalityEndpoints } from './endpoint-set.ts';

type Place = Pick<LocalityEndpoints, 'region' | 'zone' | 'subZone'>;

/** `eu/eu-1/rack-7`: equal for equal localities, and in Envoy's order of localities. */
export function localityName({ region, zone, subZone }: Place): string {
  return `${region}/${zone}/${subZone}`;
}

/** Members by locality, localities in order. */
export function byLocality<T extends { readonly placement: { readonly locality: Place } }>(
  members: readonly T[],
): [name: string, members: T[]][] {
  const groups = Map.groupBy(members, ({ placement }) => localityName(placement.locality));
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Name of a member's locality within its priority. */
export function localityKey({
  placement: { locality },
}: {
  readonly placement: { readonly locality: LocalityEndpoints };
}): string {
  return `${locality.priority}:${localityName(locality)}`;
}
