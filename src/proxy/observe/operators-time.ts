import { compileTime } from './format-time.ts';
import type { Command, MakeCommand, Operator } from './operator.ts';
import type { StreamFacts } from './stream-facts.ts';

// When things happened, and how long they took. Durations are whole units, cut as Envoy cuts them.

/** Milliseconds from the stream's start to a point; undefined where it was never reached. */
type Point = (facts: StreamFacts) => number | undefined;

const sent: Point = ({ upstream }) =>
  upstream === undefined || upstream.sentMs < 0 ? undefined : upstream.sentMs;

/** The last byte of the request leaves as soon as it is there and there is somewhere to send it. */
const requestSent: Point = (facts) => {
  const first = sent(facts);
  const received = facts.requestDurationMs;
  return first === undefined || received === undefined ? undefined : Math.max(first, received);
};

/** Points of COMMON_DURATION. Connecting is no part of a stream here: connections are kept. */
const POINTS: Readonly<Record<string, Point>> = {
  DS_RX_BEG: () => 0,
  DS_RX_END: (f) => f.requestDurationMs,
  US_CX_BEG: () => undefined,
  US_CX_END: () => undefined,
  US_HS_END: () => undefined,
  US_TX_BEG: sent,
  US_TX_END: requestSent,
  US_RX_BEG: (f) => f.responseDurationMs,
  US_RX_END: (f) => (f.responseDurationMs === undefined ? undefined : end(f)),
  DS_TX_BEG: (f) => f.responseDurationMs ?? end(f),
  DS_TX_END: end,
};

/** Of what is over: entries can be written before. */
function end({ logType, durationMs }: StreamFacts): number | undefined {
  return logType === 'DownstreamStart' || logType === 'DownstreamPeriodic' ? undefined : durationMs;
}

const PER_MS: Readonly<Record<string, number>> = { ms: 1, us: 1000, ns: 1_000_000 };

function between(from: Point, to: Point, perMs = 1): Operator {
  return (facts) => {
    const begin = from(facts);
    const end = to(facts);
    return begin === undefined || end === undefined
      ? undefined
      : Math.max(0, Math.floor((end - begin) * perMs));
  };
}

const begin: Point = () => 0;

export const TIME_OPERATORS: Readonly<Record<string, Operator>> = {
  DURATION: (f) => Math.floor(f.durationMs),
  REQUEST_DURATION: between(begin, (f) => f.requestDurationMs),
  REQUEST_TX_DURATION: between(begin, requestSent),
  RESPONSE_DURATION: between(begin, (f) => f.responseDurationMs),
  RESPONSE_TX_DURATION: between(
    (f) => f.responseDurationMs,
    (f) => f.durationMs,
  ),
  UPSTREAM_CONNECTION_POOL_READY_DURATION: between(begin, sent),
  DOWNSTREAM_HANDSHAKE_DURATION: () => undefined,
  ROUNDTRIP_DURATION: () => undefined,
};

/** Start and end of a stream, each with an optional strftime format. */
export const TIME_COMMANDS: Readonly<Record<string, MakeCommand>> = {
  START_TIME: (format) => at((f) => f.startTimeMs, format, false),
  START_TIME_LOCAL: (format) => at((f) => f.startTimeMs, format, true),
  EMIT_TIME: (format) => at((f) => f.startTimeMs + f.durationMs, format, false),
  EMIT_TIME_LOCAL: (format) => at((f) => f.startTimeMs + f.durationMs, format, true),
  COMMON_DURATION: (argument) => {
    const [from = '', to = '', precision = 'ms', ...more] = argument.split(':');
    const [first, last, perMs] = [POINTS[from], POINTS[to], PER_MS[precision]];
    if (first === undefined || last === undefined || perMs === undefined || more.length > 0)
      return `'${argument}' is not two points in time and a precision: DS_RX_BEG:DS_TX_END:ms`;
    return { text: between(first, last, perMs) };
  },
};

function at(time: (facts: StreamFacts) => number, format: string, isLocal: boolean): Command {
  const print = compileTime(format, isLocal);
  return { text: (facts) => print(time(facts)) };
}
