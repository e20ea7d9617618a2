import { type Headers, indexOfHeader } from '../headers.ts';
import { isAuthority } from './characters.ts';
import type { Http1ErrorCode } from './error.ts';
import { gatherFacts } from './facts.ts';
import { frameRequest, frameResponse, keepsAlive, upgradeOf } from './framing.ts';
import type { Http1Limits } from './limits.ts';
import type { HttpVersion, RequestHead, ResponseHead, ResponseTo } from './message.ts';
import {
  FAILED,
  fieldCount,
  NEED_MORE,
  positions,
  scanError,
  scanFields,
  scanRequestLine,
  scanStatusLine,
} from './scan.ts';
import { parseTarget } from './target.ts';

// Heads from bytes: scan, cut into strings, judge. A head is either whole and sound, or an error's code, or not there yet.

/** A head and where the bytes after it begin; or an error's code; or undefined while bytes are missing. */
export type ParsedHead<Head> = { readonly head: Head; readonly end: number } | Http1ErrorCode | undefined;

/** Parses a request's head at `from`. */
export function parseRequestHead(bytes: Buffer, from: number, limits: Http1Limits): ParsedHead<RequestHead> {
  const lineEnd = scanRequestLine(bytes, from, limits);
  if (lineEnd < 0) return outcome(lineEnd);
  const methodTo = (positions[0] as number) - from;
  const targetTo = (positions[1] as number) - from;
  const version = readVersion(bytes, from + targetTo + 1, positions[2] as number);
  if (typeof version === 'string') return version;
  const end = scanFields(bytes, lineEnd, limits);
  if (end < 0) return outcome(end);
  const text = bytes.toString('latin1', from, end); // one string for all, and cheap slices of it
  const headers = cutFields(text, from);
  const head = judgeRequest(text.slice(0, methodTo), text.slice(methodTo + 1, targetTo), version, headers);
  return typeof head === 'string' ? head : { head, end };
}

function judgeRequest(
  method: string,
  target: string,
  version: HttpVersion,
  headers: Headers,
): RequestHead | Http1ErrorCode {
  const parts = parseTarget(method, target);
  if (parts === undefined) return 'bad_target';
  const facts = gatherFacts(headers);
  if (facts.hostCount > 1 || (facts.hostCount === 0 && version === 11) || !isAuthority(facts.host))
    return 'bad_host';
  const body = frameRequest(method, version, headers, facts);
  if (typeof body === 'string') return body;
  // RFC 9112 §3.2.2: the target's host replaces a Host that says something else.
  if (parts.authority !== undefined && facts.hostCount === 1)
    headers[indexOfHeader(headers, 'host', 0) + 1] = parts.authority;
  return {
    method,
    target,
    path: parts.path,
    authority: parts.authority ?? facts.host,
    version,
    headers,
    framing: body.framing,
    contentLength: body.length,
    keepAlive: keepsAlive(version, body.framing, facts),
    upgrade: upgradeOf(version, facts),
    expectContinue:
      version === 11 && body.framing !== 'none' && facts.expect.toLowerCase() === '100-continue',
  };
}

/** Parses a response's head at `from`. */
export function parseResponseHead(
  bytes: Buffer,
  from: number,
  limits: Http1Limits,
  to: ResponseTo,
): ParsedHead<ResponseHead> {
  const lineEnd = scanStatusLine(bytes, from, limits);
  if (lineEnd < 0) return outcome(lineEnd);
  const version = readVersion(bytes, from, Math.min(from + 8, lineEnd - 2));
  if (typeof version === 'string') return version;
  const status = readStatus(bytes, from + 8, lineEnd - 2);
  if (status < 0) return 'bad_start_line';
  const end = scanFields(bytes, lineEnd, limits);
  if (end < 0) return outcome(end);
  const text = bytes.toString('latin1', from, end);
  const reason = text.slice(13, Math.max(13, lineEnd - 2 - from));
  const head = judgeResponse(status, reason, version, cutFields(text, from), to);
  return typeof head === 'string' ? head : { head, end };
}

function judgeResponse(
  status: number,
  reason: string,
  version: HttpVersion,
  headers: Headers,
  to: ResponseTo,
): ResponseHead | Http1ErrorCode {
  const facts = gatherFacts(headers);
  const body = frameResponse(status, version, headers, facts, to);
  if (typeof body === 'string') return body;
  return {
    status,
    reason,
    version,
    headers,
    framing: body.framing,
    contentLength: body.length,
    keepAlive: keepsAlive(version, body.framing, facts),
    upgrade: upgradeOf(version, facts),
  };
}

/** `HTTP/1.` in bytes. */
const HTTP_1 = [72, 84, 84, 80, 47, 49, 46];

function readVersion(bytes: Buffer, from: number, to: number): HttpVersion | Http1ErrorCode {
  let matching = 0;
  while (matching < 7 && bytes[from + matching] === HTTP_1[matching]) matching++;
  if (matching === 7 && to - from === 8) {
    if (bytes[from + 7] === 49) return 11;
    if (bytes[from + 7] === 48) return 10;
  }
  return /^HTTP\/\d\.\d$/.test(bytes.toString('latin1', from, to)) ? 'unsupported_version' : 'bad_version';
}

/** ` 200 OK` -> 200; the space after the code may be missing with the phrase; -1 for anything else. */
function readStatus(bytes: Buffer, from: number, to: number): number {
  if (to < from + 4 || bytes[from] !== 32 || (to > from + 4 && bytes[from + 4] !== 32)) return -1;
  let status = 0;
  for (let i = from + 1; i < from + 4; i++) {
    const digit = (bytes[i] as number) - 48;
    if (digit < 0 || digit > 9) return -1;
    status = status * 10 + digit;
  }
  return status < 100 ? -1 : status;
}

/** The fields that scanFields() has just found, from a text whose first character is the byte at `textFrom`. */
export function cutFields(text: string, textFrom: number): Headers {
  const headers: Headers = [];
  for (let slot = 0; slot < 4 * fieldCount; slot += 4) {
    const name = text.slice(
      (positions[slot] as number) - textFrom,
      (positions[slot + 1] as number) - textFrom,
    );
    const value = text.slice(
      (positions[slot + 2] as number) - textFrom,
      (positions[slot + 3] as number) - textFrom,
    );
    headers.push(name, value);
  }
  return headers;
}

function outcome(result: number): Http1ErrorCode | undefined {
  if (result === FAILED) return scanError;
  if (result !== NEED_MORE) throw new Error('a scan returned neither a position nor a reason');
  return undefined;
}
