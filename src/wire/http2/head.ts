import type { Headers } from '../headers.ts';

/** A request's head. Names in `headers` are lower case and hold no pseudo-header and no `host`. */
export interface RequestHead {
  readonly method: string;
  /** `http` or `https`; '' for CONNECT without a protocol. */
  readonly scheme: string;
  /** `:authority`, or else the Host header; '' when there was neither. */
  readonly authority: string;
  /** `:path` with query, `*` for OPTIONS on the server; '' for CONNECT without a protocol. */
  readonly path: string;
  /** `:protocol` of an extended CONNECT (RFC 8441), such as `websocket`; otherwise ''. */
  readonly protocol: string;
  /** The receiver owns the array and may change it. */
  readonly headers: Headers;
}

/** A response's head; 1xx ones come before the final one. */
export interface ResponseHead {
  readonly status: number;
  /** As in RequestHead. */
  readonly headers: Headers;
}
