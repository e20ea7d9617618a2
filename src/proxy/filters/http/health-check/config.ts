import { compileHeaderMatchers } from '../../../../xds/match/header-matcher.ts';
import { fieldIn, refuseRest } from '../../../../xds/match/refuse.ts';
import type { AnyMessage, HeaderMatcher } from '../../../../xds/resources.ts';
import { readDurationMs } from '../../../fields.ts';
import type { MessageContext } from '../../../stream/http-filter.ts';

/** extensions.filters.http.health_check.v3.HealthCheck */
export interface HealthCheckConfig {
  readonly headers: ReturnType<typeof compileHeaderMatchers>;
  /** The upstream answers, and what it said is repeated for `cacheMs`; 0: it is asked every time. */
  readonly passesThrough: boolean;
  readonly cacheMs: number;
  /** Clusters with the share of endpoints, in percent, that must be healthy or degraded. */
  readonly minHealthy: readonly { readonly cluster: string; readonly percent: number }[];
}

export const HEALTH_CHECK_MESSAGE = 'envoy.extensions.filters.http.health_check.v3.HealthCheck';

interface Message {
  readonly pass_through_mode?: boolean;
  readonly cache_time?: string;
  readonly headers?: readonly HeaderMatcher[];
  readonly cluster_min_healthy_percentages?: { readonly [cluster: string]: { readonly value?: number } };
}

export function lowerHealthCheck(message: AnyMessage, context: MessageContext): HealthCheckConfig {
  const { '@type': _type, ...fields } = message;
  const {
    pass_through_mode,
    cache_time,
    headers,
    cluster_min_healthy_percentages = {},
    ...rest
  } = fields as unknown as Message;
  const { refuse, field } = context;
  refuseRest(refuse, field, rest);
  if (pass_through_mode === undefined)
    refuse(fieldIn(field, 'pass_through_mode'), 'is missing: it is true or false');
  if (cache_time !== undefined && pass_through_mode !== true)
    refuse(fieldIn(field, 'cache_time'), 'is of use in pass_through_mode only');
  if (pass_through_mode === true && Object.keys(cluster_min_healthy_percentages).length > 0)
    refuse(fieldIn(field, 'cluster_min_healthy_percentages'), 'is of no use in pass_through_mode');
  return {
    passesThrough: pass_through_mode === true,
    cacheMs: readDurationMs(cache_time, 0, refuse, fieldIn(field, 'cache_time')),
    headers: compileHeaderMatchers(headers, refuse, fieldIn(field, 'headers')),
    minHealthy: Object.entries(cluster_min_healthy_percentages).map(([cluster, { value = 0 }]) => ({
      cluster,
      percent: value,
    })),
  };
}
