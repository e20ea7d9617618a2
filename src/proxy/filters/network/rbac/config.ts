import { compileRbac } from '../../../../xds/match/rbac.ts';
import { fieldIn, type Refuse, refuseRest } from '../../../../xds/match/refuse.ts';
import type { AnyMessage } from '../../../../xds/resources.ts';
import type { FilterContext } from '../../../runtime.ts';
import { ConnectionView, StreamPeer } from '../../../stream/connection-view.ts';
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
  const { '@type': _type, rules, shadow_rules, stat_prefix = '', ...more } = message;
  // Checked once, when it begins: what a connection is allowed does not change while it carries bytes of one protocol.
  const { enforcement_type: _once, shadow_rules_stat_prefix: _prefix, ...rest } = more;
  refuseRest(refuse, field, rest);
  const stats = context.runtime.metrics.rbac(String(stat_prefix));
  const enforced =
    rules === undefined ? undefined : compileRbac(rules as Rules, refuse, fieldIn(field, 'rules'));
  const shadow =
    shadow_rules === undefined
      ? undefined
      : compileRbac(shadow_rules as Rules, refuse, fieldIn(field, 'shadow_rules'));
  return (downstream) => {
    const peer = new StreamPeer(new ConnectionView(downstream));
    if (shadow !== undefined) stats.count('shadow', shadow.evaluate(undefined, peer).allowed);
    if (enforced === undefined) return undefined;
    const { allowed, policy } = enforced.evaluate(undefined, peer);
    stats.count('enforced', allowed);
    return allowed ? undefined : `RBAC denies the connection${policy === '' ? '' : ` by policy ${policy}`}`;
  };
}
