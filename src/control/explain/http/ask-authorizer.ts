import type { PeerFacts, RequestFacts } from '../../../xds/match/facts.ts';
import { compileMetadataMatcher } from '../../../xds/match/metadata-matcher.ts';
import { compileRbac } from '../../../xds/match/rbac.ts';
import type { ExtAuthz, Json, NetworkExtAuthz, Rbac } from '../../../xds/resources.ts';
import type { Scene } from '../scene.ts';

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

/** Somebody outside of the mesh's rules may be asked; what they say is not known here. */
export function askAuthorizer(
  scene: Scene,
  config: ExtAuthz & NetworkExtAuthz,
  { peer }: { readonly peer: PeerFacts },
): void {
  const asked =
    config.filter_enabled_metadata === undefined ||
    compileMetadataMatcher(config.filter_enabled_metadata, () => {}, '')((filter) => peer.metadata(filter));
  if (!asked) return;
  const cluster =
    config.http_service?.server_uri?.cluster ?? config.grpc_service?.envoy_grpc?.cluster_name ?? '';
  scene.trace.unsure.add('everything');
  scene.trace.step(`${cluster} is asked whether it may pass; what it says is not known here`);
}
