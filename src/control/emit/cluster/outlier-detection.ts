import { formatProtoDuration } from '../../../lib/duration.ts';
import type { OutlierDetection } from '../../../mesh/traffic-policy.ts';
import type { Cluster } from '../../../xds/resources.ts';

/** Ejection of failing endpoints by counting failures in a row; never by comparing success rates, as in Istio. */
export function outlierDetection(outlier: OutlierDetection): NonNullable<Cluster['outlier_detection']> {
  return {
    ...counted('consecutive_5xx', 'enforcing_consecutive_5xx', outlier.consecutive5xx),
    ...counted(
      'consecutive_gateway_failure',
      'enforcing_consecutive_gateway_failure',
      outlier.consecutiveGatewayErrors,
    ),
    ...(outlier.intervalMs === undefined ? {} : { interval: formatProtoDuration(outlier.intervalMs) }),
    ...(outlier.baseEjectionTimeMs === undefined
      ? {}
      : { base_ejection_time: formatProtoDuration(outlier.baseEjectionTimeMs) }),
    ...(outlier.maxEjectionPercent === undefined ? {} : { max_ejection_percent: outlier.maxEjectionPercent }),
    enforcing_success_rate: 0,
    ...(outlier.splitLocalOrigin ? splitErrors(outlier) : {}),
  };
}

function splitErrors(outlier: OutlierDetection) {
  return {
    split_external_local_origin_errors: true,
    ...counted(
      'consecutive_local_origin_failure',
      'enforcing_consecutive_local_origin_failure',
      outlier.consecutiveLocalOriginFailures,
    ),
    enforcing_local_origin_success_rate: 0,
  };
}

/** A count and whether it is acted on; 0 turns it off. */
function counted(field: string, enforcing: string, count: number | undefined) {
  return count === undefined ? {} : { [field]: count, [enforcing]: count === 0 ? 0 : 100 };
}
