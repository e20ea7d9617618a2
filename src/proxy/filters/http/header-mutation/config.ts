import { fieldIn, refuseRest } from '../../../../xds/match/refuse.ts';
import type { AnyMessage, VirtualHost } from '../../../../xds/resources.ts';
import { type HeaderOperations, readHeaderOperations } from '../../../stream/header-operations.ts';
import type { MessageContext } from '../../../stream/http-filter.ts';

/** extensions.filters.http.header_mutation.v3: operations one after the other, as they are written. */
export interface HeaderMutationConfig {
  readonly request: readonly HeaderOperations[];
  readonly response: readonly HeaderOperations[];
  readonly mostSpecificWins: boolean;
}

export const MUTATION_MESSAGE = 'envoy.extensions.filters.http.header_mutation.v3.HeaderMutation';
export const MUTATION_ROUTE_MESSAGE =
  'envoy.extensions.filters.http.header_mutation.v3.HeaderMutationPerRoute';

interface Mutation {
  readonly append?: NonNullable<VirtualHost['request_headers_to_add']>[number];
  readonly remove?: string;
}

export function lowerHeaderMutation(message: AnyMessage, context: MessageContext): HeaderMutationConfig {
  const { '@type': _type, mutations = {}, most_specific_header_mutations_wins, ...rest } = message;
  const { refuse, field } = context;
  refuseRest(refuse, field, rest);
  const { request_mutations, response_mutations, ...others } = mutations as {
    readonly request_mutations?: readonly Mutation[];
    readonly response_mutations?: readonly Mutation[];
  };
  refuseRest(refuse, fieldIn(field, 'mutations'), others);
  const read = (list: readonly Mutation[] | undefined, prefix: 'request' | 'response'): HeaderOperations[] =>
    (list ?? []).map(({ append, remove, ...unknown }, i) => {
      const place = fieldIn(field, `mutations.${prefix}_mutations[${i}]`);
      refuseRest(refuse, place, unknown);
      return readHeaderOperations(
        append && [append],
        remove === undefined ? undefined : [remove],
        prefix,
        refuse,
        place,
      );
    });
  return {
    request: read(request_mutations, 'request'),
    response: read(response_mutations, 'response'),
    mostSpecificWins: most_specific_header_mutations_wins === true,
  };
}
