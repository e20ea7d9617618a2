import { equalsLowerCase, type Headers } from '../headers.ts';
import type { Http1ErrorCode } from './error.ts';
import { type Facts, listHas } from './facts.ts';
import type { Framing, HttpVersion, ResponseTo } from './message.ts';

// Where a body ends (RFC 9112 §6.3) and whether the connection stays (§9.3). The rule above the rules: what another
// reader could take differently is refused, even where the RFC lets a recipient repair it.

/** How the body ends; `length` is its length with framing `length`, 0 with `none`, else -1. */
export interface BodyFraming {
  readonly framing: Framing;
  readonly length: number;
}

const NONE: BodyFraming = { framing: 'none', length: 0 };
const CHUNKED: BodyFraming = { framing: 'chunked', length: -1 };
const UNTIL_CLOSE: BodyFraming = { framing: 'until-close', length: -1 };
const RAW: BodyFraming = { framing: 'raw', length: -1 };

/** The framing of a request. May write Content-Length back in its plain form. */
export function frameRequest(
  method: string,
  version: HttpVersion,
  headers: Headers,
  facts: Facts,
): BodyFraming | Http1ErrorCode {
  if (facts.transferEncodingCount === 0 && facts.contentLengthCount === 0) return NONE;
  const framing = frameByFields(version, headers, facts) ?? NONE;
  if (typeof framing === 'string' || method !== 'CONNECT' || framing.framing === 'none') return framing;
  return 'unexpected_body';
}

/** The framing of a response, given what it answers. */
export function frameResponse(
  status: number,
  version: HttpVersion,
  headers: Headers,
  facts: Facts,
  to: ResponseTo,
): BodyFraming | Http1ErrorCode {
  const byFields = frameByFields(version, headers, facts);
  if (typeof byFields === 'string') return byFields;
  if (status === 101) return to.upgrade ? RAW : 'unexpected_switch';
  // A 204 has no body (RFC 9110 §15.3.5): one that announces some would be read as the next response's beginning.
  if (status === 204 && byFields !== undefined && byFields.framing !== 'none') return 'unexpected_body';
  if (to.method === 'CONNECT' && status >= 200 && status < 300) return RAW;
  if (to.method === 'HEAD' || status < 200 || status === 204 || status === 304) return NONE;
  return byFields ?? UNTIL_CLOSE;
}

function frameByFields(
  version: HttpVersion,
  headers: Headers,
  facts: Facts,
): BodyFraming | Http1ErrorCode | undefined {
  if (facts.transferEncodingCount > 0) {
    if (facts.contentLengthCount > 0) return 'conflicting_framing';
    // Several lines are one list (RFC 9110 §5.3), but some readers take the first and some the last.
    if (facts.transferEncodingCount > 1) return 'bad_transfer_encoding';
    return frameByCoding(version, facts.transferEncoding);
  }
  if (facts.contentLengthCount === 0) return undefined;
  // Two equal lengths could be merged (RFC 9110 §8.6), but the next reader may take the other one.
  if (facts.contentLengthCount > 1) return 'bad_content_length';
  const length = parseContentLength(headers[facts.contentLengthAt] as string);
  if (length < 0) return 'bad_content_length';
  headers[facts.contentLengthAt] = String(length); // 007 goes on as 7: some readers know octal
  return length === 0 ? NONE : { framing: 'length', length };
}

function frameByCoding(version: HttpVersion, codings: string): BodyFraming | Http1ErrorCode {
  if (version === 10) return 'bad_transfer_encoding';
  if (equalsLowerCase(codings, 'chunked')) return CHUNKED;
  const list = codings.split(',').map((coding) => coding.trim().toLowerCase());
  const isChunkedLast = list.indexOf('chunked') === list.length - 1 && list.every((coding) => coding !== '');
  return isChunkedLast ? 'unknown_transfer_coding' : 'bad_transfer_encoding';
}

/** 1*DIGIT, exact as a number; -1 for anything else. */
function parseContentLength(text: string): number {
  if (text.length === 0 || text.length > 24) return -1;
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return -1;
    length = length * 10 + digit;
  }
  return length <= Number.MAX_SAFE_INTEGER ? length : -1;
}

/** Whether the sender of a head lets the connection live on after the message (RFC 9112 §9.3). */
export function keepsAlive(version: HttpVersion, framing: Framing, facts: Facts): boolean {
  if (framing === 'until-close' || framing === 'raw') return false;
  if (version === 11) return facts.connection === '' || !listHas(facts.connection, 'close');
  return listHas(facts.connection, 'keep-alive') && !listHas(facts.connection, 'close');
}

/** The protocols an HTTP/1.1 peer offers to switch to, '' when none (RFC 9110 §7.8: both fields are needed). */
export function upgradeOf(version: HttpVersion, facts: Facts): string {
  if (facts.upgrade === '' || version === 10) return '';
  return listHas(facts.connection, 'upgrade') ? facts.upgrade : '';
}
