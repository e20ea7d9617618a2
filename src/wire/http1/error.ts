import type { Side } from '../connection.ts';

/** Stable names of what is wrong with a message. */
export type Http1ErrorCode =
  | 'bad_start_line'
  | 'bad_method'
  | 'bad_target'
  | 'bad_version'
  | 'bad_host'
  | 'bad_header_name'
  | 'bad_header_value'
  | 'bad_line_end'
  | 'obsolete_folding'
  | 'bad_content_length'
  | 'conflicting_framing'
  | 'bad_transfer_encoding'
  | 'unknown_transfer_coding'
  | 'bad_chunk'
  | 'bad_trailer'
  | 'unexpected_switch'
  | 'start_line_too_long'
  | 'headers_too_large'
  | 'too_many_headers'
  | 'chunk_line_too_long'
  | 'too_much_held'
  | 'incomplete';

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
