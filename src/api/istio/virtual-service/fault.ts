import { GRPC_STATUS_NAMES } from '../../../lib/grpc-status-names.ts';
import { checkDuration } from '../../check/duration.ts';
import type { Report } from '../../report.ts';
import { duration, type Infer, int32, message, text } from '../../schema.ts';
import { checkAtMostOne } from '../shared/exclusive.ts';
import { checkFinePercentage, percentage } from '../shared/percent.ts';
import { checkStatus } from './rewrite.ts';

/** Failures made on purpose: a wait before forwarding, or an answer in place of forwarding. */
export const httpFault = message(
  {},
  {
    delay: message({}, { percent: int32, fixedDelay: duration, exponentialDelay: duration, percentage }),
    abort: message({}, { httpStatus: int32, grpcStatus: text, http2Error: text, percentage }),
  },
);
export type HttpFault = Infer<typeof httpFault>;

/** A fault needs a delay or an abort, and each of them something to do. */
export function checkFault(fault: HttpFault | undefined, report: Report): void {
  if (fault === undefined) return;
  if (fault.abort === undefined && fault.delay === undefined)
    report.error([], 'an empty fault does nothing; set delay or abort');
  if (fault.abort !== undefined) checkAbort(fault.abort, report.at('abort'));
  if (fault.delay !== undefined) checkDelay(fault.delay, report.at('delay'));
}

function checkAbort(abort: NonNullable<HttpFault['abort']>, report: Report): void {
  checkFinePercentage(abort.percentage, report, 'percentage');
  checkAtMostOne(abort, ['httpStatus', 'grpcStatus', 'http2Error'], report);
  if (abort.http2Error !== undefined)
    report.error('http2Error', 'http2Error is not supported; use httpStatus or grpcStatus');
  else if (abort.grpcStatus !== undefined) {
    if (!GRPC_STATUS_NAMES.includes(abort.grpcStatus))
      report.error(
        'grpcStatus',
        `"${abort.grpcStatus}" is not a gRPC status; use one of ${GRPC_STATUS_NAMES.join(', ')}`,
      );
  } else if (abort.httpStatus !== undefined) checkStatus(abort.httpStatus, report, 'httpStatus');
  else report.warn([], 'this abort does nothing; set httpStatus or grpcStatus');
}

function checkDelay(delay: NonNullable<HttpFault['delay']>, report: Report): void {
  checkFinePercentage(delay.percentage, report, 'percentage');
  checkAtMostOne(delay, ['fixedDelay', 'exponentialDelay'], report);
  checkDuration(delay.fixedDelay, report, 'fixedDelay');
  if (delay.exponentialDelay !== undefined)
    report.error('exponentialDelay', 'exponentialDelay is not supported; use fixedDelay');
}
