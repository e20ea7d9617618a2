import type { PeerFacts, RequestFacts } from '../../../xds/match/facts.ts';
import { compileMetadataMatcher } from '../../../xds/match/metadata-matcher.ts';
import { compileRbac } from '../../../xds/match/rbac.ts';
import type { ExtAuthz, Json, NetworkExtAuthz, Rbac } from '../../../xds/resources.ts';

/** Writes down what rules on trial say of a request or a connection, for the filters after them. */
export class TrialNotes {
  /** Name under which rules tell later filters what they would have done. */
  readonly #rules: string;
  readonly #told: { [key: string]: Json } = {};

  constructor(layer: 'http' | 'network') {
    this.#rules = `envoy.filters.${layer}.rbac`;
  }

  /** The same with the notes readable where filters look for them. */
  on<T extends { readonly peer: PeerFacts }>(held: T): T {
    const { peer } = held;
    const metadata = (filter: string) => (filter === this.#rules ? this.#told : peer.metadata(filter));
    return { ...held, peer: { ...peer, metadata } };
  }

  note(rules: Rbac, prefix: string, request: RequestFacts | undefined, peer: PeerFacts): void {
    const { allowed, policy } = compileRbac(rules, () => {}, '').evaluate(request, peer);
    this.#told[`${prefix}shadow_engine_result`] = allowed ? 'allowed' : 'denied';
    if (policy !== '') this.#told[`${prefix}shadow_effective_policy_id`] = policy;
  }
}

/** Whether a filter asks about this one: rules on trial before it may have to name a policy. */
export function isAsked(
  { filter_enabled_metadata: matcher }: ExtAuthz & NetworkExtAuthz,
  { peer }: { readonly peer: PeerFacts },
): boolean {
  if (matcher === undefined) return true;
  return compileMetadataMatcher(matcher, () => {}, '')((filter) => peer.metadata(filter));
}
