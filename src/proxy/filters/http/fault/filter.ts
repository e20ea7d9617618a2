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

/** Faults on purpose: requests wait, or are answered with an error, in shares. A route's own configuration replaces the chain's. */
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
  readonly faults_overflow: Counter;
  /** Requests that wait now, on all routes. */
  readonly active_faults: Gauge;
}

function statsOf(scope: StatScope): FaultStats {
  return {
    delays_injected: scope.counter('delays_injected'),
    aborts_injected: scope.counter('aborts_injected'),
    faults_overflow: scope.counter('faults_overflow'),
    active_faults: scope.gauge('active_faults'),
  };
}

function makeFault(config: FaultConfig, stats: FaultStats): HttpFilter | undefined {
  if (config.delay === undefined && config.abort === undefined) return undefined;
  const key = {};
  const release = (stream: FilterStream): void => {
    const waiting = stream.knownState<Waiting>(key);
    if (waiting === undefined || !waiting.active) return;
    waiting.active = false;
    waiting.timer?.cancel();
    stats.active_faults.value--;
  };
  return {
    requestHeaders(stream): Verdict {
      if (!applies(config, stream)) return undefined;
      if (stats.active_faults.value >= config.maxActive) {
        stats.faults_overflow.value++;
        return undefined;
      }
      const delayMs = delayOf(config, stream);
      if (delayMs === undefined) return abortOf(config, stream, stats);
      stream.addFlags(FLAG.delayInjected);
      stats.delays_injected.value++;
      stats.active_faults.value++;
      const waiting = stream.stateOf(key, (): Waiting => ({ active: true, timer: undefined }));
      return new Promise((resolve) => {
        waiting.timer = stream.clock.setTimeout(() => {
          release(stream);
          resolve(abortOf(config, stream, stats));
        }, delayMs);
      });
    },
    // A client that goes while it waits is counted no longer.
    close: release,
  };
}

interface Waiting {
  active: boolean;
  timer: Timer | undefined;
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
