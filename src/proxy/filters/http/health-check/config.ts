import { compileHeaderMatchers } from '../../../../xds/match/header-matcher.ts';
import { fieldIn, refuseRest } from '../../../../xds/match/refuse.ts';
import type { AnyMessage, HeaderMatcher } from '../../../../xds/resources.ts';
import type { MessageContext } from '../../../stream/http-filter.ts';

/** extensions.filters.http.health_check.v3.HealthCheck without pass-through: answers for this proxy itself. */
export interface HealthCheckConfig {
  readonly headers: ReturnType<typeof compileHeaderMatchers>;
  /** Clusters with the share of endpoints, in percent, that must be healthy or degraded. */
  readonly minHealthy: readonly { readonly cluster: string; readonly percent: number }[];
}

export const HEALTH_CHECK_MESSAGE = 'envoy.extensions.filters.http.health_check.v3.HealthCheck';

interface Message {
  readonly pass_through_mode?: boolean;
  readonly headers?: readonly HeaderMatcher[];
  readonly cluster_min_healthy_percentages?: { readonly [cluster: string]: { readonly value?: number } };
}

export function lowerHealthCheck(message: AnyMessage, context: MessageContext): HealthCheckConfig {
  const { '@type': _type, ...fields } = message;
  const {
    pass_through_mode,
    headers,
    cluster_min_healthy_percentages = {},
    ...rest
  } = fields as unknown as Message;
  const { refuse, field } = context;
  // cache_time is among the rest: it is of use in pass-through mode only, which Envoy insists on too.
  refuseRest(refuse, field, rest);
  if (pass_through_mode === undefined)
    refuse(fieldIn(field, 'pass_through_mode'), 'is missing: false is what this proxy supports');
  if (pass_through_mode === true)
    refuse(fieldIn(field, 'pass_through_mode'), 'true is not supported by this proxy');
  return {
    headers: compileHeaderMatchers(headers, refuse, fieldIn(field, 'headers')),
    minHealthy: Object.entries(cluster_min_healthy_percentages).map(([cluster, { value = 0 }]) => ({
      cluster,
      percent: value,
    })),
  };
}
