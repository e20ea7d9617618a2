import { fieldIn, type Refuse, refuseRest } from '../../../../xds/match/refuse.ts';
import { type AnyMessage, messageOf } from '../../../../xds/resources.ts';
import { type Mutation, readMutations } from '../../../stream/header-mutations.ts';
import type { HeaderOperations } from '../../../stream/header-operations.ts';

type Extension = { readonly name?: string; readonly typed_config?: AnyMessage };

const MUTATION = 'envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation';

/** early_header_mutation_extensions; undefined where there is none. */
export function readEarlyMutations(
  extensions: readonly Extension[] | undefined,
  refuse: Refuse,
  field: string,
): readonly HeaderOperations[] | undefined {
  if (extensions === undefined || extensions.length === 0) return undefined;
  return extensions.flatMap(({ name = '', typed_config }, i) => {
    const place = fieldIn(`${field}[${i}]`, 'typed_config');
    const kind = messageOf(typed_config?.['@type'] ?? '');
    if (typed_config === undefined || kind !== MUTATION) {
      refuse(place, `'${kind || name}' is not supported by this proxy`);
      return [];
    }
    const { '@type': _type, mutations, ...rest } = typed_config;
    refuseRest(refuse, place, rest);
    return readMutations(
      mutations as readonly Mutation[] | undefined,
      'request',
      refuse,
      fieldIn(place, 'mutations'),
    );
  });
}
