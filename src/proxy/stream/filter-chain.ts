import type { ConfiguredFilter, FilterStream, HttpFilter, Verdict } from './http-filter.ts';
import { REPLIES } from './replies.ts';
import type { RouteLeaf } from './route-table.ts';

/**
 * A chain of filters for one leaf of the routes: for each phase the hooks that exist, in the order they run. Most
 * leaves have none at all for bodies, and then bodies pass from socket to socket.
 */
export interface CompiledChain {
  readonly filters: readonly PlacedFilter[];
  readonly requestHeaders: readonly HeaderHook[];
  readonly requestData: readonly RequestDataHook[];
  readonly requestTrailers: readonly RequestTrailersHook[];
  /** From the last filter to the first, here and below. */
  readonly responseHeaders: readonly HeaderHook[];
  readonly responseData: readonly ResponseDataHook[];
  /** Filters that see the end of a response's body, or its trailers. */
  readonly responseEnds: readonly ResponseEndHooks[];
  readonly close: readonly ((stream: FilterStream) => void)[];
  /** Per hook of that phase, its filter's place in the configured chain. */
  readonly places: {
    readonly requestHeaders: readonly number[];
    readonly requestData: readonly number[];
  };
}

/** A filter and its place in the configured chain. */
export interface PlacedFilter {
  readonly filter: HttpFilter;
  readonly place: number;
}

export type HeaderHook = (stream: FilterStream) => Verdict;
export type RequestDataHook = NonNullable<HttpFilter['requestData']>;
type RequestTrailersHook = NonNullable<HttpFilter['requestTrailers']>;
export type ResponseDataHook = NonNullable<HttpFilter['responseData']>;
export type ResponseEndHooks = Pick<HttpFilter, 'responseData' | 'responseTrailers'>;

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
  const here: PlacedFilter[] = [];
  for (const [place, configured] of filters.entries()) {
    if (leaf.disabledFilters.has(configured.name)) continue;
    const filter = configured.forRoute(leaf.overrides.get(configured.name) ?? [], leaf);
    if (filter !== undefined) here.push({ filter, place });
  }
  return flatten(here);
}

function flatten(filters: readonly PlacedFilter[]): CompiledChain {
  const here = filters.map(({ filter }) => filter);
  const back = here.toReversed();
  const places = (phase: keyof HttpFilter): number[] =>
    filters.flatMap(({ filter, place }) => (filter[phase] === undefined ? [] : [place]));
  return {
    filters,
    requestHeaders: hooks(here, 'requestHeaders'),
    requestData: hooks(here, 'requestData'),
    requestTrailers: hooks(here, 'requestTrailers'),
    responseHeaders: hooks(back, 'responseHeaders'),
    responseData: hooks(back, 'responseData'),
    responseEnds: back.filter(
      ({ responseData, responseTrailers }) => responseData !== undefined || responseTrailers !== undefined,
    ),
    close: hooks(here, 'close'),
    places: { requestHeaders: places('requestHeaders'), requestData: places('requestData') },
  };
}

/** By the chain that was begun, then by the one that follows, then by place. */
const continued = new WeakMap<CompiledChain, WeakMap<CompiledChain, CompiledChain[]>>();

/**
 * The chain of a stream whose route was chosen again by the filter at `place`: filters that have run stay those of
 * `begun`, those that come are of `next`. There is one per pair of leaves and place.
 */
export function continueChain(begun: CompiledChain, next: CompiledChain, place: number): CompiledChain {
  let byNext = continued.get(begun);
  if (byNext === undefined) {
    byNext = new WeakMap();
    continued.set(begun, byNext);
  }
  let byPlace = byNext.get(next);
  if (byPlace === undefined) {
    byPlace = [];
    byNext.set(next, byPlace);
  }
  byPlace[place] ??= flatten([
    ...begun.filters.filter((one) => one.place <= place),
    ...next.filters.filter((one) => one.place > place),
  ]);
  return byPlace[place];
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
