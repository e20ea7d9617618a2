import type { HttpFilterKind } from '../../stream/http-filter.ts';

/** The HTTP filters of this proxy. The router is none of them: it is what a chain ends in. */
const KINDS: readonly HttpFilterKind[] = [];

/** By the message of a chain's typed_config. */
export function kindOf(message: string): HttpFilterKind | undefined {
  return KINDS.find((kind) => kind.message === message);
}

/** By the message of a route's configuration; some filters take the same in both places. */
export function routeKindOf(message: string): HttpFilterKind | undefined {
  return KINDS.find((kind) => kind.routeMessage === message);
}
