import type { HeaderValueOption } from '../../../xds/match/header-append.ts';
import { type AnyMessage, messageOf } from '../../../xds/resources.ts';
import { addHeader } from './change-headers.ts';
import type { ValueFacts } from './format-value.ts';
import type { Leaf } from './leaf.ts';
import { type Headers, withoutHeader } from './request.ts';

export const MUTATION_MESSAGE = 'envoy.extensions.filters.http.header_mutation.v3.HeaderMutation';
const ROUTE_MESSAGE = `${MUTATION_MESSAGE}PerRoute`;

interface Mutation {
  readonly remove?: string;
  readonly append?: HeaderValueOption;
}

interface Mutations {
  readonly mutations?: {
    readonly request_mutations?: readonly Mutation[];
    readonly response_mutations?: readonly Mutation[];
  };
  readonly most_specific_header_mutations_wins?: boolean;
}

/** Headers behind the filter header_mutation: its own changes, then those of the route's levels. */
export function mutateHeaders(
  headers: Headers,
  config: AnyMessage,
  name: string,
  leaf: Leaf | undefined,
  side: 'request' | 'response',
  facts: ValueFacts,
): Headers {
  const own = config as AnyMessage & Mutations;
  const narrowFirst = (leaf?.levels ?? [])
    .flatMap(({ typed_per_filter_config: configs }) => configs?.[name] ?? [])
    .filter((override) => messageOf(override['@type']) === ROUTE_MESSAGE) as readonly Mutations[];
  const levels = own.most_specific_header_mutations_wins === true ? narrowFirst.toReversed() : narrowFirst;
  return [own, ...levels]
    .flatMap(({ mutations }) => mutations?.[`${side}_mutations`] ?? [])
    .reduce((now, mutation) => mutate(now, mutation, facts), headers);
}

function mutate(headers: Headers, { remove, append }: Mutation, facts: ValueFacts): Headers {
  if (remove !== undefined) return withoutHeader(headers, remove.toLowerCase());
  return append === undefined ? headers : addHeader(headers, append, facts);
}
