import type { Counter, Gauge, StatScope } from '../observe/stat-scope.ts';

/** Why an endpoint is ejected, as Envoy names it in statistics. */
export const EJECTION_KINDS = [
  'consecutive_5xx',
  'consecutive_gateway_failure',
  'consecutive_local_origin_failure',
  'success_rate',
  'local_origin_success_rate',
  'failure_percentage',
  'local_origin_failure_percentage',
] as const;
export type EjectionKind = (typeof EJECTION_KINDS)[number];

/** `cluster.NAME.outlier_detection.` */
export interface OutlierStats {
  readonly active: Gauge;
  readonly overflow: Counter;
  readonly enforcedTotal: Counter;
  /** The older names of two of them, which dashboards have. */
  readonly total: Counter;
  readonly consecutive5xx: Counter;
  readonly detected: Readonly<Record<EjectionKind, Counter>>;
  readonly enforced: Readonly<Record<EjectionKind, Counter>>;
}

/** `scope` is the cluster's. */
export function outlierStats(scope: StatScope): OutlierStats {
  const counters = (prefix: string): Record<EjectionKind, Counter> =>
    Object.fromEntries(
      EJECTION_KINDS.map((kind) => [kind, scope.counter(`outlier_detection.ejections_${prefix}_${kind}`)]),
    ) as Record<EjectionKind, Counter>;
  return {
    active: scope.gauge('outlier_detection.ejections_active'),
    overflow: scope.counter('outlier_detection.ejections_overflow'),
    enforcedTotal: scope.counter('outlier_detection.ejections_enforced_total'),
    total: scope.counter('outlier_detection.ejections_total'),
    consecutive5xx: scope.counter('outlier_detection.ejections_consecutive_5xx'),
    detected: counters('detected'),
    enforced: counters('enforced'),
  };
}
