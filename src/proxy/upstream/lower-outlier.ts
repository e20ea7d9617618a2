import { fieldIn, type Refuse, refuseRest } from '../../xds/match/refuse.ts';
import type { Cluster, MatchPredicate } from '../../xds/resources.ts';
import { readDurationMs } from '../fields.ts';
import type { FailurePercentageDetection, OutlierDetection, SuccessRateDetection } from './cluster-config.ts';
import { readErrorMatcher } from './lower-error-matcher.ts';

/** extensions.upstreams.http.v3.HttpProtocolOptions.OutlierDetection. */
export interface HttpOutlier {
  readonly error_matcher?: MatchPredicate;
}

type Message = NonNullable<Cluster['outlier_detection']>;

/**
 * config.cluster.v3.OutlierDetection with Envoy's defaults; undefined where nothing can ever eject. `http`: what the
 * HTTP options of the cluster add to it.
 */
export function readOutlierDetection(
  message: Message | undefined,
  refuse: Refuse,
  http?: HttpOutlier,
  httpField = '',
): OutlierDetection | undefined {
  if (message === undefined) return undefined;
  const duration = (
    name: 'interval' | 'base_ejection_time' | 'max_ejection_time' | 'max_ejection_time_jitter',
    absentMs: number,
  ): number => readDurationMs(message[name], absentMs, refuse, fieldIn('outlier_detection', name));
  refuseRest(refuse, 'outlier_detection', unknownFields(message));
  const baseEjectionMs = duration('base_ejection_time', 30_000);
  const split = message.split_external_local_origin_errors ?? false;
  const { error_matcher, ...others } = http ?? {};
  refuseRest(refuse, httpField, others);
  return {
    isError: error_matcher && readErrorMatcher(error_matcher, refuse, fieldIn(httpField, 'error_matcher')),
    consecutive5xx: message.consecutive_5xx ?? 5,
    enforcingConsecutive5xx: message.enforcing_consecutive_5xx ?? 100,
    consecutiveGateway: message.consecutive_gateway_failure ?? 5,
    enforcingConsecutiveGateway: message.enforcing_consecutive_gateway_failure ?? 0,
    splitLocalOrigin: split,
    consecutiveLocalOrigin: message.consecutive_local_origin_failure ?? 5,
    enforcingConsecutiveLocalOrigin: message.enforcing_consecutive_local_origin_failure ?? 100,
    intervalMs: duration('interval', 10_000),
    baseEjectionMs,
    maxEjectionMs: duration('max_ejection_time', Math.max(baseEjectionMs, 300_000)),
    maxEjectionPercent: message.max_ejection_percent ?? 10,
    alwaysEjectOne: message.always_eject_one_host ?? false,
    maxJitterMs: duration('max_ejection_time_jitter', 0),
    unejectByCheck: message.successful_active_health_check_uneject_host ?? true,
    successRate: readSuccessRate(message, message.enforcing_success_rate ?? 100),
    failurePercentage: readFailurePercentage(message, message.enforcing_failure_percentage ?? 0),
    localSuccessRate: split
      ? readSuccessRate(message, message.enforcing_local_origin_success_rate ?? 100)
      : undefined,
    localFailurePercentage: split
      ? readFailurePercentage(message, message.enforcing_failure_percentage_local_origin ?? 0)
      : undefined,
  };
}

function readSuccessRate(message: Message, enforcing: number): SuccessRateDetection | undefined {
  if (enforcing === 0) return undefined;
  return {
    enforcing,
    minimumHosts: message.success_rate_minimum_hosts ?? 5,
    requestVolume: message.success_rate_request_volume ?? 100,
    stdevFactor: (message.success_rate_stdev_factor ?? 1900) / 1000,
  };
}

function readFailurePercentage(message: Message, enforcing: number): FailurePercentageDetection | undefined {
  if (enforcing === 0) return undefined;
  return {
    enforcing,
    threshold: message.failure_percentage_threshold ?? 85,
    minimumHosts: message.failure_percentage_minimum_hosts ?? 5,
    requestVolume: message.failure_percentage_request_volume ?? 50,
  };
}

function unknownFields(message: Message): object {
  const known = new Set([
    'consecutive_5xx',
    'enforcing_consecutive_5xx',
    'consecutive_gateway_failure',
    'enforcing_consecutive_gateway_failure',
    'split_external_local_origin_errors',
    'consecutive_local_origin_failure',
    'enforcing_consecutive_local_origin_failure',
    'interval',
    'base_ejection_time',
    'max_ejection_time',
    'max_ejection_time_jitter',
    'max_ejection_percent',
    'always_eject_one_host',
    'enforcing_success_rate',
    'success_rate_minimum_hosts',
    'success_rate_request_volume',
    'success_rate_stdev_factor',
    'enforcing_failure_percentage',
    'failure_percentage_threshold',
    'failure_percentage_minimum_hosts',
    'failure_percentage_request_volume',
    'enforcing_local_origin_success_rate',
    'enforcing_failure_percentage_local_origin',
    'successful_active_health_check_uneject_host',
  ]);
  return Object.fromEntries(Object.entries(message).filter(([name]) => !known.has(name)));
}
