import type { Timer } from '../../../../lib/clock.ts';
import { isInShare } from '../../../../xds/match/fraction.ts';
import { FLAG } from '../../../observe/response-flags.ts';
import type { Counter, Gauge, StatScope } from '../../../observe/stat-scope.ts';
import type {
  FilterStream,
  HttpFilter,
  HttpFilterKind,
  Reply,
  Verdict,
} from '../../../stream/http-filter.ts';
import { FAULT_MESSAGE, type FaultConfig, lowerFault } from './config.ts';

/** Faults on purpose: requests wait, are answered with an error, or their responses are slow, in shares. A route's own configuration replaces the chain's. */
export const faultKind: HttpFilterKind = {
  message: FAULT_MESSAGE,
  routeMessage: FAULT_MESSAGE,
  lower(message, context) {
    const own = lowerFault(message, context);
    const stats = statsOf(context.stats.scope('fault.'));
    return {
      name: context.name,
      forRoute: (overrides) => makeFault((overrides[0] as FaultConfig | undefined) ?? own, stats),
    };
  },
  lowerRoute: lowerFault,
};

/** `http.PREFIX.fault.` */
interface FaultStats {
  readonly delays_injected: Counter;
  readonly aborts_injected: Counter;
  readonly response_rl_injected: Counter;
  readonly faults_overflow: Counter;
  /** Requests that wait now, or whose responses are slowed, on all routes. */
  readonly active_faults: Gauge;
}

function statsOf(scope: StatScope): FaultStats {
  return {
    delays_injected: scope.counter('delays_injected'),
    aborts_injected: scope.counter('aborts_injected'),
    response_rl_injected: scope.counter('response_rl_injected'),
    faults_overflow: scope.counter('faults_overflow'),
    active_faults: scope.gauge('active_faults'),
  };
}

function makeFault(config: FaultConfig, stats: FaultStats): HttpFilter | undefined {
  if (config.delay === undefined && config.abort === undefined && config.rate === undefined) return undefined;
  const key = {};
  /** All that is done to a request is one fault. */
  const begin = (stream: FilterStream): Fault =>
    stream.stateOf(key, () => {
      stats.active_faults.value++;
      return { timer: undefined, bytesPerMs: 0, readyAtMs: 0 };
    });
  return {
    requestHeaders(stream): Verdict {
      if (!applies(config, stream)) return undefined;
      if (stats.active_faults.value >= config.maxActive) {
        stats.faults_overflow.value++;
        return undefined;
      }
      const kibPerSecond = rateOf(config, stream);
      if (kibPerSecond !== undefined) {
        stats.response_rl_injected.value++;
        begin(stream).bytesPerMs = (kibPerSecond * 1024) / 1000;
      }
      const delayMs = delayOf(config, stream);
      if (delayMs === undefined) return abortOf(config, stream, stats);
      stream.addFlags(FLAG.delayInjected);
      stats.delays_injected.value++;
      const fault = begin(stream);
      return new Promise((resolve) => {
        fault.timer = stream.clock.setTimeout(() => {
          if (fault.bytesPerMs === 0) end(stream, key, stats);
          resolve(abortOf(config, stream, stats));
        }, delayMs);
      });
    },
    ...(config.rate && { responseData: (stream, bytes) => pace(stream, bytes, stream.knownState(key)) }),
    // A client that goes while it waits is counted no longer.
    close: (stream) => end(stream, key, stats),
  };
}

/** What is done to a request. */
interface Fault {
  timer: Timer | undefined;
  /** 0: its response is as fast as it is. */
  bytesPerMs: number;
  /** When what was sent so far had its time. */
  readyAtMs: number;
  ended?: boolean;
}

function end(stream: FilterStream, key: object, stats: FaultStats): void {
  const fault = stream.knownState<Fault>(key);
  if (fault === undefined || fault.ended) return;
  fault.ended = true;
  fault.timer?.cancel();
  stats.active_faults.value--;
}

/** A piece goes on when it would have arrived at the rate; one that came late may be as fast as a second's worth. */
function pace(stream: FilterStream, bytes: Buffer, fault: Fault | undefined): Buffer | Promise<Buffer> {
  if (fault === undefined || fault.bytesPerMs === 0 || bytes.length === 0) return bytes;
  const nowMs = stream.clock.monotonicMs();
  const fromMs = fault.readyAtMs === 0 ? nowMs : Math.max(fault.readyAtMs, nowMs - MAX_BURST_MS);
  fault.readyAtMs = fromMs + bytes.length / fault.bytesPerMs;
  const waitMs = fault.readyAtMs - nowMs;
  if (waitMs <= 0) return bytes;
  return new Promise((resolve) => {
    fault.timer = stream.clock.setTimeout(() => resolve(bytes), waitMs);
  });
}

const MAX_BURST_MS = 1000;

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

/** Kibibytes a second, undefined where the response is not slowed. */
function rateOf({ rate }: FaultConfig, stream: FilterStream): number | undefined {
  if (rate === undefined || !isInShare(rate.share, stream.random.uint32())) return undefined;
  return rate.kibPerSecond || numberIn(stream, 'x-envoy-fault-throughput-response', 1, 9_999_999);
}

function abortOf({ abort }: FaultConfig, stream: FilterStream, stats: FaultStats): Reply | undefined {
  if (abort === undefined || !isInShare(abort.share, stream.random.uint32())) return undefined;
  const status = abort.byHeader ? numberIn(stream, 'x-envoy-fault-abort-request', 200, 599) : abort.status;
  if (status === undefined) return undefined;
  stats.aborts_injected.value++;
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
