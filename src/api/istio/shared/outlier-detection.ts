import { checkDuration } from '../../check/duration.ts';
import type { Report } from '../../report.ts';
import { bool, duration, type Infer, int32, list, message, uint32 } from '../../schema.ts';
import { checkPercent } from './percent.ts';

/** When a failing endpoint is taken out of load balancing, and for how long. */
export const outlierDetection = message(
  {},
  {
    consecutiveErrors: int32,
    splitExternalLocalOriginErrors: bool,
    consecutiveLocalOriginFailures: uint32,
    consecutiveGatewayErrors: uint32,
    consecutive5xxErrors: uint32,
    interval: duration,
    baseEjectionTime: duration,
    maxEjectionPercent: int32,
    minHealthPercent: int32,
    outlierDetectionHttpErrorCodes: list(uint32),
  },
);
export type OutlierDetection = Infer<typeof outlierDetection>;

/** Durations, percentages, and counters that are only counted when told to. */
export function checkOutlierDetection(outlier: OutlierDetection | undefined, report: Report): void {
  if (outlier === undefined) return;
  checkDuration(outlier.baseEjectionTime, report, 'baseEjectionTime');
  checkDuration(outlier.interval, report, 'interval');
  if ((outlier.consecutiveErrors ?? 0) !== 0)
    report.warn(
      'consecutiveErrors',
      'consecutiveErrors is old; use consecutiveGatewayErrors or consecutive5xxErrors',
    );
  if (outlier.splitExternalLocalOriginErrors !== true && (outlier.consecutiveLocalOriginFailures ?? 0) > 0)
    report.error(
      'consecutiveLocalOriginFailures',
      'failures of local origin are only counted apart with splitExternalLocalOriginErrors: true',
    );
  checkPercent(outlier.maxEjectionPercent, report, 'maxEjectionPercent');
  checkPercent(outlier.minHealthPercent, report, 'minHealthPercent');
}
