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
  const methodTo = positions[0] as number;
  const targetTo = positions[1] as number;
  const versionTo = positions[2] as number;
  const line = bytes.toString('latin1', from, versionTo);
  const version = parseVersion(line.slice(targetTo + 1 - from));
  if (typeof version === 'string') return version;
  const end = scanFields(bytes, lineEnd, limits);
  if (end < 0) return outcome(end);
  const headers = cutFields(bytes, lineEnd, end);
  const head = judgeRequest(
    line.slice(0, methodTo - from),
    line.slice(methodTo + 1 - from, targetTo - from),
    version,
    headers,
  );
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
  const line = bytes.toString('latin1', from, lineEnd - 2);
  const version = parseVersion(line.slice(0, 8));
  if (typeof version === 'string') return version;
  const status = parseStatus(line);
  if (status < 0) return 'bad_start_line';
  const end = scanFields(bytes, lineEnd, limits);
  if (end < 0) return outcome(end);
  const headers = cutFields(bytes, lineEnd, end);
  const head = judgeResponse(status, line.slice(13), version, headers, to);
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

function parseVersion(text: string): HttpVersion | Http1ErrorCode {
  if (text === 'HTTP/1.1') return 11;
  if (text === 'HTTP/1.0') return 10;
  return /^HTTP\/\d\.\d$/.test(text) ? 'unsupported_version' : 'bad_version';
}

/** `HTTP/1.1 200 OK` -> 200; the space after the code may be missing with the phrase; -1 for anything else. */
function parseStatus(line: string): number {
  if (line.charCodeAt(8) !== 32 || (line.length > 12 && line.charCodeAt(12) !== 32)) return -1;
  const digits = line.slice(9, 12);
  return /^[1-9]\d\d$/.test(digits) ? Number(digits) : -1;
}

/** The fields that scanFields() has just found. One string for all, and cheap slices of it. */
export function cutFields(bytes: Buffer, from: number, to: number): Headers {
  const text = bytes.toString('latin1', from, to);
  const headers: Headers = [];
  for (let slot = 0; slot < 4 * fieldCount; slot += 4) {
    const name = text.slice((positions[slot] as number) - from, (positions[slot + 1] as number) - from);
    const value = text.slice((positions[slot + 2] as number) - from, (positions[slot + 3] as number) - from);
    headers.push(name, value);
  }
  return headers;
}

function outcome(result: number): Http1ErrorCode | undefined {
  if (result === FAILED) return scanError;
  if (result !== NEED_MORE) throw new Error('a scan returned neither a position nor a reason');
  return undefined;
}
