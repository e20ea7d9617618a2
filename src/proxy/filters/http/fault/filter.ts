import type { Clock } from '../../../../lib/clock.ts';
import { isInShare } from '../../../../xds/match/fraction.ts';
import { FLAG } from '../../../observe/response-flags.ts';
import type {
  FilterStream,
  HttpFilter,
  HttpFilterKind,
  Reply,
  Verdict,
} from '../../../stream/http-filter.ts';
import { FAULT_MESSAGE, type FaultConfig, lowerFault } from './config.ts';

/** Faults on purpose: requests wait, or are answered with an error, in shares. A route's own configuration replaces the chain's. */
export const faultKind: HttpFilterKind = {
  message: FAULT_MESSAGE,
  routeMessage: FAULT_MESSAGE,
  lower(message, context) {
    const own = lowerFault(message, context);
    return {
      name: context.name,
      forRoute: (overrides) => makeFault((overrides[0] as FaultConfig | undefined) ?? own),
    };
  },
  lowerRoute: lowerFault,
};

function makeFault(config: FaultConfig): HttpFilter | undefined {
  if (config.delay === undefined && config.abort === undefined) return undefined;
  let active = 0;
  return {
    requestHeaders(stream): Verdict {
      if (!applies(config, stream) || active >= config.maxActive) return undefined;
      const delayMs = delayOf(config, stream);
      if (delayMs === undefined) return abortOf(config, stream);
      stream.addFlags(FLAG.delayInjected);
      active++;
      return wait(stream.clock, delayMs).then(() => {
        active--;
        return abortOf(config, stream);
      });
    },
  };
}

function applies(config: FaultConfig, stream: FilterStream): boolean {
  if (config.upstreamCluster !== '' && config.upstreamCluster !== stream.routeCluster) return false;
  return config.headers.every((matches) => matches(stream.request));
}

/** How long to wait, undefined for not at all. */
function delayOf({ delay }: FaultConfig, stream: FilterStream): number | undefined {
  if (delay === undefined || !isInShare(delay.share, stream.random.uint32())) return undefined;
  if (!delay.byHeader) return delay.ms > 0 ? delay.ms : undefined;
  return numberIn(stream, 'x-envoy-fault-delay-request', 1, 3_600_000);
}

function abortOf({ abort }: FaultConfig, stream: FilterStream): Reply | undefined {
  if (abort === undefined || !isInShare(abort.share, stream.random.uint32())) return undefined;
  const status = abort.byHeader ? numberIn(stream, 'x-envoy-fault-abort-request', 200, 599) : abort.status;
  if (status === undefined) return undefined;
  const grpc = abort.grpcStatus === undefined ? {} : { grpcStatus: abort.grpcStatus };
  return {
    status,
    body: 'fault filter abort',
    details: 'fault_filter_abort',
    flags: FLAG.faultInjected,
    ...grpc,
  };
}

function numberIn(stream: FilterStream, header: string, least: number, most: number): number | undefined {
  const text = stream.request.header(header);
  if (text === undefined || !/^\d{1,7}$/.test(text)) return undefined;
  const number = Number(text);
  return number >= least && number <= most ? number : undefined;
}

function wait(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => void clock.setTimeout(resolve, ms));
}
