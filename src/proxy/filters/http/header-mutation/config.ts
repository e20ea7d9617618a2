import { fieldIn, refuseRest } from '../../../../xds/match/refuse.ts';
import type { AnyMessage } from '../../../../xds/resources.ts';
import { type Mutation, readMutations } from '../../../stream/header-mutations.ts';
import type { HeaderOperations } from '../../../stream/header-operations.ts';
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

export function lowerHeaderMutation(message: AnyMessage, context: MessageContext): HeaderMutationConfig {
  const { '@type': _type, mutations = {}, most_specific_header_mutations_wins, ...rest } = message;
  const { refuse, field } = context;
  refuseRest(refuse, field, rest);
  const { request_mutations, response_mutations, ...others } = mutations as {
    readonly request_mutations?: readonly Mutation[];
    readonly response_mutations?: readonly Mutation[];
  };
  refuseRest(refuse, fieldIn(field, 'mutations'), others);
  return {
    request: readMutations(
      request_mutations,
      'request',
      refuse,
      fieldIn(field, 'mutations.request_mutations'),
    ),
    response: readMutations(
      response_mutations,
      'response',
      refuse,
      fieldIn(field, 'mutations.response_mutations'),
    ),
    mostSpecificWins: most_specific_header_mutations_wins === true,
  };
}
