import type { Hash64 } from '../../lib/hash64.ts';
import type { Pickable } from './balancers/picker.ts';
import type { Destination } from './destination-endpoints.ts';
import type { MetadataMatch } from './metadata-match.ts';

/**
 * What a pick may depend on. Whoever forwards makes one per request; every member beside the first two may be absent,
 * and is asked for only by clusters whose configuration needs it.
 */
export interface PickContext {
  /** Where the client wanted to go, for original destination clusters. */
  readonly destination: Destination | undefined;
  /** A request header, lower-case name; undefined for TCP. */
  header(name: string): string | undefined;
  /** For consistent hashing; a random one where it is undefined. */
  hash?(): Hash64 | undefined;
  /** The subset of endpoints that the route wants. */
  readonly metadataMatch?: MetadataMatch | undefined;
  /** Dynamic metadata of the request, for original destination clusters that go by it. */
  metadata?(namespace: string): { readonly [key: string]: unknown } | undefined;
  /** How often another endpoint is drawn while the one that came up is excluded; the last one is taken as it is. */
  readonly redraws?: number;
  /** Whether an endpoint must not be taken if there is another (retry host predicates). */
  excludes?(endpoint: Pickable): boolean;
  /** Priorities that get nothing as long as others can take it (retry priorities). */
  readonly avoidedPriorities?: ReadonlySet<number> | undefined;
  /** An endpoint asked for by address (stateful sessions); `strict`: no other one. */
  readonly overrideHost?: { readonly address: string; readonly strict: boolean } | undefined;
}

/** Nothing is known: requests of the proxy itself. */
export const ANY_CONTEXT: PickContext = { destination: undefined, header: () => undefined };
