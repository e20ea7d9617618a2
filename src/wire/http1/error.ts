import type { Side } from '../connection.ts';

// What can be wrong with a message, and what the client is told. A bad response is always 502 (RFC 9110 section 15.6.3).

/** Stable names of what is wrong with a message. */
export type Http1ErrorCode = keyof typeof KINDS;

/** A message that must not be passed on. */
export interface Http1Error {
  readonly code: Http1ErrorCode;
  /** `downstream` for a bad request, `upstream` for a bad response. */
  readonly side: Side;
  /** What to answer the client: 400, 414, 431, 501 or 505 for a bad request, 502 for a bad response. */
  readonly status: number;
  /** Never: the same bytes would be wrong again, and the peer may have acted on them. */
  readonly retryable: false;
  /** A sentence for the person who reads the log; holds no byte of the message. */
  readonly message: string;
}

const KINDS = {
  bad_start_line: [400, 'The start line is not one of HTTP/1 (RFC 9112 section 2.1).'],
  bad_method: [400, 'The request method is not a token (RFC 9110 section 9.1).'],
  bad_target: [400, 'The request target is not valid for its method (RFC 9112 section 3.2).'],
  bad_version: [400, 'The HTTP version cannot be read (RFC 9112 section 2.3).'],
  unsupported_version: [505, 'The HTTP version is neither 1.0 nor 1.1 (RFC 9110 section 15.6.6).'],
  bad_host: [400, 'HTTP/1.1 needs exactly one valid Host (RFC 9112 section 3.2).'],
  bad_header_name: [
    400,
    'A field name is empty, not a token, or has space before the colon (RFC 9112 section 5.1).',
  ],
  bad_header_value: [400, 'A field value holds a control character (RFC 9110 section 5.5).'],
  bad_line_end: [400, 'A line ends in CR or LF alone (RFC 9112 section 2.2).'],
  obsolete_folding: [400, 'A field line goes on in the next one (RFC 9112 section 5.2).'],
  bad_content_length: [400, 'Content-Length is no number, or there are several (RFC 9112 section 6.3).'],
  conflicting_framing: [
    400,
    'Both Transfer-Encoding and Content-Length say where the body ends (RFC 9112 section 6.3).',
  ],
  unexpected_body: [400, 'A CONNECT request and a 204 response have no body (RFC 9110 section 9.3.6).'],
  bad_transfer_encoding: [
    400,
    'Transfer-Encoding does not end in one chunked, or is in HTTP/1.0 (RFC 9112 section 6.1).',
  ],
  unknown_transfer_coding: [501, 'Only the transfer coding chunked is supported (RFC 9112 section 6.1).'],
  bad_chunk: [400, 'A chunk has no valid size, extension or end (RFC 9112 section 7.1).'],
  bad_trailer: [400, 'A trailer field speaks of framing or routing (RFC 9110 section 6.5.1).'],
  unexpected_switch: [400, 'The server switched protocols without being asked (RFC 9110 section 15.2.2).'],
  start_line_too_long: [414, 'The start line is longer than the limit (RFC 9110 section 15.5.15).'],
  headers_too_large: [431, 'The fields are larger than the limit (RFC 6585 section 5).'],
  too_many_headers: [431, 'There are more fields than the limit (RFC 6585 section 5).'],
  chunk_line_too_long: [400, 'The chunk extensions are longer than the limit (RFC 9112 section 7.1.1).'],
  too_many_informational: [400, 'The server sent more 1xx responses than the limit (RFC 9110 section 15.2).'],
  too_much_held: [400, 'More bytes arrived than may wait for their turn.'],
  incomplete: [400, 'The connection ended within a message (RFC 9112 section 8).'],
  ended_before_head: [400, 'The connection ended before the response began.'],
} as const satisfies Record<string, readonly [number, string]>;

/** Makes the value. */
export function http1Error(code: Http1ErrorCode, side: Side): Http1Error {
  const [requestStatus, message] = KINDS[code];
  return { code, side, status: side === 'upstream' ? 502 : requestStatus, retryable: false, message };
}
