import type { HeaderValueOption } from '../../xds/match/header-append.ts';
import { type Refuse, refuseRest } from '../../xds/match/refuse.ts';
import { type HeaderOperations, readHeaderOperations } from './header-operations.ts';

/** config.common.mutation_rules.v3.HeaderMutation. */
export interface Mutation {
  readonly append?: HeaderValueOption;
  readonly remove?: string;
}

/** Operations one after the other, as they are written. `field` is that of the list. */
export function readMutations(
  list: readonly Mutation[] | undefined,
  prefix: 'request' | 'response',
  refuse: Refuse,
  field: string,
): readonly HeaderOperations[] {
  return (list ?? []).map(({ append, remove, ...unknown }, i) => {
    const place = `${field}[${i}]`;
    refuseRest(refuse, place, unknown);
    return readHeaderOperations(
      append && [append],
      remove === undefined ? undefined : [remove],
      prefix,
      refuse,
      place,
    );
  });
}
