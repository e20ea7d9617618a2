import { applyOperations, type HeaderOperations } from '../../../stream/header-operations.ts';
import type { HttpFilter, HttpFilterKind } from '../../../stream/http-filter.ts';
import {
  type HeaderMutationConfig,
  lowerHeaderMutation,
  MUTATION_MESSAGE,
  MUTATION_ROUTE_MESSAGE,
} from './config.ts';

/** Changes headers: the chain's mutations, then those of each level of the route, or the other way round. */
export const headerMutationKind: HttpFilterKind = {
  message: MUTATION_MESSAGE,
  routeMessage: MUTATION_ROUTE_MESSAGE,
  lower(message, context) {
    const own = lowerHeaderMutation(message, context);
    return {
      name: context.name,
      forRoute(overrides) {
        const levels = overrides as readonly HeaderMutationConfig[];
        return makeMutation([own, ...(own.mostSpecificWins ? levels.toReversed() : levels)]);
      },
    };
  },
  lowerRoute: lowerHeaderMutation,
};

function makeMutation(levels: readonly HeaderMutationConfig[]): HttpFilter | undefined {
  const request = levels.flatMap((level) => level.request);
  const response = levels.flatMap((level) => level.response);
  const filter: { -readonly [K in keyof HttpFilter]: HttpFilter[K] } = {};
  if (request.length > 0)
    filter.requestHeaders = (stream) => apply(request, stream.request.headers, stream.facts);
  if (response.length > 0)
    filter.responseHeaders = (stream) => apply(response, stream.response.headers, stream.facts);
  return request.length + response.length === 0 ? undefined : (filter as HttpFilter);
}

function apply(
  operations: readonly HeaderOperations[],
  ...rest: Parameters<typeof applyOperations> extends [unknown, ...infer R] ? R : never
): undefined {
  applyOperations(operations, ...rest);
  return undefined;
}
