import { getHeader, type Headers, removeHeader, setHeader } from '../../../../wire/headers.ts';
import type { ForwardAction } from '../../../stream/route-table.ts';
import type { RouterConfig } from './config.ts';
import type { TryTimes } from './try-limits.ts';

// How long a request may take: what the route says, what the caller says in headers, and what the upstream is told.

/** Time limits of one request in milliseconds; 0 is none. */
export interface RequestTimes extends TryTimes {
  /** From the request's last byte to the response's last. */
  readonly totalMs: number;
  /** From the request's first byte to the response's last; undefined: the connection manager's. */
  readonly streamMs: number | undefined;
}

/** The times of a request: the route's, unless the caller may and does say otherwise in headers, which end here. */
export function requestTimes(
  headers: Headers,
  action: ForwardAction,
  config: RouterConfig,
  steered: boolean,
): RequestTimes {
  let totalMs = routeTimeMs(headers, action);
  let perTryMs = action.retry?.perTryTimeoutMs ?? 0;
  if (steered) {
    const expected = config.respectExpectedTimeout
      ? numberOf(headers, 'x-envoy-expected-rq-timeout-ms')
      : undefined;
    totalMs = expected ?? takeNumber(headers, 'x-envoy-upstream-rq-timeout-ms') ?? totalMs;
    perTryMs = takeNumber(headers, 'x-envoy-upstream-rq-per-try-timeout-ms') ?? perTryMs;
  }
  // A try cannot be given longer than everything.
  if (totalMs > 0 && perTryMs >= totalMs) perTryMs = 0;
  const perTryIdleMs = action.retry?.perTryIdleTimeoutMs ?? 0;
  return { totalMs, perTryMs, perTryIdleMs, streamMs: streamTimeMs(headers, action) };
}

/** Tells the upstream how long this proxy will wait: for a try, or for all that is left after `elapsedMs`. */
export function tellTimes(
  headers: Headers,
  { totalMs, perTryMs }: RequestTimes,
  action: ForwardAction,
  config: RouterConfig,
  hedges: boolean,
  elapsedMs: number,
): void {
  let ms = hedges || perTryMs === 0 ? totalMs : perTryMs;
  if (ms === 0) return;
  if (totalMs > 0) ms = elapsedMs >= totalMs ? 1 : Math.min(ms, totalMs - elapsedMs);
  if (!config.suppressEnvoyHeaders)
    setHeader(headers, 'x-envoy-expected-rq-timeout-ms', String(Math.round(ms)));
  if (action.grpcTimeoutMaxMs !== undefined && !action.usesStreamTimes && isGrpc(headers))
    setHeader(headers, 'grpc-timeout', grpcTimeoutText(ms));
}

function routeTimeMs(headers: Headers, action: ForwardAction): number {
  if (action.usesStreamTimes) return 0;
  const { grpcTimeoutMaxMs: maxMs, grpcTimeoutOffsetMs: offsetMs } = action;
  if (maxMs === undefined || !isGrpc(headers)) return action.timeoutMs;
  let ms = grpcTimeoutMs(headers) ?? 0;
  if (offsetMs < ms) ms -= offsetMs;
  return maxMs !== 0 && (ms === 0 || ms > maxMs) ? maxMs : ms;
}

/** A stream whose time was over before it began. */
export const EXPIRED_MS = -1;

/** With max_stream_duration `grpc-timeout` limits the stream, as far as the route lets it, and is told onwards. */
function streamTimeMs(headers: Headers, action: ForwardAction): number | undefined {
  const { grpcTimeoutMaxMs: maxMs, grpcTimeoutOffsetMs: offsetMs, maxStreamMs } = action;
  if (!action.usesStreamTimes || !isGrpc(headers)) return maxStreamMs;
  const asked = maxMs === undefined ? undefined : grpcTimeoutMs(headers);
  if (asked === undefined) {
    if (maxStreamMs !== undefined && maxStreamMs > 0)
      setHeader(headers, 'grpc-timeout', grpcTimeoutText(maxStreamMs));
    return maxStreamMs;
  }
  const capped = maxMs !== 0 && asked > (maxMs as number) ? (maxMs as number) : asked;
  const ms = Math.max(0, capped - offsetMs);
  setHeader(headers, 'grpc-timeout', grpcTimeoutText(ms));
  return ms === 0 ? EXPIRED_MS : ms;
}

const GRPC_UNITS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 0.001,
  n: 0.000_001,
};

/** Whole milliseconds, up; undefined where nothing valid is said. */
function grpcTimeoutMs(headers: Headers): number | undefined {
  const text = getHeader(headers, 'grpc-timeout');
  if (text === undefined) return undefined;
  const [, amount, unit] = /^(\d{1,8})([HMSmun])$/.exec(text) ?? [];
  if (amount === undefined || unit === undefined) return undefined;
  return Math.ceil(Number(amount) * (GRPC_UNITS[unit] as number));
}

/** At most eight digits, in the finest unit that has room. */
function grpcTimeoutText(ms: number): string {
  let amount = Math.round(ms);
  for (const [unit, perNext] of [
    ['m', 1000],
    ['S', 60],
    ['M', 60],
  ] as const) {
    if (amount < 100_000_000) return `${amount}${unit}`;
    amount = Math.floor(amount / perNext);
  }
  return `${Math.min(amount, 99_999_999)}H`;
}

function isGrpc(headers: Headers): boolean {
  return getHeader(headers, 'content-type')?.startsWith('application/grpc') ?? false;
}

/** Whether any header is one of Envoy's: most requests have none, and then many look-ups need not be made. */
export function hasEnvoyHeaders(headers: Headers): boolean {
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    if (name.charCodeAt(1) === 45 && name.charCodeAt(7) === 45 && name.toLowerCase().startsWith('x-envoy-'))
      return true;
  }
  return false;
}

function takeNumber(headers: Headers, name: string): number | undefined {
  const value = numberOf(headers, name);
  removeHeader(headers, name);
  return value;
}

function numberOf(headers: Headers, name: string): number | undefined {
  const text = getHeader(headers, name);
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}
