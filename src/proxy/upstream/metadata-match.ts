import type { Json } from '../../xds/resources.ts';

/** What a route says of the endpoints it wants (`metadata_match`): fields of `envoy.lb`, sorted by name. Immutable. */
export interface MetadataMatch {
  readonly criteria: readonly (readonly [name: string, value: Json])[];
  /** The same text for equal criteria: what subsets are found by. */
  readonly key: string;
}

type Fields = { readonly [name: string]: Json };

/** The namespace of metadata that speaks of load balancing. */
export const LB_NAMESPACE = 'envoy.lb';

/** The criteria of fields; later ones win over earlier ones of the same name. Undefined where there are none. */
export function metadataMatch(...layers: readonly (Fields | undefined)[]): MetadataMatch | undefined {
  const fields: Fields = Object.assign({}, ...layers);
  const criteria = Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1));
  return criteria.length === 0 ? undefined : { criteria, key: criteriaKey(criteria) };
}

/** See {@link MetadataMatch.key}; the criteria are sorted by name. */
export function criteriaKey(criteria: MetadataMatch['criteria']): string {
  return criteria.map(([name, value]) => `${JSON.stringify(name)}=${canonical(value)}`).join(',');
}

/** JSON with sorted fields. */
function canonical(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = Object.entries(value as Fields).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([name, inner]) => `${JSON.stringify(name)}:${canonical(inner)}`).join(',')}}`;
}
