import type { Random } from '../../../lib/random.ts';
import { type Headers, indexOfHeader } from '../../../wire/headers.ts';

// Which requests are recorded. The decision is a digit of x-request-id (as Envoy's UUID extension packs it), so every
// proxy on the way finds it there; the draw is that id's first digits, so that all of them would decide alike.

export type TraceReason = 'none' | 'sampling' | 'service-forced' | 'client-forced' | 'health-check';

/** Shares in parts of ten thousand, and what x-request-id is for. */
export interface Sampling {
  /** Of requests with x-client-trace-id. */
  readonly client: number;
  readonly random: number;
  /** Of those that would be recorded. */
  readonly overall: number;
  /** The id decides; else every request is recorded unless its context says no. */
  readonly byRequestId: boolean;
  /** The decision is written into the id. */
  readonly packsReason: boolean;
}

const UUID_LENGTH = 36;
/** Where a UUID of version 4 says so. */
const REASON_AT = 14;
const DIGITS: Readonly<Record<string, TraceReason>> = {
  '9': 'sampling',
  a: 'service-forced',
  b: 'client-forced',
};
const DIGIT_OF: Readonly<Record<TraceReason, string>> = {
  none: '4',
  sampling: '9',
  'service-forced': 'a',
  'client-forced': 'b',
  'health-check': '4',
};

/** Why a request is recorded, or that it is not. Writes the decision into x-request-id where it is new. */
export function decide(headers: Headers, sampling: Sampling, random: Random): TraceReason {
  if (!sampling.byRequestId) return 'sampling';
  const at = indexOfHeader(headers, 'x-request-id', 0);
  if (at < 0) return 'none';
  const id = headers[at + 1] as string;
  const draw = drawOf(id);
  if (draw < 0) return 'none';
  let reason = reasonOf(id);
  const before = reason;
  if (reason === 'none') reason = newReason(headers, sampling, draw, random);
  if (reason !== 'none' && draw >= sampling.overall) reason = 'none';
  if (reason !== before && sampling.packsReason && id.length === UUID_LENGTH)
    headers[at + 1] = id.slice(0, REASON_AT) + DIGIT_OF[reason] + id.slice(REASON_AT + 1);
  return reason;
}

/** The id without a decision: whoever is outside does not choose what is recorded. */
export function withoutReason(id: string): string {
  return reasonOf(id) === 'none' ? id : `${id.slice(0, REASON_AT)}4${id.slice(REASON_AT + 1)}`;
}

function reasonOf(id: string): TraceReason {
  return (id.length === UUID_LENGTH ? DIGITS[id[REASON_AT] as string] : undefined) ?? 'none';
}

function newReason(headers: Headers, sampling: Sampling, draw: number, random: Random): TraceReason {
  if (indexOfHeader(headers, 'x-client-trace-id', 0) >= 0 && random.below(10_000) < sampling.client)
    return 'client-forced';
  if (indexOfHeader(headers, 'x-envoy-force-trace', 0) >= 0) return 'service-forced';
  return draw < sampling.random ? 'sampling' : 'none';
}

/** The first eight digits of the id modulo 10,000; -1 where they are none. */
function drawOf(id: string): number {
  if (id.length < 8) return -1;
  let value = 0;
  for (let i = 0; i < 8; i++) {
    const digit = digitOf(id.charCodeAt(i));
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value % 10_000;
}

function digitOf(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const lower = code | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}
