import { durationMs } from '../../../api/check/duration.ts';
import type { HttpFault } from '../../../api/istio/virtual-service/fault.ts';
import { GRPC_STATUS_NAMES } from '../../../lib/grpc-status-names.ts';
import type { Fault } from '../../../mesh/route.ts';

/** Failures made on purpose. Without a percentage nothing happens, as in Istio. */
export function httpFault(spec: HttpFault): Fault {
  const { delay, abort } = spec;
  return {
    ...(delay?.fixedDelay === undefined
      ? {}
      : {
          delay: {
            delayMs: durationMs(delay.fixedDelay),
            percent: delay.percentage?.value ?? delay.percent ?? 0,
          },
        }),
    ...(abort === undefined ? {} : abortOf(abort)),
  };
}

function abortOf(abort: NonNullable<HttpFault['abort']>): Pick<Fault, 'abort'> {
  const percent = abort.percentage?.value ?? 0;
  if (abort.httpStatus !== undefined) return { abort: { httpStatus: abort.httpStatus, percent } };
  const grpcStatus = GRPC_STATUS_NAMES.indexOf(abort.grpcStatus ?? '');
  return grpcStatus < 0 ? {} : { abort: { grpcStatus, percent } };
}
