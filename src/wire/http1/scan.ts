import { FIELD_VALUE, TARGET, TOKEN } from './characters.ts';
import type { Http1ErrorCode } from './error.ts';
import type { Http1Limits } from './limits.ts';

// Finds the parts of heads in bytes and checks every byte on the way, strictly left to right: the same bytes give the
// same first error however they were split. Positions go into one shared array, because a scan never waits: what is
// found is turned into strings before anything else runs. Positions are absolute in the scanned buffer.

/** More bytes are needed. */
export const NEED_MORE = -1;
/** Something is wrong: `scanError` says what. */
export const FAILED = -2;

/** Field lines found by the last scanFields(), 4 positions each: name from, name to, value from, value to. */
export const positions = new Int32Array(4 * 1024);
/** The largest maxHeaderCount there is room for. */
export const MAX_FIELDS = positions.length / 4;
/** How many field lines the last scanFields() found. */
export let fieldCount = 0;
/** Why the last scan returned FAILED. */
export let scanError: Http1ErrorCode = 'bad_start_line';

const TAB = 9;
const LF = 10;
const CR = 13;
const SPACE = 32;
const COLON = 58;

function failed(code: Http1ErrorCode): number {
  scanError = code;
  return FAILED;
}

/**
 * Scans `method SP target SP version CRLF` (RFC 9112 §3) and returns the position after it. `positions` 0 to 2 hold
 * the end of the method, the end of the target and the end of the version; the version's text is not judged here.
 */
export function scanRequestLine(bytes: Uint8Array, from: number, limits: Http1Limits): number {
  const stop = Math.min(bytes.length, from + limits.maxStartLineBytes);
  let at = from;
  while (at < stop && TOKEN[bytes[at] as number] === 1) at++;
  if (at === stop) return ranOut(stop, from, limits.maxStartLineBytes, 'start_line_too_long');
  if (bytes[at] !== SPACE || at === from)
    return failed(isLineEnd(bytes[at]) ? 'bad_start_line' : 'bad_method');
  positions[0] = at++;
  while (at < stop && TARGET[bytes[at] as number] === 1) at++;
  if (at === stop) return ranOut(stop, from, limits.maxStartLineBytes, 'start_line_too_long');
  if (bytes[at] !== SPACE || at === (positions[0] as number) + 1)
    return failed(isLineEnd(bytes[at]) ? 'bad_start_line' : 'bad_target');
  positions[1] = at++;
  return scanRestOfLine(bytes, at, from, stop, limits, 2);
}

/** Scans a status line (RFC 9112 §4) up to its CRLF; `positions` 2 holds its end. Its text is not judged here. */
export function scanStatusLine(bytes: Uint8Array, from: number, limits: Http1Limits): number {
  const stop = Math.min(bytes.length, from + limits.maxStartLineBytes);
  return scanRestOfLine(bytes, from, from, stop, limits, 2);
}

function scanRestOfLine(
  bytes: Uint8Array,
  from: number,
  lineStart: number,
  stop: number,
  limits: Http1Limits,
  slot: number,
): number {
  let at = from;
  while (at < stop && FIELD_VALUE[bytes[at] as number] === 1) at++;
  if (at === stop) return ranOut(stop, lineStart, limits.maxStartLineBytes, 'start_line_too_long');
  positions[slot] = at;
  if (bytes[at] !== CR) return failed(bytes[at] === LF ? 'bad_line_end' : 'bad_start_line');
  if (at + 1 === stop) return ranOut(stop, lineStart, limits.maxStartLineBytes, 'start_line_too_long');
  return bytes[at + 1] === LF ? at + 2 : failed('bad_line_end');
}

/**
 * Scans field lines and the empty line after them (RFC 9112 §5, also trailers §7.1.2) and returns the position after
 * it. Values are without the white space around them.
 */
export function scanFields(bytes: Uint8Array, from: number, limits: Http1Limits): number {
  const stop = Math.min(bytes.length, from + limits.maxHeaderBytes);
  let at = from;
  let count = 0;
  for (;;) {
    const nameFrom = at;
    while (at < stop && TOKEN[bytes[at] as number] === 1) at++;
    if (at === stop) return ranOut(stop, from, limits.maxHeaderBytes, 'headers_too_large');
    if (bytes[at] !== COLON || at === nameFrom) {
      if (bytes[at] !== CR || at !== nameFrom) return failed(wrongName(bytes[at] as number, at === nameFrom));
      if (at + 1 === stop) return ranOut(stop, from, limits.maxHeaderBytes, 'headers_too_large');
      fieldCount = count;
      return bytes[at + 1] === LF ? at + 2 : failed('bad_line_end');
    }
    if (count === limits.maxHeaderCount) return failed('too_many_headers');
    const nameTo = at++;
    while (at < stop && (bytes[at] === SPACE || bytes[at] === TAB)) at++;
    const valueFrom = at;
    at = skipValue(bytes, at, stop);
    if (at === stop) return ranOut(stop, from, limits.maxHeaderBytes, 'headers_too_large');
    if (bytes[at] !== CR) return failed(bytes[at] === LF ? 'bad_line_end' : 'bad_header_value');
    if (at + 1 === stop) return ranOut(stop, from, limits.maxHeaderBytes, 'headers_too_large');
    if (bytes[at + 1] !== LF) return failed('bad_line_end');
    let valueTo = at;
    while (valueTo > valueFrom && (bytes[valueTo - 1] === SPACE || bytes[valueTo - 1] === TAB)) valueTo--;
    const slot = 4 * count++;
    positions[slot] = nameFrom;
    positions[slot + 1] = nameTo;
    positions[slot + 2] = valueFrom;
    positions[slot + 3] = valueTo;
    at += 2;
  }
}

/** The first byte from `at` that may not stand in a value, or `stop`. Four at a time: this is half of a head's cost. */
function skipValue(bytes: Uint8Array, from: number, stop: number): number {
  let at = from;
  const T = FIELD_VALUE;
  while (at + 4 <= stop) {
    const first = (T[bytes[at] as number] as number) & (T[bytes[at + 1] as number] as number);
    const second = (T[bytes[at + 2] as number] as number) & (T[bytes[at + 3] as number] as number);
    if ((first & second) === 0) break;
    at += 4;
  }
  while (at < stop && T[bytes[at] as number] === 1) at++;
  return at;
}

function wrongName(byte: number, atLineStart: boolean): Http1ErrorCode {
  if (atLineStart && (byte === SPACE || byte === TAB)) return 'obsolete_folding';
  return isLineEnd(byte) && atLineStart ? 'bad_line_end' : 'bad_header_name';
}

function isLineEnd(byte: number | undefined): boolean {
  return byte === CR || byte === LF;
}

/** The scan stopped at `stop`: because that is the limit, or because the bytes so far end there. */
function ranOut(stop: number, from: number, limitBytes: number, code: Http1ErrorCode): number {
  return stop - from >= limitBytes ? failed(code) : NEED_MORE;
}
