/** How much of a message is taken before it is refused. */
export interface Http1Limits {
  /** Request line or status line with its line end -> 414 (RFC 9112 §3). */
  readonly maxStartLineBytes: number;
  /** All field lines of a head, or of trailers, with their line ends -> 431 (RFC 6585 §5). */
  readonly maxHeaderBytes: number;
  /** Field lines of a head, or of trailers -> 431. */
  readonly maxHeaderCount: number;
  /** One chunk-size line with its extensions -> 400. */
  readonly maxChunkLineBytes: number;
  /** All chunk extensions of one message: they carry nothing and cost parsing -> 400. */
  readonly maxChunkExtensionBytes: number;
  /** 1xx heads before the final one -> 502. */
  readonly maxInformationalHeads: number;
  /** Bytes held while paused or between messages; a reader that stops reading its socket stays far below. */
  readonly maxHeldBytes: number;
}

/** Envoy's defaults where it has them (60 KiB of headers, 100 headers); room for a long query in the start line. */
export const DEFAULT_HTTP1_LIMITS: Http1Limits = {
  maxStartLineBytes: 32 * 1024,
  maxHeaderBytes: 60 * 1024,
  maxHeaderCount: 100,
  maxChunkLineBytes: 1024,
  maxChunkExtensionBytes: 16 * 1024,
  maxInformationalHeads: 16,
  maxHeldBytes: 1024 * 1024,
};

/** Past this a scan of a head or of trailers is sure to end: with one, or with a limit. */
export function maxHeadBytes(limits: Http1Limits): number {
  return limits.maxStartLineBytes + limits.maxHeaderBytes;
}
