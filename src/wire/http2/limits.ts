/** A rate: so many at once, then so many a second. */
export interface Rate {
  readonly burst: number;
  readonly perSecond: number;
}

/**
 * How much a peer may make us hold and do. Beyond a flood limit the connection ends with GOAWAY ENHANCE_YOUR_CALM;
 * beyond a limit of one stream that stream is reset.
 */
export interface Http2Limits {
  /** Streams the peer may have open at once (announced); more are refused with REFUSED_STREAM. */
  readonly maxConcurrentStreams: number;
  /** Streams we open at once, however many the peer would take. */
  readonly maxOwnStreams: number;
  /** What a stream's peer may send before our consumer has taken it (announced). */
  readonly streamWindowBytes: number;
  /** The same for all streams of the connection together: the most body bytes held per connection. */
  readonly connectionWindowBytes: number;
  /** Names + values + 32 per field of a decoded head or trailers (announced); more is answered with 431 or reset. */
  readonly maxHeaderListBytes: number;
  /** Fields of a head or trailers. */
  readonly maxHeaderCount: number;
  /** A compressed header block, gathered from HEADERS and CONTINUATION. Flood. */
  readonly maxHeaderBlockBytes: number;
  /** CONTINUATION frames of one header block (CVE-2024-27316 and kin). Flood. */
  readonly maxContinuationFrames: number;
  /** 1xx heads before a final one. */
  readonly maxInformationalHeads: number;
  /** Streams the peer opened and ended early by reset, or made us reset (CVE-2023-44487, CVE-2025-8671). Flood. */
  readonly earlyResets: Rate;
  /** SETTINGS frames. Flood. */
  readonly settingsFrames: Rate;
  /** PING frames to answer. Flood. */
  readonly pingFrames: Rate;
  /** DATA frames that carry nothing and end nothing. Flood. */
  readonly emptyDataFrames: Rate;
  /** Frames without effect: PRIORITY, unknown types, anything for streams that are gone. Flood. */
  readonly idleFrames: Rate;
  /** WINDOW_UPDATE frames; every DATA frame sent allows windowUpdatesPerDataFrame more. Flood. */
  readonly windowUpdateFrames: Rate;
  readonly windowUpdatesPerDataFrame: number;
  /** A message that breaks the rules of HTTP ends the connection, in place of its stream. */
  readonly badMessageEndsConnection: boolean;
  /** Bytes waiting for a peer that does not read: answers to PING, SETTINGS, resets, heads. Flood. */
  readonly maxUnsentBytes: number;
  /** So much is gathered of all streams before it is handed to the transport, whose answer then counts. */
  readonly handOverBytes: number;
  /** From here sendData answers false: wait for onDrain. */
  readonly sendQueueHighBytes: number;
  /** A stream whose consumer goes on beyond this is reset: the consumer does not wait for onDrain. */
  readonly maxSendQueueBytes: number;
}

/** Entries in one SETTINGS frame that are looked at; there are eight kinds, some send a few unknown ones. */
export const MAX_SETTINGS_ENTRIES = 64;

/** Streams we reset lately are remembered, since frames of them may still be on their way (RFC 9113 §5.1). */
export const MAX_REMEMBERED_RESETS = 512;

/** Before the peer's SETTINGS came, no more streams than this are opened (RFC 9113 §6.5.2 recommends no less than 100). */
export const CONCURRENT_STREAMS_UNTIL_TOLD = 100;

/** What protects a proxy and does not disturb it. */
export const DEFAULT_HTTP2_LIMITS: Http2Limits = {
  maxConcurrentStreams: 256,
  maxOwnStreams: 1024,
  streamWindowBytes: 256 * 1024,
  connectionWindowBytes: 1024 * 1024,
  maxHeaderListBytes: 64 * 1024,
  maxHeaderCount: 200,
  maxHeaderBlockBytes: 128 * 1024,
  maxContinuationFrames: 16,
  maxInformationalHeads: 16,
  earlyResets: { burst: 500, perSecond: 100 },
  settingsFrames: { burst: 32, perSecond: 4 },
  pingFrames: { burst: 200, perSecond: 50 },
  emptyDataFrames: { burst: 100, perSecond: 10 },
  idleFrames: { burst: 1000, perSecond: 200 },
  windowUpdateFrames: { burst: 2000, perSecond: 200 },
  // As in Envoy: a receiver may update both windows a few times for each frame.
  windowUpdatesPerDataFrame: 10,
  badMessageEndsConnection: false,
  maxUnsentBytes: 1024 * 1024,
  handOverBytes: 64 * 1024,
  sendQueueHighBytes: 64 * 1024,
  maxSendQueueBytes: 16 * 1024 * 1024,
};
