import { type CompiledRbac, compileRbac } from '../../../../xds/match/rbac.ts';
import { fieldIn, refuseRest } from '../../../../xds/match/refuse.ts';
import type { AnyMessage } from '../../../../xds/resources.ts';
import type { MessageContext } from '../../../stream/http-filter.ts';

/** extensions.filters.http.rbac.v3.RBAC: rules that decide, and rules on trial. */
export interface RbacConfig {
  readonly enforced: CompiledRbac | undefined;
  readonly shadow: CompiledRbac | undefined;
  readonly statPrefix: string;
  readonly shadowPrefix: string;
}

export const RBAC_MESSAGE = 'envoy.extensions.filters.http.rbac.v3.RBAC';
export const RBAC_ROUTE_MESSAGE = 'envoy.extensions.filters.http.rbac.v3.RBACPerRoute';

type Rules = Parameters<typeof compileRbac>[0];

export function lowerRbac(message: AnyMessage, { refuse, field }: MessageContext): RbacConfig {
  const {
    '@type': _type,
    rules,
    shadow_rules,
    rules_stat_prefix,
    shadow_rules_stat_prefix,
    ...more
  } = message;
  const { track_per_rule_stats: _perRule, ...rest } = more;
  refuseRest(refuse, field, rest);
  const read = (value: unknown, name: string): CompiledRbac | undefined => {
    if (value === undefined) return undefined;
    const place = fieldIn(field, name);
    return compileRbac(value as Rules, refuse, place);
  };
  return {
    enforced: read(rules, 'rules'),
    shadow: read(shadow_rules, 'shadow_rules'),
    statPrefix: String(rules_stat_prefix ?? ''),
    shadowPrefix: String(shadow_rules_stat_prefix ?? ''),
  };
}

/** A route's own rules; a message without rules switches the filter off there. */
export function lowerRbacRoute(message: AnyMessage, context: MessageContext): RbacConfig {
  const { '@type': _type, rbac, ...rest } = message;
  refuseRest(context.refuse, context.field, rest);
  return lowerRbac(
    { '@type': '', ...(rbac as object | undefined) },
    { ...context, field: fieldIn(context.field, 'rbac') },
  );
}
