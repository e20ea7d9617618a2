import { compileRbac, type RbacVerdict, rbacDetails } from '../../../../xds/match/rbac.ts';
import { fieldIn, type Refuse, refuseRest } from '../../../../xds/match/refuse.ts';
import type { AnyMessage } from '../../../../xds/resources.ts';
import type { Counter, StatScope } from '../../../observe/stat-scope.ts';
import type { FilterContext } from '../../../runtime.ts';
import type { StreamPeer } from '../../../stream/connection-view.ts';
import type { ConnectionCheck } from '../connection-check.ts';

export const RBAC_MESSAGE = 'envoy.extensions.filters.network.rbac.v3.RBAC';

type Rules = Parameters<typeof compileRbac>[0];

/** extensions.filters.network.rbac.v3.RBAC: who may connect at all. */
export function readNetworkRbac(
  message: AnyMessage,
  context: FilterContext,
  refuse: Refuse,
  field: string,
): ConnectionCheck {
  const { '@type': _type, rules, shadow_rules, stat_prefix, shadow_rules_stat_prefix, ...more } = message;
  // Checked once, when it begins: what a connection is allowed does not change while it carries bytes of one protocol.
  const { enforcement_type: _once, ...rest } = more;
  refuseRest(refuse, field, rest);
  const scope = context.runtime.metrics.scope(`${joinPrefix(String(stat_prefix ?? ''))}rbac.`);
  const counted = countersOf(scope, '');
  const shadowPrefix = String(shadow_rules_stat_prefix ?? '');
  const shadowCounted = countersOf(scope, `${joinPrefix(shadowPrefix)}shadow_`);
  const enforced =
    rules === undefined ? undefined : compileRbac(rules as Rules, refuse, fieldIn(field, 'rules'));
  const shadow =
    shadow_rules === undefined
      ? undefined
      : compileRbac(shadow_rules as Rules, refuse, fieldIn(field, 'shadow_rules'));
  return {
    asks: false,
    clusterNames: [],
    judge(_downstream, peer) {
      if (shadow !== undefined) {
        const verdict = shadow.evaluate(undefined, peer);
        (verdict.allowed ? shadowCounted.allowed : shadowCounted.denied).value++;
        tell(peer, shadowPrefix, verdict);
      }
      if (enforced === undefined) return undefined;
      const { allowed, policy } = enforced.evaluate(undefined, peer);
      (allowed ? counted.allowed : counted.denied).value++;
      return allowed ? undefined : rbacDetails(policy);
    },
  };
}

const METADATA = 'envoy.filters.network.rbac';

/** What rules on trial say, for the checks that come after: whether somebody is asked. */
function tell(peer: StreamPeer, prefix: string, { allowed, policy }: RbacVerdict): void {
  peer.setMetadata(METADATA, {
    ...(policy === '' ? {} : { [`${prefix}shadow_effective_policy_id`]: policy }),
    [`${prefix}shadow_engine_result`]: allowed ? 'allowed' : 'denied',
  });
}

/** `tcp` and `tcp.` are the same prefix. */
function joinPrefix(prefix: string): string {
  return prefix === '' || prefix.endsWith('.') ? prefix : `${prefix}.`;
}

function countersOf(
  scope: StatScope,
  prefix: string,
): { readonly allowed: Counter; readonly denied: Counter } {
  return { allowed: scope.counter(`${prefix}allowed`), denied: scope.counter(`${prefix}denied`) };
}
