// HTTP/2 (RFC 9113) and HPACK (RFC 7541) without I/O, both roles.
// In: bytes as a socket delivers them, split anywhere, and the consumer's own calls. Out: events (heads, body bytes,
// trailers, ends) and bytes to write, gathered per turn. Called by the proxy's stream engine and by wire/grpc.
// Never happens: a throw at bad input; a peer that makes us hold more than limits.ts names; an event after onClose.
//
//   drive.ts         a connection over a socket            connection.ts    the state machine: what a consumer holds
//   stream.ts        one exchange: what a consumer holds   head.ts          heads of messages, head-reader.ts checks them
//   receiver.ts      frames -> events                      sender.ts        calls -> frames, windows, fair turns
//   frame-parser.ts  bytes -> frames                       frame-writer.ts  frames -> bytes
//   shared-frames.ts frames made once for many            flood-guard.ts   peers that only make work
//   hpack/           header compression

/** Frame types (RFC 9113 §6). */
export const FRAME = {
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PUSH_PROMISE: 5,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
} as const;

/** Frame flags. END_STREAM and ACK share a bit on different types. */
export const FLAG = { END_STREAM: 0x1, ACK: 0x1, END_HEADERS: 0x4, PADDED: 0x8, PRIORITY: 0x20 } as const;

/** Error codes of RST_STREAM and GOAWAY (RFC 9113 §7). */
export const ERROR_CODE = {
  NO_ERROR: 0,
  PROTOCOL_ERROR: 1,
  INTERNAL_ERROR: 2,
  FLOW_CONTROL_ERROR: 3,
  SETTINGS_TIMEOUT: 4,
  STREAM_CLOSED: 5,
  FRAME_SIZE_ERROR: 6,
  REFUSED_STREAM: 7,
  CANCEL: 8,
  COMPRESSION_ERROR: 9,
  CONNECT_ERROR: 10,
  ENHANCE_YOUR_CALM: 11,
  INADEQUATE_SECURITY: 12,
  HTTP_1_1_REQUIRED: 13,
} as const;

const ERROR_NAMES = Object.keys(ERROR_CODE);

/** `PROTOCOL_ERROR` for 1; `error 99` for a code nobody knows. */
export function errorName(code: number): string {
  return ERROR_NAMES[code] ?? `error ${code}`;
}

/** Identifiers in SETTINGS (RFC 9113 §6.5.2, RFC 8441 §3). */
export const SETTING = {
  HEADER_TABLE_SIZE: 1,
  ENABLE_PUSH: 2,
  MAX_CONCURRENT_STREAMS: 3,
  INITIAL_WINDOW_SIZE: 4,
  MAX_FRAME_SIZE: 5,
  MAX_HEADER_LIST_SIZE: 6,
  ENABLE_CONNECT_PROTOCOL: 8,
} as const;

/** Bytes before every frame's payload. */
export const FRAME_HEADER_BYTES = 9;

/** The largest frame anybody may send unasked, and the largest weft accepts and sends. */
export const DEFAULT_MAX_FRAME_BYTES = 16_384;

/** Windows start here until SETTINGS or WINDOW_UPDATE say otherwise. */
export const DEFAULT_WINDOW_BYTES = 65_535;

/** Largest window and largest stream id. */
export const MAX_31_BITS = 0x7fff_ffff;

/** What a client sends first (RFC 9113 §3.4). */
export const CLIENT_PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
