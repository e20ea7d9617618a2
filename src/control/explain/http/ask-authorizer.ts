import { compileMetadataMatcher } from '../../../xds/match/metadata-matcher.ts';
import { compileRbac } from '../../../xds/match/rbac.ts';
import type { ExtAuthz, Json, Rbac } from '../../../xds/resources.ts';
import type { Managed } from '../held.ts';
import type { Scene } from '../scene.ts';
import { factsOf } from './request.ts';

/** Name under which rules tell later filters what they would have done. */
const RULES = 'envoy.filters.http.rbac';

/** Writes down what rules on trial say of a request, for the filters after them. */
export class TrialNotes {
  readonly #told: { [key: string]: Json } = {};

  /** The request with the notes readable where filters look for them. */
  on(managed: Managed): Managed {
    const { peer } = managed;
    const metadata = (filter: string) => (filter === RULES ? this.#told : peer.metadata(filter));
    return { ...managed, peer: { ...peer, metadata } };
  }

  note(rules: Rbac, prefix: string, { request, peer }: Managed): void {
    const { allowed, policy } = compileRbac(rules, () => {}, '').evaluate(factsOf(request), peer);
    this.#told[`${prefix}shadow_engine_result`] = allowed ? 'allowed' : 'denied';
    if (policy !== '') this.#told[`${prefix}shadow_effective_policy_id`] = policy;
  }
}

/** Somebody outside of the mesh's rules may be asked about the request; what they say is not known here. */
export function askAuthorizer(scene: Scene, config: ExtAuthz, { peer }: Managed): void {
  const asked =
    config.filter_enabled_metadata === undefined ||
    compileMetadataMatcher(config.filter_enabled_metadata, () => {}, '')((filter) => peer.metadata(filter));
  if (!asked) return;
  const cluster =
    config.http_service?.server_uri?.cluster ?? config.grpc_service?.envoy_grpc?.cluster_name ?? '';
  scene.trace.unsure.add('everything');
  scene.trace.step(`${cluster} is asked whether it may pass; what it says is not known here`);
}
