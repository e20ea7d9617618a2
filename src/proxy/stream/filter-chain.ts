import type { ConfiguredFilter, FilterStream, HttpFilter, Verdict } from './http-filter.ts';
import { REPLIES } from './replies.ts';
import type { RouteLeaf } from './route-table.ts';

/**
 * A chain of filters for one leaf of the routes: for each phase the hooks that exist, in the order they run. Most
 * leaves have none at all for bodies, and then bodies pass from socket to socket.
 */
export interface CompiledChain {
  readonly requestHeaders: readonly HeaderHook[];
  readonly requestData: readonly DataHook[];
  /** From the last filter to the first. */
  readonly responseHeaders: readonly HeaderHook[];
  readonly responseData: readonly DataHook[];
  readonly close: readonly ((stream: FilterStream) => void)[];
}

export type HeaderHook = (stream: FilterStream) => Verdict;
type DataHook = (stream: FilterStream, bytes: Buffer, end: boolean) => Buffer;

/** Runs a hook. A filter that throws fails its stream, closed and with 500, and no other. */
export function verdictOf(hook: HeaderHook, stream: FilterStream): Verdict {
  try {
    return hook(stream);
  } catch (error) {
    return REPLIES.filterFailed(error as Error);
  }
}

/** Compiles the chain for a leaf. */
export function compileChain(filters: readonly ConfiguredFilter[], leaf: RouteLeaf): CompiledChain {
  const here = filters
    .filter(({ name }) => !leaf.disabledFilters.has(name))
    .flatMap((filter) => filter.forRoute(leaf.overrides.get(filter.name) ?? []) ?? []);
  const back = here.toReversed();
  return {
    requestHeaders: hooks(here, 'requestHeaders'),
    requestData: hooks(here, 'requestData'),
    responseHeaders: hooks(back, 'responseHeaders'),
    responseData: hooks(back, 'responseData'),
    close: hooks(here, 'close'),
  };
}

function hooks<K extends keyof HttpFilter>(
  filters: readonly HttpFilter[],
  phase: K,
): NonNullable<HttpFilter[K]>[] {
  return filters.flatMap((filter) => filter[phase] ?? []) as NonNullable<HttpFilter[K]>[];
}

/** Gives back the chain of a leaf, compiled at its first use. Leaves go with their route table, and take theirs along. */
export function chainCache(filters: readonly ConfiguredFilter[]): (leaf: RouteLeaf) => CompiledChain {
  const chains = new WeakMap<RouteLeaf, CompiledChain>();
  let lastLeaf: RouteLeaf | undefined;
  let lastChain: CompiledChain | undefined;
  return (leaf) => {
    // Traffic comes in runs on one route.
    if (leaf === lastLeaf) return lastChain as CompiledChain;
    let chain = chains.get(leaf);
    if (chain === undefined) {
      chain = compileChain(filters, leaf);
      chains.set(leaf, chain);
    }
    lastLeaf = leaf;
    lastChain = chain;
    return chain;
  };
}
